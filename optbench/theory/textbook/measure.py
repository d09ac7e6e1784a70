"""Numbers of one recorded path or curve, on plain arrays."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

SIGNAL_SEED = 666
SIGNAL_LENGTH = 30


def textbook_signal() -> NDArray[np.float64]:
    """The textbook's 30 whole numbers from 5 to 39, numpy's legacy generator at seed 666."""
    generator = np.random.RandomState(SIGNAL_SEED)
    return generator.randint(5, 40, SIGNAL_LENGTH).astype(np.float64)


def average(beta: float, signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """The exponentially weighted average `s_0 = y_0, s_t = beta s_{t-1} + (1 - beta) y_t`."""
    pairs = itertools.accumulate(signal, lambda s, y: beta * s + (1 - beta) * y)
    return np.fromiter(pairs, dtype=np.float64, count=len(signal))


def roughness(values: NDArray[np.float64]) -> float:
    """Mean absolute change from point to point, in the unit of the values."""
    return float(np.abs(np.diff(values)).mean())


def ravine_gradient(path: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gradient of x^2/16 + 9 y^2 along a path, both of shape (n, 2)."""
    gradient: NDArray[np.float64] = path * np.array([1 / 8, 18.0])
    return gradient


def updates(path: NDArray[np.float64]) -> NDArray[np.float64]:
    """Steps along a path, shape (n - 1, coordinates)."""
    steps: NDArray[np.float64] = np.diff(path, axis=0)
    return steps


def reversals(path: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of steps whose sign is opposite to the step before, a coordinate, in [0, 1]."""
    step = np.sign(updates(path))
    share: NDArray[np.float64] = (step[1:] * step[:-1] < 0).mean(axis=0)
    return share


def gain(path: NDArray[np.float64], gradient: NDArray[np.float64], lr: float) -> NDArray[np.float64]:
    """How much farther the steps go than plain descent's would on the same gradients, a coordinate.

    sum |w_{t+1} - w_t| / (lr sum |g_t|): 1 for plain descent. A heavy ball under a constant gradient
    tends to 1 / (1 - b), under one that alternates to 1 / (1 + b).

    Args:
        path: shape (n, coordinates).
        gradient: at its points, same shape.
        lr: learning rate (> 0).
    """
    way: NDArray[np.float64] = np.abs(updates(path)).sum(axis=0)
    plain: NDArray[np.float64] = lr * np.abs(gradient[:-1]).sum(axis=0)
    return way / plain


def effective_lr(path: NDArray[np.float64], gradient: NDArray[np.float64]) -> NDArray[np.float64]:
    """|w_{t+1} - w_t| / |g_t| a coordinate, shape (n - 1, coordinates); NaN where the gradient is tiny.

    A quotient of differences: below a gradient of 1e-9 of the largest it would be mostly rounding.
    """
    size = np.abs(gradient[:-1])
    known = size > 1e-9 * size.max(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(known, np.abs(updates(path)) / size, np.nan)


def largest_rise(values: NDArray[np.float64]) -> float:
    """Largest value over the least one before it, minus 1; 0 for a sequence that only falls."""
    known = values[np.isfinite(values)]
    return float((known / np.minimum.accumulate(known)).max() - 1)


def rise(losses: ArrayLike) -> float:
    """All rises of a loss over its whole fall, sum max(0, L_{t+1} - L_t) / (L_0 - min L); inf without a fall.

    0 just where the loss never rises. A run that blew up ends in a loss that is not finite: inf.
    """
    loss = np.asarray(losses, dtype=float)
    fall = loss[0] - loss.min()
    if not np.isfinite(loss).all() or fall <= 0:
        return float("inf")
    return float(np.maximum(np.diff(loss), 0).sum() / fall)


def largest_gap(one: ArrayLike, other: ArrayLike) -> float:
    """Largest difference of two curves on one grid, over the larger of the two values there."""
    a, b = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    size = np.maximum(np.abs(a), np.abs(b))
    return float((np.abs(a - b) / np.where(size > 0, size, 1)).max())


def last_fifth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The last fifth of a curve, at least one value."""
    return values[-max(1, len(values) // 5) :]
