"""What the page's lesson computes: descent and heavy ball on quadratics, without noise and with it.

Closed forms where there are any (`optbench.theory.oracle.forms`, `optbench.tables.heavy_ball`); the moments
of a noisy run by their own recursion, which is exact. The page's script has the same functions.
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

DIRECTIONS: Final = 5
"""Directions of the quadratic that is taken apart."""

RAVINE_STEPS: Final = 120
"""Steps of the runs on the ravine."""

NOISY: Final = (0.03, 1.0)
"""Curvatures of the noisy quadratic."""

NOISY_STEPS: Final = 400


class Expected(NamedTuple):
    """The loss to expect of a noisy run, in two parts, shape (steps + 1,) each.

    `start` is what is left of the distance from the start, `noise` what the noise adds to it.
    """

    start: NDArray[np.float64]
    noise: NDArray[np.float64]

    @property
    def loss(self) -> NDArray[np.float64]:
        """Both together."""
        return self.start + self.noise


def directions(condition: float, count: int = DIRECTIONS) -> tuple[float, ...]:
    """Return curvatures from 1/condition to 1, evenly spaced in their logarithm."""
    return tuple(float(h) for h in np.geomspace(1 / condition, 1.0, count))


def even_start(curvatures: Sequence[float]) -> tuple[float, ...]:
    """Return a place from which each direction has the same part of a loss of 1."""
    return tuple(math.sqrt(2 / (len(curvatures) * h)) for h in curvatures)


def heavy_ball(
    lr: float, momentum: float, curvatures: Sequence[float], start: Sequence[float], steps: int
) -> NDArray[np.float64]:
    """Return the places of v <- b v + g; w <- w - lr v on sum h w^2 / 2 from v = 0, shape (steps + 1, n)."""
    h, w = np.asarray(curvatures, float), np.asarray(start, float)
    v, places = np.zeros_like(w), [w]
    with np.errstate(all="ignore"):  # a rate at which it diverges
        for _ in range(steps):
            v = momentum * v + h * w
            w = w - lr * v
            places.append(w)
    return np.array(places)


def parts_of_loss(places: ArrayLike, curvatures: Sequence[float]) -> NDArray[np.float64]:
    """Return what each direction has of the loss, h w^2 / 2, shape (steps + 1, n)."""
    with np.errstate(over="ignore"):
        return np.asarray(np.asarray(curvatures) * np.asarray(places, float) ** 2 / 2)


def expected(
    rates: ArrayLike, momentum: float, curvatures: Sequence[float], start: Sequence[float], noise: float
) -> Expected:
    """Return the loss to expect of the heavy ball whose every gradient is off by N(0, noise^2).

    In a direction of curvature h the pair (w, v) moves by A = [[1 - lr h, -lr b], [h, b]], and the noise
    enters by (-lr, 1): its mean m goes to A m, its covariance C to A C A' + noise^2 (-lr, 1)(-lr, 1)'.

    Args:
        rates: the learning rate of each step, shape (steps,).
        momentum: b, in [0, 1).
        curvatures: h by direction, > 0.
        start: the place of the first step, a number a direction.
        noise: standard deviation of the gradient's error in each direction.
    """
    lrs = np.asarray(rates, float)
    from_start, from_noise = np.zeros(len(lrs) + 1), np.zeros(len(lrs) + 1)
    with np.errstate(all="ignore"):
        for h, place in zip(curvatures, start, strict=True):
            mean, spread = np.array([place, 0.0]), np.zeros((2, 2))
            for step, lr in enumerate((0.0, *lrs)):
                if step:
                    move = np.array([[1 - lr * h, -lr * momentum], [h, momentum]])
                    enters = np.array([-lr, 1.0])
                    mean = move @ mean
                    spread = move @ spread @ move.T + noise**2 * np.outer(enters, enters)
                from_start[step] += h * mean[0] ** 2 / 2
                from_noise[step] += h * spread[0, 0] / 2
    return Expected(from_start, from_noise)


def _step_decay(at: float) -> float:
    return 1.0 if at < 0.5 else 0.1  # noqa: PLR2004 - half-way


def _cosine(at: float) -> float:
    return (1 + math.cos(math.pi * at)) / 2


WARM_UP: Final = 0.1
"""Share of the budget over which a warm-up rises."""


def _warm_up_cosine(at: float) -> float:
    return at / WARM_UP if at < WARM_UP else _cosine((at - WARM_UP) / (1 - WARM_UP))


SCHEDULES: Final[Mapping[str, Callable[[float], float]]] = MappingProxyType(
    {
        "constant": lambda at: 1.0,  # noqa: ARG005
        "step": _step_decay,
        "cosine": _cosine,
        "warmup_cosine": _warm_up_cosine,
    }
)
"""The rate as a share of its peak, by the share of the budget that is spent."""


def rates_of(schedule: str, peak: float, steps: int = NOISY_STEPS) -> NDArray[np.float64]:
    """Return the learning rate of each step, shape (steps,)."""
    share = SCHEDULES[schedule]
    return peak * np.array([share(step / steps) for step in range(steps)])
