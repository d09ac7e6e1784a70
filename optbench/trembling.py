"""Looks at a recorded series: how much it trembles, at which frequency, how often it leaps (numpy only)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

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
SPIKE_MEMORY = 64
"""Losses before a step that tell what is usual there."""

SPIKE_HEIGHT = 6.0
"""Standard deviations of the losses before it by which a loss must lie above their median to be a spike."""

DEVIATION = 1.4826
"""Standard deviation over median absolute deviation, of Gaussian noise: 1 / Phi^-1(3/4)."""

PEAK_LEVEL = 0.01
"""White noise has a peak that counts as dominant with at most this probability."""


def residual_amplitude(losses: Floats) -> float:
    """Return the amplitude of log L about its trend in the last fifth of a curve; NaN where it can't be had.

    The residual of log L about the rolling median of the two points on either side, its median absolute value
    over the last fifth, scaled so that white noise of standard deviation s in log L gives s. An exponential
    decay gives 0. The point itself is left out of its median: with it, a loss that alternates between two
    values would be its own trend.

    Args:
        losses: shape (n,), equally spaced. Where the last fifth has fewer than 5 residuals, the last 5 count.
            NaN with fewer than 9 losses, or where one is not a positive finite number.
    """
    n, width = len(losses), 2 * NEIGHBOURS + 1
    if n < width + FEWEST_RESIDUALS - 1 or not (np.isfinite(losses).all() and (losses > 0).all()):
        return float("nan")
    last = max(n // 5 - NEIGHBOURS, FEWEST_RESIDUALS)
    logs = np.log(losses[1 - width - last :])
    others = np.sort([logs[shift : shift + last] for shift in range(width) if shift != NEIGHBOURS], axis=0)
    trend = (others[NEIGHBOURS - 1] + others[NEIGHBOURS]) / 2
    residuals = logs[NEIGHBOURS : NEIGHBOURS + last] - trend
    return float(RESIDUAL_SCALE * np.median(np.abs(residuals)))


def dominant_frequency(coordinates: Floats, epoch: int = 1) -> float:
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
        coordinates: shape (coordinates, steps); ones that stand still are left out.
        epoch: steps of an epoch; 1 where every step sees all data.
    """
    if coordinates.ndim != 2 or not np.isfinite(coordinates).all():  # noqa: PLR2004  (coordinates, steps)
        return float("nan")
    moves = np.diff(coordinates, axis=1)
    moves, harmonics = _whole_epochs(moves, epoch)
    n = moves.shape[1]
    # A coordinate's own scale, so that squares neither overflow nor vanish.
    size = np.abs(moves).max(axis=1, initial=0.0)
    moves = moves[size > 0] / size[size > 0][:, None]
    moves = moves - moves.mean(axis=1, keepdims=True) if n else moves
    if n < 2 * (FEWEST_CYCLES + 1) or not len(moves):
        return float("nan")
    power = np.abs(np.fft.rfft(moves * _hann(n), axis=1)) ** 2
    bins = np.arange(power.shape[1])
    open_bins = (bins >= FEWEST_CYCLES) & ~harmonics
    total = power[:, 1:].sum(axis=1)
    shares = (power[total > 0] / total[total > 0][:, None]).mean(axis=0) if (total > 0).any() else power[0]
    padded = np.concatenate([[-1.0], shares, [-1.0]])
    summits = open_bins & (shares >= padded[:-2]) & (shares >= padded[2:]) & (shares > 0)
    if not summits.any():
        return float("nan")
    peak = int(bins[summits][np.argmax(shares[summits])])
    if shares[peak] < shares[open_bins].mean() * np.log(open_bins.sum() / PEAK_LEVEL):
        return float("nan")
    return float((peak + _offset(shares, peak)) / n)


@lru_cache(maxsize=64)
def _hann(n: int) -> Floats:
    """The window of n points; a study's runs have few different lengths."""
    window = np.hanning(n + 1)[:n]
    window.flags.writeable = False
    return window


def _whole_epochs(moves: Floats, epoch: int) -> tuple[Floats, NDArray[np.bool_]]:
    """The moves that are looked at, and which bins of their spectrum belong to the epoch."""
    n = moves.shape[1]
    if epoch > 1 and n >= FEWEST_EPOCHS * epoch:
        epochs = n // epoch
        moves = moves[:, n - epochs * epoch :]
        bins = np.arange(epochs * epoch // 2 + 1)
        return moves, (bins % epochs <= 1) | (bins % epochs == epochs - 1)
    if epoch > 1 and n >= 2 * epoch:
        moves, n = moves[:, n - epoch :], epoch
    moves = moves[:, n % 2 :]  # an even number has a bin for steps that turn back each time
    return moves, np.zeros(moves.shape[1] // 2 + 1, bool)


def _offset(power: Floats, peak: int) -> float:
    """Where between its neighbours a peak's summit lies, in bins (-1/2 to 1/2)."""
    if peak + 1 >= len(power) or min(power[peak - 1 : peak + 2]) <= 0:
        return 0.0
    left, middle, right = np.log(power[peak - 1 : peak + 2])
    bend = left - 2 * middle + right
    return float(0.5 * (left - right) / bend) if bend < 0 else 0.0


def spikes(losses: Floats) -> float:
    """Return leaps of a loss per 1,000 losses; NaN with fewer than 65.

    A loss leaps where it lies above the median of the 64 before it by more than 6 of their standard
    deviations (1.4826 times the median absolute deviation) and by more than a millionth of that median, which
    rounding could make. Losses in a row that do so are one spike, and one that is not finite is a leap.

    Args:
        losses: shape (n,), equally spaced.
    """
    if len(losses) <= SPIKE_MEMORY:
        return float("nan")
    # What is not finite is a leap; in what is usual for the losses after it, it counts as the highest of all.
    known = np.where(np.isfinite(losses), losses, np.inf)
    before = np.sort(np.lib.stride_tricks.sliding_window_view(known[:-1], SPIKE_MEMORY), axis=1)
    middle = before[:, SPIKE_MEMORY // 2]
    usual = np.where(np.isfinite(middle), middle, 0.0)[:, None]
    # The median deviation is at least that of the nearer quartile. Few losses lie as far out as that allows,
    # and the rest need no deviation of their own.
    quartiles = before[:, [SPIKE_MEMORY // 4, 3 * SPIKE_MEMORY // 4]]
    deviation = np.abs(quartiles - usual).min(axis=1)
    far = np.flatnonzero(known[SPIKE_MEMORY:] > middle + _allowance(deviation, middle))
    deviation[far] = np.sort(np.abs(before[far] - usual[far]), axis=1)[:, SPIKE_MEMORY // 2]
    above = ~np.isfinite(losses[SPIKE_MEMORY:])
    above |= known[SPIKE_MEMORY:] > middle + _allowance(deviation, middle)
    starts = above & ~np.concatenate([[False], above[:-1]])
    return float(1000 * starts.sum() / len(above))


def _allowance(deviation: Floats, middle: Floats) -> Floats:
    """How far above the median of the losses before it a loss may lie and be no spike."""
    return np.maximum(SPIKE_HEIGHT * DEVIATION * deviation, 1e-6 * np.abs(middle))
