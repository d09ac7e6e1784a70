"""Paired comparisons: sign flips of one and of many at once, Holm, probability of improvement, seeds needed.

Import them from `optbench.stats`. Losses are the normal case: lower is better unless an argument says
otherwise, and a diverged run is +inf, ranked worst, wherever ranking makes sense. Functions that resample
take a seed and return the same numbers for it. docs/reference/statistics.md says which to use when, and why.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from optbench.stats.intervals import FloatArray, Interval, checked_array, score_interval, student_quantile
from optbench.stats.ranks import midranks

if TYPE_CHECKING:
    from collections.abc import Iterator


ENUMERATED_SEEDS = 16
UNITS_AT_ONCE = 1 << 22
ROUNDING = 1e-9
"""Statistics that differ by less than this share are equal: sums in another order must not part ties."""

NOTHING = 1e-12
"""What rounding leaves of a sum that is 0, rows having length 1."""


FEWEST_PAIRS = 6
"""Below this many pairs a two-sided paired test can't reach 5%: its smallest p is 2^(1-n)."""

ENUMERATED_PAIRS = 16
CHUNK = 1 << 20
ROUNDED_ZERO = 1e-20


def sign_flip_test(
    differences: ArrayLike, *, seed: int, statistic: Literal["mean", "rank"] = "mean", resamples: int = 99_999
) -> float:
    """Two-sided paired permutation test: could the differences as well have had the opposite signs?

    Under the null hypothesis each paired difference is as likely d as -d. The p value is the share of the 2^n
    sign assignments with |sum of s_i d_i| at least the one observed: by enumeration up to 16 nonzero
    differences, above by (1 + hits) / (1 + resamples) over random signs, which is a valid p value too.
    Zeros (ties) are left out: no sign changes them, so p is the same with or without. The smallest possible
    two-sided p is 2^(1-n), above 5% for n < 6: then say "insufficient data" and don't test.

    Args:
        differences: shape (n,), one per pair (seed). An infinite one means that one side diverged and
            outweighs all finite ones together; give a pair in which both did as 0.
        seed: of the random signs; unused where all are enumerated.
        statistic: `mean` sums the differences; `rank` their signed ranks (Wilcoxon's test with midranks),
            which a single huge or infinite difference can't dominate and which the interval of
            `hodges_lehmann` inverts.
        resamples: random sign assignments above 16 differences, at least 1.

    Returns:
        The p value, in (0, 1]; 1 if all differences are 0.

    Raises:
        ValueError: no differences, a NaN, an unknown statistic, or no resamples.

    Source: Fisher 1935, The Design of Experiments, section 21; Phipson and Smyth 2010,
    arXiv 1603.05766 (the +1).
    """
    d = checked_array(differences, "differences", infinite=True)
    if statistic not in ("mean", "rank"):
        raise ValueError(f"statistic must be mean or rank; got {statistic!r}")
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1; got {resamples}")
    d = d[d != 0]
    if d.size == 0:
        return 1.0
    size = midranks(np.abs(d)) if statistic == "rank" else _outweighing(np.abs(d))
    # Rounding must not part sums that are equal in exact arithmetic. Sorting frees p from the pairs' order.
    observed = abs(math.fsum(size * np.sign(d))) * (1 - 1e-12) - 1e-14 * float(size.sum())
    size = np.sort(size)
    if d.size <= ENUMERATED_PAIRS:
        sums = size[:1]  # the first sign is fixed: a sum and its mirror image are equally extreme
        for step in size[1:]:
            sums = np.concatenate([sums + step, sums - step])
        return float((np.abs(sums) >= observed).mean())
    rng = np.random.default_rng(seed)
    rows = max(1, CHUNK // d.size)
    hits = 0
    for start in range(0, resamples, rows):
        shape = (min(rows, resamples - start), d.size)
        signs = rng.integers(0, 2, size=shape, dtype=np.int8)
        hits += int((np.abs((2.0 * signs - 1.0) @ size) >= observed).sum())
    return (1 + hits) / (1 + resamples)


def _outweighing(magnitudes: FloatArray) -> FloatArray:
    """Scale magnitudes to at most 1, infinite ones to what outweighs all those together: the limit."""
    finite = magnitudes[np.isfinite(magnitudes)]
    if finite.size == 0:
        return np.ones_like(magnitudes)
    scaled = magnitudes / finite.max()  # losses near overflow must not overflow in the sum
    return np.where(np.isinf(magnitudes), 4.0 * finite.size, scaled)


def holm(p_values: ArrayLike, weights: ArrayLike | None = None) -> FloatArray:
    """Adjusted p values that keep the chance of any false claim in the family below the level.

    With the p_(j) / w_(j) ascending, adjusted_(i) = max_{j <= i} min(1, p_(j) (w_(j) + ... + w_(m)) / w_(j)),
    which is (m - j + 1) p_(j) where all weights are equal. No assumption on their dependence. Give it the
    whole declared family at once, also the tests whose outcome disappoints.

    Args:
        p_values: shape (m,), in [0, 1].
        weights: shape (m,), above 0: which part of the family's error each test has, declared without a look
            at the data; only their ratios count. Left out: the same for all.

    Returns:
        Shape (m,), in the order given.

    Raises:
        ValueError: none given, one outside [0, 1] or NaN, or weights that do not fit or are not above 0.

    Source: Holm 1979, Scandinavian Journal of Statistics 6, 65-70; section 4 has the weights.
    """
    p = checked_array(p_values, "p_values")
    if (p < 0).any() or (p > 1).any():
        raise ValueError("p_values must be in [0, 1]")
    w = np.ones_like(p) if weights is None else checked_array(weights, "weights")
    if w.shape != p.shape or (w <= 0).any():
        raise ValueError("weights must be one above 0 for each of p_values")
    order = np.argsort(p / w, kind="stable")
    left = np.cumsum(w[order][::-1])[::-1]  # what this one and all after it have together
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * left / w[order]))
    return adjusted


