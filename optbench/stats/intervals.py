"""Estimates with intervals, on plain arrays: means, medians, shares and shifts.

Import these from `optbench.stats`. Every function takes one number a run;
which of them fits which quantity is told in docs/reference/statistics.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the two ends of its confidence interval.

    Attributes:
        estimate: the point estimate, in the unit of the values.
        low: lower end; -inf where nothing bounds it.
        high: upper end; +inf where nothing bounds it (diverged runs among the values).
        coverage: the confidence that the two ends really have, in [0, 1]. Below the one asked for when there
            are too few values to reach it; above it where exact levels come in steps.
        n: how many values (runs, pairs or trials) it rests on.
    """

    estimate: float
    low: float
    high: float
    coverage: float
    n: int


def checked_array(
    values: ArrayLike, name: str, *, dims: tuple[int, ...] = (1,), infinite: bool = False
) -> FloatArray:
    """Return `values` as floats, or refuse them.

    Args:
        values: any array-like of real numbers.
        name: what the error message calls them.
        dims: the numbers of dimensions allowed.
        infinite: whether +inf and -inf are allowed (where only order matters).

    Returns:
        Array of float64 with the shape of `values`.

    Raises:
        ValueError: wrong number of dimensions, no value, a NaN, or an infinity where none is allowed.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim not in dims:
        wanted = " or ".join(str(d) for d in dims)
        raise ValueError(f"{name} must have {wanted} dimension(s); got shape {array.shape}")
    if array.size == 0:
        raise ValueError(f"{name} must hold at least one value; got none")
    if np.isnan(array).any():
        raise ValueError(
            f"{name} must not contain NaN; give a diverged run as +inf or leave a missing one out"
        )
    if not infinite and np.isinf(array).any():
        raise ValueError(
            f"{name} must be finite; an infinite value (a diverged run) has no place in an average"
        )
    return array


def checked_confidence(confidence: float) -> float:
    """Return `confidence`, or raise ValueError unless it lies in [0.5, 1)."""
    if not 0.5 <= confidence < 1:  # noqa: PLR2004 - below one half an interval of order statistics crosses itself
        raise ValueError(f"confidence must be in [0.5, 1); got {confidence}")
    return float(confidence)


def normal_quantile(confidence: float) -> float:
    """Return the two-sided standard normal quantile of a confidence level, 1.96 for 0.95."""
    return float(special.ndtri((1 + checked_confidence(confidence)) / 2))


def student_quantile(confidence: float, df: float) -> float:
    """Return the two-sided quantile of Student's t with `df` degrees of freedom, 2.262 for 0.95 and 9."""
    return float(special.stdtrit(df, (1 + checked_confidence(confidence)) / 2))


def mean_of(values: FloatArray) -> float:
    """The mean of finite values, which no sum of large ones overflows."""
    size = float(np.abs(values).max()) or 1.0
    return float((values / size).mean()) * size


