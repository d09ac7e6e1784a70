"""Looks at recorded series: how much they oscillate, at which frequency, how often they leap (numpy only).

Many series of one shape at a time: for a single short one, calling numpy takes longer than its sums.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

NEIGHBOURS = 2
"""Points on each side whose median a point is compared with."""

RESIDUAL_SCALE = 1.302
"""Standard deviation of white Gaussian noise over the median absolute residual about the median of its four
neighbours (simulated with 5e7 numbers, standard error 0.0003)."""

FEWEST_RESIDUALS = 5
FEWEST_CYCLES = 3
FEWEST_EPOCHS = 4
FAR = 1e307
"""Differences of numbers up to here are floats."""

SPIKE_MEMORY = 64
"""Losses before a step that tell what is usual there."""

MOST_NUMBERS = 4_000_000
"""Numbers that windows of losses hold at a time (32 MB)."""

SPIKE_HEIGHT = 6.0
"""Standard deviations of the losses before it by which a loss must lie above their median to be a spike."""

DEVIATION = 1.4826
"""Standard deviation over median absolute deviation, of Gaussian noise: 1 / Phi^-1(3/4)."""

PEAK_LEVEL = 0.01
"""White noise has a peak that counts as dominant with at most this probability."""


def residual_amplitude(losses: Floats) -> Floats:
    """Return the amplitude of log L about its trend in the last fifth of a curve; NaN where it can't be had.

    The residual of log L about the rolling median of the two points on either side, its median absolute value
    over the last fifth, scaled so that white noise of standard deviation s in log L gives s. An exponential
    decay gives 0. The point itself is left out of its median: with it, a loss that alternates between two
    values would be its own trend.

    Args:
        losses: shape (..., n), equally spaced. Where the last fifth has fewer than 5 residuals, the last 5
            count. NaN with fewer than 9 losses, or where one is not a positive finite number.

    Returns:
        Shape (...).
    """
    n, width = losses.shape[-1], 2 * NEIGHBOURS + 1
    known = np.asarray((np.isfinite(losses) & (losses > 0)).all(axis=-1))
    if n < width + FEWEST_RESIDUALS - 1 or not known.any():
        return np.full(known.shape, np.nan)
    last = max(n // 5 - NEIGHBOURS, FEWEST_RESIDUALS)
    logs = np.log(np.where(known[..., None], losses[..., 1 - width - last :], 1.0))
    others = np.sort(
        [logs[..., shift : shift + last] for shift in range(width) if shift != NEIGHBOURS], axis=0
    )
    trend = (others[NEIGHBOURS - 1] + others[NEIGHBOURS]) / 2
    residuals = logs[..., NEIGHBOURS : NEIGHBOURS + last] - trend
    return np.where(known, RESIDUAL_SCALE * np.median(np.abs(residuals), axis=-1), np.nan)


def dominant_frequency(coordinates: Floats, epoch: int = 1) -> Floats:
    """Return the frequency at which coordinates swing, in cycles a step (0 to 1/2); NaN if none stands out.

    Each coordinate's first differences (which removes drift), minus their mean, Hann-windowed; their
    periodograms, each divided by its sum, are averaged. The highest summit among the bins of at least 3
    cycles is refined by a parabola through the logarithms of its neighbours; a spectrum that only falls has
    none. It counts as dominant if white noise would show so high a peak in fewer than 1% of runs, all
    coordinates taken for one (they move together).

    A fresh order every epoch gives losses and steps a sawtooth with the epoch's period (arXiv 2410.10056).
    From 4 epochs up the series is cut to whole epochs, so that this sawtooth falls just on every n / epoch-th
    bin, and these with their neighbours (the window's width) are left out. From 2 to 4 epochs only the last
    epoch is looked at, which can't show a repetition.

    Args:
        coordinates: shape (..., coordinates, steps), two axes at least; ones that stand still are left out.
        epoch: steps of an epoch; 1 where every step sees all data.

    Returns:
        Shape (...).
    """
    finite = np.asarray(np.isfinite(coordinates).all(axis=(-2, -1)))
    known = np.where(finite[..., None, None], coordinates, 0.0)
    # A coordinate that jumps from one end of the floats to the other moves by more than they hold; the
    # spectrum is that of any multiple.
    moves = np.diff(np.where(np.abs(known).max(axis=-1, initial=0.0, keepdims=True) > FAR, known / 4, known))
    moves, harmonics = _whole_epochs(moves, epoch)
    open_bins = (np.arange(len(harmonics)) >= FEWEST_CYCLES) & ~harmonics
    n = moves.shape[-1]
    if n < 2 * (FEWEST_CYCLES + 1) or not moves.size or not open_bins.any():
        return np.full(finite.shape, np.nan)
    # A coordinate's own scale, so that squares neither overflow nor vanish.
    size = np.abs(moves).max(axis=-1, keepdims=True)
    moves = moves / np.where(size > 0, size, 1.0)
    moves = moves - moves.mean(axis=-1, keepdims=True)
    power = np.abs(np.fft.rfft(moves * _hann(n), axis=-1)) ** 2
    total = power[..., 1:].sum(axis=-1, keepdims=True)
    moving = total > 0
    shares = np.where(moving, power / np.where(moving, total, 1.0), 0.0).sum(axis=-2)
    shares /= np.maximum(moving.sum(axis=-2), 1)
    before, after = (np.full(shares.shape, -1.0) for _ in range(2))
    before[..., 1:], after[..., :-1] = shares[..., :-1], shares[..., 1:]
    summits = np.where(open_bins & (shares >= before) & (shares >= after) & (shares > 0), shares, 0.0)
    peak = summits.argmax(axis=-1)[..., None]
    height = np.take_along_axis(summits, peak, axis=-1)
    middle = np.compress(open_bins, shares, axis=-1).mean(axis=-1, keepdims=True)
    dominant = (height > 0) & (height >= middle * np.log(open_bins.sum() / PEAK_LEVEL))
    left, right = (np.take_along_axis(side, peak, axis=-1) for side in (before, after))
    found = (peak + _offset(left, height, right)) / n
    return np.where(finite & dominant[..., 0], found[..., 0], np.nan)


@lru_cache(maxsize=64)
def _hann(n: int) -> Floats:
    """The window of n points; a study's runs have few different lengths."""
    window = np.hanning(n + 1)[:n]
    window.flags.writeable = False
    return window


def _whole_epochs(moves: Floats, epoch: int) -> tuple[Floats, NDArray[np.bool_]]:
    """The moves that are looked at, and which bins of their spectrum belong to the epoch."""
    n = moves.shape[-1]
    if epoch > 1 and n >= FEWEST_EPOCHS * epoch:
        epochs = n // epoch
        moves = moves[..., n - epochs * epoch :]
        bins = np.arange(epochs * epoch // 2 + 1)
        return moves, (bins % epochs <= 1) | (bins % epochs == epochs - 1)
    if epoch > 1 and n >= 2 * epoch:
        moves, n = moves[..., n - epoch :], epoch
    moves = moves[..., n % 2 :]  # an even number has a bin for steps that turn back each time
    return moves, np.zeros(moves.shape[-1] // 2 + 1, bool)


def _offset(left: Floats, middle: Floats, right: Floats) -> Floats:
    """Where between its neighbours a peak's summit lies, in bins (-1/2 to 1/2)."""
    known = (left > 0) & (middle > 0) & (right > 0)
    low, top, high = (np.log(np.where(known, power, 1.0)) for power in (left, middle, right))
    bend = low - 2 * top + high
    return np.where(bend < 0, 0.5 * (low - high) / np.where(bend < 0, bend, -1.0), 0.0)


def spikes(losses: Floats) -> Floats:
    """Return leaps of a loss per 1,000 losses; NaN with fewer than 65.

    A loss leaps where it lies above the median of the 64 before it by more than 6 of their standard
    deviations (1.4826 times the median absolute deviation) and by more than a millionth of that median, which
    rounding could make. Losses in a row that do so are one spike, and one that is not finite is a leap.

    Args:
        losses: shape (..., n), equally spaced.

    Returns:
        Shape (...).
    """
    n, runs = losses.shape[-1], losses.shape[:-1]
    if n <= SPIKE_MEMORY:
        return np.full(runs, np.nan)
    # What is not finite is a leap; in what is usual for the losses after it, it counts as the highest of all.
    known = np.where(np.isfinite(losses), losses, np.inf).reshape(-1, n)
    above = np.isposinf(known[:, SPIKE_MEMORY:])
    at_a_time = max(1, MOST_NUMBERS // (SPIKE_MEMORY * n))
    for first in range(0, len(known), at_a_time):
        above[first : first + at_a_time] |= _jumps(known[first : first + at_a_time])
    starts = above.copy()
    starts[:, 1:] &= ~above[:, :-1]
    return np.asarray(1000 * starts.sum(axis=1) / above.shape[1]).reshape(runs)


def _jumps(known: Floats) -> NDArray[np.bool_]:
    """Whether losses, shape (runs, n), lie far above the 64 before them, shape (runs, n - 64)."""
    before = np.sort(np.lib.stride_tricks.sliding_window_view(known[:, :-1], SPIKE_MEMORY, axis=1), axis=2)
    middle = before[..., SPIKE_MEMORY // 2]
    usual = np.where(np.isfinite(middle), middle, 0.0)
    with np.errstate(over="ignore"):  # losses farther apart than the largest float deviate infinitely
        return _above_usual(known, before, middle, usual)


def _above_usual(known: Floats, before: Floats, middle: Floats, usual: Floats) -> NDArray[np.bool_]:
    # The median deviation is at least that of the nearer quartile. Few losses lie as far out as that allows,
    # and the rest need no deviation of their own.
    quartiles = (before[..., place] for place in (SPIKE_MEMORY // 4, 3 * SPIKE_MEMORY // 4))
    deviation = np.minimum(*(np.abs(quartile - usual) for quartile in quartiles))
    now = known[:, SPIKE_MEMORY:]
    far = now > middle + _allowance(deviation, middle)
    deviation[far] = np.sort(np.abs(before[far] - usual[far][:, None]), axis=1)[:, SPIKE_MEMORY // 2]
    jumps: NDArray[np.bool_] = now > middle + _allowance(deviation, middle)
    return jumps


def _allowance(deviation: Floats, middle: Floats) -> Floats:
    """How far above the median of the losses before it a loss may lie and be no spike."""
    return np.maximum(SPIKE_HEIGHT * DEVIATION * deviation, 1e-6 * np.abs(middle))