def probability_of_improvement(
    a: ArrayLike,
    b: ArrayLike,
    *,
    paired: bool = True,
    higher_is_better: bool = False,
    confidence: float = 0.95,
) -> Interval:
    """Chance that a run of A beats a run of B: P(a < b) + P(a = b)/2, averaged over workloads.

    The estimate takes all pairs of runs (Mann and Whitney's U / (n_a n_b)). With psi_ij in {0, 1/2, 1} and
    h_s the influence of seed s (the mean of its row plus that of its column), its variance is var(h)/n if
    both share their seeds, else the sum over both sides; seeds are kept whole across workloads. The interval
    is Student's on the logit scale. With no variance at all (complete separation, or two copies of one
    optimizer) it is Wilson's for n runs, so that 1.0 never comes without a lower end.

    Args:
        a: scores of A, shape (n_a,) or (n_a, n_workloads), n_a >= 2; +inf for a diverged run (-inf if
            higher_is_better). Two diverged runs tie.
        b: scores of B, shape (n_b,) or (n_b, n_workloads).
        paired: whether row i of both shares a seed; needs n_a = n_b and affects the interval only.
        higher_is_better: True for accuracies.
        confidence: in [0.5, 1).

    Returns:
        Estimate and interval in [0, 1]; n is the smaller number of seeds.

    Raises:
        ValueError: NaN, fewer than 2 seeds, different workloads, or paired with different numbers of seeds.

    Source: Agarwal et al. 2021, arXiv 2108.13264 (the estimate); DeLong et al. 1988, doi 10.2307/2531595, and
    Brunner and Munzel 2000, doi 10.1002/(SICI)1521-4036(200001)42:1<17::AID-BIMJ17>3.0.CO;2-U (the variance).
    """
    x = checked_array(a, "a", dims=(1, 2), infinite=True)
    y = checked_array(b, "b", dims=(1, 2), infinite=True)
    x, y = x.reshape(x.shape[0], -1), y.reshape(y.shape[0], -1)
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"a and b must cover the same workloads; got {x.shape[1]} and {y.shape[1]}")
    if min(x.shape[0], y.shape[0]) < 2:  # noqa: PLR2004 - a spread needs two seeds
        raise ValueError("probability_of_improvement needs at least 2 seeds a side")
    if paired and x.shape[0] != y.shape[0]:
        raise ValueError(f"paired runs must share their seeds; got {x.shape[0]} and {y.shape[0]} of them")
    better, worse = (y, x) if higher_is_better else (x, y)
    left, right = better[:, None, :], worse[None, :, :]
    wins = ((left < right) + 0.5 * (left == right)).mean(axis=2)
    if higher_is_better:
        wins = wins.T  # rows are A's runs again
    estimate = float(wins.mean())
    n = min(x.shape[0], y.shape[0])
    by_a, by_b = wins.mean(axis=1), wins.mean(axis=0)
    if paired:
        variance = float((by_a + by_b).var(ddof=1)) / n
    else:
        variance = float(by_a.var(ddof=1)) / x.shape[0] + float(by_b.var(ddof=1)) / y.shape[0]
    if variance < ROUNDED_ZERO or not 0 < estimate < 1:
        return score_interval(estimate, n, confidence)
    # The clip bounds the logit's slope where the estimate is nearer to 0 or 1 than n runs can tell.
    clipped = min(max(estimate, 0.5 / n), 1 - 0.5 / n)
    half = student_quantile(confidence, n - 1) * math.sqrt(variance) / (clipped * (1 - clipped))
    centre = math.log(clipped / (1 - clipped))
    low, high = float(special.expit(centre - half)), float(special.expit(centre + half))
    return Interval(estimate, min(low, estimate), max(high, estimate), confidence, n)