def mean_interval(values: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Mean with Student's t interval, mean +- t_{n-1} s / sqrt(n). Meant for log10 losses.

    Exact for Gaussian values; on the log10 scale also for log-normal losses. Not for raw losses (skewed) and
    not with diverged runs: use `median_interval` there.

    Args:
        values: shape (n,), n >= 2, finite, one per run.
        confidence: in [0.5, 1).

    Returns:
        The interval, in the unit of the values.

    Raises:
        ValueError: fewer than 2 values, or one that is not finite.

    Source: Student 1908, doi 10.1093/biomet/6.1.1.
    """
    x = checked_array(values, "values")
    if x.size < 2:  # noqa: PLR2004 - a spread needs two values
        raise ValueError("a mean's interval needs at least 2 values; got 1")
    mean, size = mean_of(x), float(np.abs(x).max()) or 1.0
    # Squares of values near the limits must neither overflow nor vanish.
    spread = float((x / size).std(ddof=1)) * size
    half = student_quantile(confidence, x.size - 1) / math.sqrt(x.size) * spread
    return Interval(mean, mean - half, mean + half, confidence, x.size)


def median_interval(values: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Median with an interval between order statistics, interpolated to the confidence asked for.

    With B ~ Binomial(n, 1/2), [x_(d), x_(n+1-d)] covers the median with probability c_d = 1 - 2 P(B <= d-1),
    for any continuous distribution. With d the largest such that c_d >= confidence, both ends move inwards by
    the share lambda = (n-d) I / (d + (n-2d) I), I = (c_d - confidence) / (c_d - c_{d+1}).

    Where even the sample range does not reach the confidence (n < 6 at 95%), the range is returned with the
    coverage it has, 1 - 2^(1-n).

    Args:
        values: shape (n,); +inf marks a diverged run, ranked worst. An end next to an infinity is not
            interpolated but keeps the outer order statistic, which is on the safe side.
        confidence: in [0.5, 1).

    Returns:
        The interval; an end may be infinite.

    Raises:
        ValueError: no values, a NaN, or a median between -inf and +inf.

    Source: Hettmansperger and Sheather 1986, doi 10.1016/0167-7152(86)90021-0.
    """
    x = checked_array(values, "values", infinite=True)
    band = median_band(x[:, None], confidence=confidence)
    return Interval(float(band.estimate[0]), float(band.low[0]), float(band.high[0]), band.coverage, x.size)


def median_or_nothing(values: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """`median_interval`, and where the median falls between -inf and +inf no estimate within those two ends.

    Args:
        values: shape (n,), as `median_interval` takes them.
        confidence: in [0.5, 1).

    Raises:
        ValueError: no values, or a NaN.
    """
    x = np.sort(checked_array(values, "values", infinite=True))
    if np.isneginf(x[(x.size - 1) // 2]) and np.isposinf(x[x.size // 2]):
        return Interval(math.nan, -math.inf, math.inf, 1.0, x.size)
    return median_interval(x, confidence=confidence)


@dataclass(frozen=True, slots=True)
class Band:
    """Intervals of many samples of one size.

    Attributes:
        estimate: shape (points,).
        low: lower ends, shape (points,).
        high: upper ends, shape (points,).
        coverage: of each interval, as in `Interval`.
    """

    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    coverage: float


def median_band(values: ArrayLike, *, confidence: float = 0.95) -> Band:
    """`median_interval` of every column: point by point, not of the curve as a whole.

    Args:
        values: shape (n, points), one row per run, as `median_interval` takes them.
        confidence: in [0.5, 1), of each point.

    Raises:
        ValueError: no values, a NaN, or a median between -inf and +inf.
    """
    x = np.sort(checked_array(values, "values", dims=(2,), infinite=True), axis=0)
    n = len(x)
    checked_confidence(confidence)
    below, above = x[(n - 1) // 2], x[n // 2]
    if (np.isinf(below) & np.isinf(above) & (below != above)).any():
        raise ValueError("values have no median: it falls between -inf and +inf")
    middle = np.where(below == above, below, below / 2 + above / 2)
    d, weight = _depth(n, confidence)
    if d == 0:
        return Band(middle, x[0], x[-1], float(1 - 2.0 ** (1 - n)))
    return Band(
        middle, _between(x[d - 1], x[d], weight), _between(x[n - d], x[n - d - 1], weight), confidence
    )


@cache
def _depth(n: int, confidence: float) -> tuple[int, float]:
    """Return d and lambda of `median_interval`; (0, 0.0) where even the range of the sample is too narrow."""
    depths = np.arange(1, n // 2 + 2)
    coverages = 1 - 2 * special.bdtr(depths - 1, n, 0.5)
    if coverages[0] < confidence:
        return 0, 0.0
    d = int(np.flatnonzero(coverages >= confidence)[-1]) + 1
    share = (coverages[d - 1] - confidence) / (coverages[d - 1] - coverages[d])
    return d, float((n - d) * share / (d + (n - 2 * d) * share))


def _between(outer: FloatArray, inner: FloatArray, weight: float) -> FloatArray:
    kept = (outer == inner) | np.isinf(outer) | np.isinf(inner)
    with np.errstate(invalid="ignore"):  # what is computed from infinities is not kept
        return np.where(kept, outer, (1 - weight) * outer + weight * inner)


def wilson_interval(successes: int, trials: int, *, confidence: float = 0.95) -> Interval:
    """Share of successes with Wilson's score interval, which behaves at 0 and 1 and for few trials.

    With p = s/n and z the normal quantile: (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n).

    Args:
        successes: s, in 0..trials.
        trials: n >= 1.
        confidence: in [0.5, 1).

    Returns:
        The interval, within [0, 1].

    Raises:
        ValueError: no trials, or successes outside 0..trials.

    Source: Wilson 1927, doi 10.1080/01621459.1927.10502953.
    """
    if trials < 1:
        raise ValueError(f"trials must be at least 1; got {trials}")
    if not 0 <= successes <= trials:
        raise ValueError(f"successes must be in 0..{trials}; got {successes}")
    return score_interval(successes / trials, trials, confidence)


def score_interval(share: float, trials: int, confidence: float) -> Interval:
    """Return Wilson's interval for a share in [0, 1], not always a whole number of trials (half wins)."""
    z2 = normal_quantile(confidence) ** 2
    centre = share + z2 / (2 * trials)
    half = math.sqrt(z2 * (share * (1 - share) / trials + z2 / (4 * trials**2)))
    scale = 1 + z2 / trials
    # At 0 and at 1 the formula gives 0 and 1; only rounding would say otherwise.
    low = 0.0 if share == 0 else (centre - half) / scale
    high = 1.0 if share == 1 else (centre + half) / scale
    return Interval(share, low, high, confidence, trials)


def hodges_lehmann(differences: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Typical paired difference: median of the Walsh averages (d_i + d_j)/2, i <= j, with an exact interval.

    The interval inverts the signed-rank test: with W_(1) <= ... <= W_(M), M = n(n+1)/2, it is
    [W_(k+1), W_(M-k)], k the largest with P(T+ <= k) <= (1-confidence)/2 under the exact distribution of T+.
    Valid for symmetric differences; conservative with ties. Below 6 pairs (at 95%) it is the range of the
    differences with the coverage 1 - 2^(1-n) that this has.

    Args:
        differences: shape (n,), one per pair (seed). An infinite one means that one side diverged; give a
            pair in which both did as 0, a tie. Two opposite infinities average to 0.
        confidence: in [0.5, 1).

    Returns:
        Estimate and interval in the unit of the differences, with the exact `coverage` (at least the one
        asked for if n allows it); an end, even the estimate, may be infinite.

    Raises:
        ValueError: no differences, a NaN, or an estimate between -inf and +inf.

    Source: Hodges and Lehmann 1963, doi 10.1214/aoms/1177704172; Hollander, Wolfe and Chicken 2014, section
    3.3.
    """
    d = checked_array(differences, "differences", infinite=True)
    n = d.size
    first, second = _pairs_of(n)
    left, right = d[first], d[second]
    if np.isinf(d).any():
        opposite = np.isinf(left) & (left == -right)
        left, right = np.where(opposite, 0.0, left), np.where(opposite, 0.0, right)
    walsh = np.sort(left / 2 + right / 2)
    below, above = float(walsh[(walsh.size - 1) // 2]), float(walsh[walsh.size // 2])
    if math.isinf(below) and math.isinf(above) and below != above:
        raise ValueError("differences have no typical value: it falls between -inf and +inf")
    estimate = below if below == above else below / 2 + above / 2
    k, coverage = _signed_rank_depth(n, checked_confidence(confidence))
    return Interval(estimate, float(walsh[k]), float(walsh[walsh.size - 1 - k]), coverage, n)


@cache
def _pairs_of(n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.triu_indices(n)


@cache
def _signed_rank_depth(n: int, confidence: float) -> tuple[int, float]:
    """Return how many Walsh averages `hodges_lehmann` leaves out at each end, and what the rest covers."""
    cumulative = np.cumsum(signed_rank_distribution(n))
    # The tolerance keeps an exact tie of level and tail (P = 0.025) on the right side of rounding.
    allowed = np.flatnonzero(cumulative <= (1 - confidence) / 2 + 1e-12)
    k = int(allowed[-1]) if allowed.size else 0
    return k, float(1 - 2 * cumulative[k])


def signed_rank_distribution(n: int) -> FloatArray:
    """Return P(T+ = t) for t = 0..n(n+1)/2: the sum of a random subset of the ranks 1..n, no ties."""
    probability = np.zeros(n * (n + 1) // 2 + 1)
    probability[0] = 1.0
    for rank in range(1, n + 1):
        with_rank = np.zeros_like(probability)
        with_rank[rank:] = probability[:-rank]
        probability = (probability + with_rank) / 2
    return probability
