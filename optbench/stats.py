"""Statistics of optimizer comparisons, on plain arrays: the public door.

Tests and comparisons live here; the rest in `intervals`, `bootstrap`, `joint`, `ranks` and `survival`.
Import all of them from this module. Losses are the normal case: lower is better unless an argument says
otherwise, and a diverged run is +inf, ranked worst, wherever ranking makes sense. Functions that resample
take a seed and return the same numbers for it. docs/reference/statistics.md says which to use when, and why.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from optbench.bootstrap import bootstrap_band, bootstrap_interval, interquartile_mean
from optbench.intervals import (
    Band,
    FloatArray,
    Interval,
    checked_array,
    hodges_lehmann,
    mean_interval,
    median_band,
    median_interval,
    score_interval,
    student_quantile,
    wilson_interval,
)
from optbench.joint import JointTest, joint_sign_flip_test
from optbench.ranks import FriedmanResult, critical_difference, friedman, midranks, performance_profile
from optbench.survival import KaplanMeier, average_runtime, expected_best_of_k, kaplan_meier

__all__ = [
    "FEWEST_PAIRS",
    "Band",
    "FriedmanResult",
    "Interval",
    "JointTest",
    "KaplanMeier",
    "average_runtime",
    "bootstrap_band",
    "bootstrap_interval",
    "critical_difference",
    "expected_best_of_k",
    "friedman",
    "hodges_lehmann",
    "holm",
    "interquartile_mean",
    "joint_sign_flip_test",
    "kaplan_meier",
    "mean_interval",
    "median_band",
    "median_interval",
    "performance_profile",
    "probability_of_improvement",
    "seeds_needed",
    "sign_flip_test",
    "wilson_interval",
]

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


def holm(p_values: ArrayLike) -> FloatArray:
    """Adjusted p values that keep the chance of any false claim in the family below the level.

    With the p values ascending, adjusted_(i) = max_{j <= i} min(1, (m - j + 1) p_(j)). No assumption on their
    dependence. Give it the whole declared family at once, also the tests whose outcome disappoints.

    Args:
        p_values: shape (m,), in [0, 1].

    Returns:
        Shape (m,), in the order given.

    Raises:
        ValueError: none given, or one outside [0, 1] or NaN.

    Source: Holm 1979, Scandinavian Journal of Statistics 6, 65-70.
    """
    p = checked_array(p_values, "p_values")
    if (p < 0).any() or (p > 1).any():
        raise ValueError("p_values must be in [0, 1]")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)))
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