def seeds_needed(
    gap: float, spread: float, *, power: float = 0.8, alpha: float = 0.05, at_least: int = FEWEST_PAIRS
) -> int:
    """Smallest number of pairs with which a two-sided paired t test sees a gap with the given power.

    Power is P(|T| > t_{1-alpha/2, n-1}) for noncentral T with noncentrality (gap/spread) sqrt(n). A plan from
    estimated values, not a promise: with a gap taken from the same data it only restates the p value.

    Args:
        gap: the paired difference to be seen, not 0, in the unit of `spread`.
        spread: standard deviation of the paired differences, >= 0.
        power: in (0, 1), at least alpha.
        alpha: level of the test, in (0, 1); divide it by the size of the family for a cautious plan.
        at_least: lower limit of the answer; 6 is the fewest with which the sign-flip test can reach 5%.

    Returns:
        The number of pairs (seeds).

    Raises:
        ValueError: gap 0, an argument that is not finite or outside its range, or more than 10^7 pairs.

    Source: Cohen 1988, Statistical Power Analysis, section 2.3.
    """
    if not math.isfinite(gap) or gap == 0:
        raise ValueError(f"gap must be finite and not 0; got {gap}")
    if not (math.isfinite(spread) and spread >= 0):
        raise ValueError(f"spread must be finite and not negative; got {spread}")
    if not 0 < alpha < 1 or not alpha <= power < 1:
        raise ValueError(f"alpha must be in (0, 1) and power in [alpha, 1); got {alpha} and {power}")
    if spread == 0:
        return max(at_least, 2)
    effect = abs(gap) / spread

    def enough(n: int) -> bool:
        t = float(special.stdtrit(n - 1, 1 - alpha / 2))
        shift = effect * math.sqrt(n)
        above = 1 - float(special.nctdtr(n - 1, shift, t))
        if above >= power:
            return True
        below = float(special.nctdtr(n - 1, shift, -t))
        # Too small to matter beside a large shift, where scipy (1.17) has no value for it.
        return not math.isnan(below) and above + below >= power

    # The normal approximation is a little below the answer: searching upwards from there takes few steps.
    quantiles = special.ndtri(1 - alpha / 2) + special.ndtri(power)
    low = max(1, min(int((quantiles / effect) ** 2) - 1, 10**7))
    while low > 1 and enough(low):
        low //= 2
    step, high = 1, low + 1
    while not enough(high):
        step *= 2
        low, high = high, high + step
        if high > 10**7:
            raise ValueError("the gap is too small for its spread: more than 10^7 pairs would be needed")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return max(at_least, high)


Counts = NDArray[np.int64]
Scale = Callable[[FloatArray, Counts], FloatArray]


@dataclass(frozen=True, slots=True, eq=False)
class JointTest:
    """Sign-flip tests of a family of comparisons.

    Attributes:
        p: each comparison by itself, shape (m,).
        p_adjusted: corrected for the family by step-down max-T, shape (m,); at least `p`.
        assignments: how many sign assignments they rest on.
    """

    p: FloatArray
    p_adjusted: FloatArray
    assignments: int


