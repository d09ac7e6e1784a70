"""The interquartile mean and the bootstrap over seeds and workloads.

Import these from `optbench.stats`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from optbench.stats.intervals import (
    FloatArray,
    Interval,
    checked_array,
    normal_quantile,
    student_quantile,
    wilson_interval,
)

QUARTER = 0.25


@overload
def interquartile_mean(scores: ArrayLike, *, axis: None = None) -> float: ...
@overload
def interquartile_mean(scores: ArrayLike, *, axis: int | tuple[int, ...]) -> FloatArray: ...
def interquartile_mean(scores: ArrayLike, *, axis: int | tuple[int, ...] | None = None) -> float | FloatArray:
    """Mean of the middle half of the scores: floor(n/4) smallest and as many largest are left out.

    The same rule as rliable's and `scipy.stats.trim_mean(scores, 0.25)`. Keeps more information than the
    median and ignores a few outliers: up to floor(n/4) diverged runs (+inf) leave it finite. Not for fewer
    than 4 scores, where nothing is trimmed and it is the mean.

    Args:
        scores: any shape; (n_seeds, n_workloads) pools all runs. Infinite values are ranked last or first.
        axis: axis or axes to pool; all of them by default.

    Returns:
        A float, or with `axis` an array of the remaining shape. Infinite where trimming leaves an infinity.

    Raises:
        ValueError: no scores, a NaN, or both +inf and -inf left after trimming.

    Source: Agarwal et al. 2021, arXiv 2108.13264.
    """
    array = checked_array(scores, "scores", dims=tuple(range(1, 9)), infinite=True)
    axes = tuple(range(array.ndim)) if axis is None else ((axis,) if isinstance(axis, int) else tuple(axis))
    last = tuple(range(-len(axes), 0))
    moved = np.moveaxis(array, axes, last)
    flat = np.sort(moved.reshape(*moved.shape[: moved.ndim - len(axes)], -1), axis=-1)
    cut = int(QUARTER * flat.shape[-1])
    middle = flat[..., cut : flat.shape[-1] - cut]
    if bool((np.isneginf(middle[..., 0]) & np.isposinf(middle[..., -1])).any()):
        raise ValueError("scores hold both +inf and -inf in their middle half, which has no mean")
    mean = np.asarray(middle.mean(axis=-1), dtype=np.float64)
    return float(mean) if axis is None else mean


def bootstrap_interval(
    scores: ArrayLike,
    statistic: Callable[..., Any] = interquartile_mean,
    *,
    seed: int,
    confidence: float = 0.95,
    resamples: int = 4999,
    method: Literal["expanded", "bca", "percentile"] = "expanded",
) -> Interval:
    """Bootstrap interval of a statistic over seeds and workloads.

    Stratified: every resample keeps n_seeds runs of each workload. Joint: one draw of seeds serves all
    workloads, because runs that share a seed share data order and initialisation.

    `expanded` takes quantiles of the resampled statistic at the levels Phi(-+ t_{n-1} sqrt(n/(n-1))) instead
    of Phi(-+ z), which undoes the narrowness of the percentile bootstrap at few seeds. `bca` adds to these
    levels the corrections for bias and skewness. `percentile` is the plain one, kept for comparison with
    others: it covers about 90% at 10 seeds. Not for fewer than about 6 seeds.

    Not for the mean of raw losses: of log-normal ones (sigma 0.8) `expanded` covers the mean in 89 to 90% of
    the samples of 6 to 10 values and `percentile` in 79 to 85%, for they seldom show the tail that makes the
    mean. Take their logarithms: there it is 94 to 95%, and what is compared is a ratio of typical losses.

    Args:
        scores: shape (n_seeds, n_workloads) or (n_seeds,), n_seeds >= 2; +inf for a diverged run is allowed
            if the statistic bears it.
        statistic: called as `statistic(blocks, axis=(-2, -1))` on blocks of shape
            (m, n_seeds, n_workloads), returns shape (m,); `interquartile_mean`, `np.mean`, `np.median` fit.
        seed: of the resampling; the same seed and scores give the same interval.
        confidence: in [0.5, 1).
        resamples: how many, at least 100.
        method: see above.

    Returns:
        The interval; n is the number of seeds.

    Raises:
        ValueError: fewer than 2 seeds or 100 resamples, NaN in the scores or from the statistic, unknown
            method.

    Source: Efron 1987, doi 10.1080/01621459.1987.10478410 (BCa); Hesterberg 2015,
    doi 10.1080/00031305.2015.1089789 (expanded percentiles); Agarwal et al. 2021, arXiv 2108.13264
    (stratified).
    """
    array = checked_array(scores, "scores", dims=(1, 2), infinite=True)
    block = array.reshape(array.shape[0], -1)
    n = block.shape[0]
    if n < 2:  # noqa: PLR2004 - one seed resamples to itself
        raise ValueError("the bootstrap needs at least 2 seeds; got 1")
    if resamples < 100:  # noqa: PLR2004 - fewer have no tails to read
        raise ValueError(f"resamples must be at least 100; got {resamples}")
    if method not in ("expanded", "bca", "percentile"):
        raise ValueError(f"method must be expanded, bca or percentile; got {method!r}")

    def evaluate(rows: NDArray[np.int64]) -> FloatArray:
        result = np.asarray(statistic(block[rows], axis=(-2, -1)), dtype=np.float64)
        if result.shape != (rows.shape[0],):
            raise ValueError(f"statistic must return one number a block; got shape {result.shape}")
        if np.isnan(result).any():
            raise ValueError("statistic returned NaN on a resample; infinite scores need one that ranks them")
        return result

    # Sorted runs make the interval independent of the order in which the seeds arrive.
    block = block[np.lexsort(block.T[::-1])]
    estimate = float(evaluate(np.arange(n)[None, :])[0])
    draws = np.random.default_rng(seed).integers(0, n, size=(resamples, n))
    replicates = np.sort(evaluate(draws))
    z = normal_quantile(confidence)
    if method != "percentile":
        z = student_quantile(confidence, n - 1) * math.sqrt(n / (n - 1))
    shifted = np.array([-z, z])
    if method == "bca":
        shifted = _bias_corrected(shifted, estimate, replicates, evaluate(_leave_one_out(n)))
    levels = special.ndtr(shifted)
    # Order statistics, not interpolated quantiles: an infinite replicate must not become NaN.
    low = replicates[max(math.floor(levels[0] * (resamples + 1)) - 1, 0)]
    high = replicates[min(math.ceil(levels[1] * (resamples + 1)) - 1, resamples - 1)]
    return Interval(estimate, float(low), float(high), confidence, n)


def bootstrap_band(
    shares: ArrayLike, *, seed: int, confidence: float = 0.95, resamples: int = 1999
) -> tuple[FloatArray, FloatArray]:
    """Pointwise interval of the mean of shares, one curve of them a seed: the bootstrap over whole seeds.

    One draw of seeds serves all points, so a band keeps what the points of a curve have in common. The
    levels are those of `bootstrap_interval`'s `expanded`.

    Where all seeds agree on a share p the bootstrap would have no width: it can't see what no seed showed.
    There the band is Wilson's. At most q = z^2/(n + z^2) of all seeds, his upper end for 0 of n, come to
    anything else, and these to anything from 0 to 1: from p(1 - q) to p + (1 - p)q, that is from 0 to q at
    p = 0 and from 1 - q to 1 at p = 1.

    Args:
        shares: shape (n_seeds, n_points), n_seeds >= 2, in [0, 1].
        seed: of the resampling.
        confidence: in [0.5, 1), at every point by itself.
        resamples: how many, at least 100.

    Returns:
        The lower and the upper end, shape (n_points,) each.

    Raises:
        ValueError: fewer than 2 seeds or 100 resamples, or a value that is no share.

    Source: Hesterberg 2015, doi 10.1080/00031305.2015.1089789; Wilson 1927, doi
    10.1080/01621459.1927.10502953.
    """
    array = checked_array(shares, "shares", dims=(2,))
    n = array.shape[0]
    if array.min() < 0 or array.max() > 1:
        raise ValueError(f"shares must be in [0, 1]; got {array.min()} to {array.max()}")
    if n < 2:  # noqa: PLR2004 - one seed resamples to itself
        raise ValueError("the bootstrap needs at least 2 seeds; got 1")
    if resamples < 100:  # noqa: PLR2004 - fewer have no tails to read
        raise ValueError(f"resamples must be at least 100; got {resamples}")
    array = array[np.lexsort(array.T[::-1])]
    z = student_quantile(confidence, n - 1) * math.sqrt(n / (n - 1))
    low, high = special.ndtr([-z, z])
    below = max(math.floor(low * (resamples + 1)) - 1, 0)
    above = min(math.ceil(high * (resamples + 1)) - 1, resamples - 1)
    replicates = np.partition(array.T @ _seed_weights(n, seed, resamples), (below, above), axis=1)
    p, q = array[0], wilson_interval(0, n, confidence=confidence).high
    agreed = (array == p).all(axis=0)
    return (
        np.where(agreed, p * (1 - q), replicates[:, below]),
        np.where(agreed, p + (1 - p) * q, replicates[:, above]),
    )


@lru_cache(maxsize=8)
def _seed_weights(n: int, seed: int, resamples: int) -> FloatArray:
    """How much each of n seeds counts in each resample, shape (n, resamples); bands share it."""
    draws = np.random.default_rng(seed).integers(0, n, size=(resamples, n))
    weights = (draws == np.arange(n)[:, None, None]).sum(axis=2) / n
    weights.flags.writeable = False
    return np.asarray(weights, dtype=np.float64)


def _leave_one_out(n: int) -> NDArray[np.int64]:
    rows = np.tile(np.arange(n), (n, 1))
    return rows[~np.eye(n, dtype=bool)].reshape(n, n - 1)


def _bias_corrected(
    z: FloatArray, estimate: float, replicates: FloatArray, jackknife: FloatArray
) -> FloatArray:
    """Shift normal quantiles by BCa's bias z0 and acceleration a: z0 + (z0+z) / (1 - a(z0+z))."""
    size = replicates.size
    below = float((replicates < estimate).mean() + (replicates <= estimate).mean()) / 2
    bias = float(special.ndtri(min(max(below, 1 / size), 1 - 1 / size)))
    acceleration = 0.0
    if np.isfinite(jackknife).all():  # else diverged runs hide the skewness, and it is left at 0
        deviation = jackknife.mean() - jackknife
        spread = float((deviation**2).sum())
        if spread > 0:
            acceleration = float((deviation**3).sum()) / (6 * spread**1.5)
    # The limit keeps the levels in order where the correction would overshoot (tiny n, extreme skewness).
    return np.asarray(bias + (bias + z) / np.maximum(1 - acceleration * (bias + z), 0.1), dtype=np.float64)