def joint_sign_flip_test(differences: ArrayLike, *, seed: int, resamples: int = 9_999) -> JointTest:
    """Two-sided paired permutation tests of a whole family, corrected for being many.

    A row's statistic is T = |sum u_s| / sqrt(sum u_s^2), u the differences of its pairs: a monotone form of
    Student's t that lies in [0, sqrt(n)] and needs no unit. If one of its differences is infinite (one side
    diverged), u are the signed midranks of the row instead, so that a diverged run ranks worst and weighs no
    more than that; which of the two it is depends on the sizes of the differences alone, never on their
    signs. Flipping a seed flips the signs of all its differences together. p is the share of assignments
    with T at least the one observed.

    The correction is Holm's step-down with the joint distribution in the place of Bonferroni's sum: the rows
    in descending order of T, p_adjusted of row i is the share of assignments in which the largest T of the
    rows i, i+1, ... is at least the one observed in row i, made non-decreasing. So rows that say the same
    thing of the same seeds count little more than one, and six seeds can reach 0.031 in a family of any
    size, where Holm's own product would start at m / 32. Rows with different numbers of pairs are put on one
    scale by Student's distribution.

    The chance of any false rejection stays below the level if the differences of the rows without a
    difference are jointly symmetric: (d_1, ..., d_k) as likely as (-d_1, ..., -d_k) at each seed. Gaussian
    noise is, whatever the correlations. docs/reference/findings.md has the measured error of other noise.

    Args:
        differences: shape (m, n_seeds); a column is a seed, NaN where the row has no such pair, 0 where both
            sides diverged, +-inf where one did.
        seed: of the random signs; unused up to 16 seeds, where all 2^(n-1) assignments are enumerated.
        resamples: random assignments above 16 seeds, at least 1; p = (1 + hits) / (1 + resamples) then.

    Returns:
        The p values in the order of the rows; a row without any difference has p = 1.

    Raises:
        ValueError: not two-dimensional, no row or no seed, or no resamples.

    Source: Westfall and Young 1993, Resampling-Based Multiple Testing, algorithm 2.8; Romano and Wolf 2005,
    doi 10.1198/016214504000000539 (groups of sign changes); Winkler et al. 2014,
    doi 10.1016/j.neuroimage.2014.01.060.
    """
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 2 or d.size == 0:  # noqa: PLR2004 - rows and seeds
        raise ValueError(f"differences must have shape (comparisons, seeds), neither 0; got {d.shape}")
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1; got {resamples}")
    units, pairs = _units(d)
    scale = _common_scale(pairs)
    observed = scale(np.abs(units.sum(axis=1)), np.arange(len(d))) * (1 - ROUNDING) - NOTHING
    order = np.argsort(-observed, kind="stable")
    ranked, threshold = units[order], observed[order]
    hits = np.zeros(len(d), np.int64)
    joint_hits = np.zeros(len(d), np.int64)
    total = 0
    for signs in _assignments(d.shape[1], max(1, UNITS_AT_ONCE // len(d)), seed, resamples):
        found = scale(np.abs(signs @ ranked.T), order)
        hits += (found >= threshold).sum(axis=0)
        # The largest statistic of this row and of all that follow it.
        rest = np.maximum.accumulate(found[:, ::-1], axis=1)[:, ::-1]
        joint_hits += (rest >= threshold).sum(axis=0)
        total += len(signs)
    p, adjusted = np.empty(len(d)), np.empty(len(d))
    p[order] = hits / total
    adjusted[order] = np.maximum.accumulate(joint_hits / total)
    return JointTest(p, adjusted, total)


def _units(d: FloatArray) -> tuple[FloatArray, Counts]:
    """Rows of length 1 (0 where nothing differs or no pair is), and how many pairs each has."""
    there = ~np.isnan(d)
    units = np.where(there, d, 0.0)
    for row in np.flatnonzero(np.isinf(units).any(axis=1)):
        values = units[row]
        differing = values != 0
        values[differing] = np.sign(values[differing]) * midranks(np.abs(values[differing]))
    largest = np.abs(units).max(axis=1, keepdims=True)
    units /= np.where(largest > 0, largest, 1.0)  # squares of losses near the limits must not overflow
    length = np.sqrt((units**2).sum(axis=1, keepdims=True))
    return units / np.where(length > 0, length, 1.0), there.sum(axis=1)


def _common_scale(pairs: Counts) -> Scale:
    """Return what puts T of rows with different numbers of pairs on one scale.

    With one number of pairs that is T itself. Otherwise it is the normal quantile of Student's p value, by
    interpolation between 4001 values of T / sqrt(n), which keeps the order.
    """
    if len(np.unique(pairs)) == 1:
        return lambda sums, _rows: sums
    share = np.linspace(0.0, 1.0, 4001)
    tables = {}
    for n in np.unique(pairs):
        df = max(int(n) - 1, 1)
        t = share * np.sqrt(df / np.maximum(1 - share**2, 1e-15))
        tables[int(n)] = np.maximum(-special.ndtri(np.maximum(special.stdtr(df, -t), 1e-300)), 0.0)

    def scale(sums: FloatArray, rows: Counts) -> FloatArray:
        out = np.empty_like(sums)
        for n, quantiles in tables.items():
            of_size = pairs[rows] == n
            out[..., of_size] = np.interp(sums[..., of_size] / np.sqrt(max(n, 1)), share, quantiles)
        return out

    return scale


def _assignments(seeds: int, rows: int, seed: int, resamples: int) -> Iterator[FloatArray]:
    """Yield blocks of sign assignments, shape (at most `rows`, seeds).

    All of them, the first seed keeping its sign (a mirror image gives the same statistics); or, above 16
    seeds, the observed one and random ones.
    """
    if seeds <= ENUMERATED_SEEDS:
        count = 2 ** (seeds - 1)
        for start in range(0, count, rows):
            codes = np.arange(start, min(start + rows, count))[:, None]
            bits = (codes >> np.arange(seeds - 1)) & 1
            yield np.concatenate([np.ones((len(codes), 1)), 1.0 - 2.0 * bits], axis=1)
        return
    yield np.ones((1, seeds))
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, rows):
        shape = (min(rows, resamples - start), seeds)
        yield np.asarray(2 * rng.integers(0, 2, size=shape, dtype=np.int8) - 1, dtype=np.float64)
