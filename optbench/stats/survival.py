"""Time to target and search budgets, with the runs that never got there kept in the count.

Import these from `optbench.stats`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbench.stats.intervals import (
    FloatArray,
    Interval,
    checked_array,
    median_interval,
    normal_quantile,
)

ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class KaplanMeier:
    """The share of runs that have not reached the target yet, as a step function of time.

    Attributes:
        times: distinct times at which a run reached the target, ascending, shape (m,).
        survival: share not there yet from `times[i]` up to the next, shape (m,); 1 before `times[0]`.
        low: lower end of its pointwise interval, shape (m,).
        high: upper end, shape (m,).
        at_risk: runs still under way just before each time, shape (m,).
        events: runs that reached the target at each time, shape (m,).
        censored_times: when the other runs were given up, ascending, shape (n - sum(events),).
        median: first time by which half of the runs have reached the target; +inf if they never do.
        median_low: lower end of its interval; at most the longest time that a run was followed.
        median_high: upper end; +inf where the data set none.
        coverage: confidence asked for.
        n: number of runs.
    """

    times: FloatArray
    survival: FloatArray
    low: FloatArray
    high: FloatArray
    at_risk: NDArray[np.int64]
    events: NDArray[np.int64]
    censored_times: FloatArray
    median: float
    median_low: float
    median_high: float
    coverage: float
    n: int


def checked_flags(flags: ArrayLike, name: str, size: int) -> NDArray[np.bool_]:
    """Return `flags` as booleans of shape (size,), or raise ValueError."""
    array = np.asarray(flags)
    if array.shape != (size,):
        raise ValueError(f"{name} must have one flag a run, shape ({size},); got shape {array.shape}")
    if not np.isin(array, (0, 1)).all():
        raise ValueError(f"{name} must be true or false (1 or 0) for each run")
    return array.astype(bool)


def kaplan_meier(times: ArrayLike, observed: ArrayLike, *, confidence: float = 0.95) -> KaplanMeier:
    """Time-to-target curve from runs of which some never reached the target. Nothing is imputed.

    S(t) = prod_{t_i <= t} (1 - d_i/r_i), d_i events among r_i runs at risk; a run censored at t_i is still at
    risk there. Interval: Greenwood's variance G = sum d_i/(r_i (r_i - d_i)) on the log(-log S) scale,
    S^exp(+- z sqrt(G)/|log S|), which stays in [0, 1]. The median's interval holds the times at which that
    band contains 1/2 (Brookmeyer and Crowley).

    Where Greenwood's variance says nothing, the exact binomial does: at S = 0 the upper end is at most
    1 - (alpha/2)^(1/r) with the last r runs all there at once, and without any event the median's lower end
    is the longest time up to which enough runs were followed that (alpha/2)^(1/r) >= 1/2 (6 runs at 95%),
    else 0.

    Args:
        times: shape (n,), >= 0: steps or seconds at which the target was reached, or until which the run was
            followed. Censor a diverged run at the budget, not where it blew up: it can't reach the target any
            more, and giving it up early would say nothing of the kind. +inf is allowed for a censored run.
        observed: shape (n,): whether the target was reached.
        confidence: in [0.5, 1).

    Returns:
        The curve and its median.

    Raises:
        ValueError: no runs, NaN or negative times, an infinite time that is called observed, shapes that
            differ.

    Source: Kaplan and Meier 1958, doi 10.1080/01621459.1958.10501452; Kalbfleisch and Prentice 2002
    (log-log); Brookmeyer and Crowley 1982, doi 10.2307/2530286.
    """
    t = checked_array(times, "times", infinite=True)
    reached = checked_flags(observed, "observed", t.size)
    if (t < 0).any():
        raise ValueError("times must not be negative")
    if np.isinf(t[reached]).any():
        raise ValueError("a run that reached the target must have a finite time")
    z = normal_quantile(confidence)
    tail = (1 - confidence) / 2
    event_times, events = np.unique(t[reached], return_counts=True)
    at_risk = (t[None, :] >= event_times[:, None]).sum(axis=1)
    survival = np.cumprod(1 - events / at_risk)
    low, high = np.zeros_like(survival), np.ones_like(survival)
    inside = survival > ROUNDING
    survival[~inside] = 0.0
    left = np.where(inside, at_risk - events, 1)
    log_s = np.log(survival[inside])
    width = z * np.sqrt(np.cumsum(events / (at_risk * left)))[inside] / np.abs(log_s)
    low[inside] = np.exp(log_s * np.exp(width))
    high[inside] = np.exp(log_s * np.exp(-width))
    if survival.size and not inside[-1]:
        before = high[-2] if survival.size > 1 else 1.0
        high[-1] = min(before, 1 - tail ** (1 / int(at_risk[-1])))
    return KaplanMeier(
        times=event_times,
        survival=survival,
        low=low,
        high=high,
        at_risk=at_risk.astype(np.int64),
        events=events.astype(np.int64),
        censored_times=np.sort(t[~reached]),
        median=_first_half(event_times, survival, math.inf),
        median_low=_first_half(event_times, low, _followed(t, tail) if not reached.any() else float(t.max())),
        median_high=_first_half(event_times, high, math.inf),
        coverage=confidence,
        n=t.size,
    )


def median_time(times: ArrayLike, observed: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Median time to target with an interval that is as narrow as the runs allow.

    Where no run was given up before the last one arrived (all have one budget, say) every order statistic up
    to that arrival is known: a run that did not reach the target is +inf, later than any, and the interval is
    `median_interval`'s between order statistics. From 6 runs on its ends are finite if all arrived. The
    interval of `kaplan_meier` supposes no such order, and at 6 runs has no upper end even then.

    Where a run was given up earlier, the median and the interval are `kaplan_meier`'s.

    Args:
        times: shape (n,), as `kaplan_meier` takes them.
        observed: shape (n,): whether the target was reached.
        confidence: in [0.5, 1).

    Returns:
        Median and interval in the unit of the times. The median is +inf where half of the runs or more did
        not arrive; an upper end is +inf where they leave it open, and a lower one is at most the time to
        which the runs without arrival were followed.

    Raises:
        ValueError: as `kaplan_meier`.
    """
    curve = kaplan_meier(times, observed, confidence=confidence)
    t = checked_array(times, "times", infinite=True)
    reached = checked_flags(observed, "observed", t.size)
    first_given_up = float(curve.censored_times[0]) if curve.censored_times.size else math.inf
    if curve.times.size and first_given_up < curve.times[-1]:
        return Interval(curve.median, curve.median_low, curve.median_high, confidence, curve.n)
    found = median_interval(np.where(reached, t, math.inf), confidence=confidence)
    # The run that bounds the median from below may not have arrived: it took longer than it was followed.
    low = found.low if math.isfinite(found.low) else median_interval(t, confidence=confidence).low
    return Interval(found.estimate, low, found.high, found.coverage, found.n)


def _first_half(times: FloatArray, curve: FloatArray, otherwise: float) -> float:
    half = np.flatnonzero(curve <= 0.5 + ROUNDING)
    return float(times[half[0]]) if half.size else otherwise


def _followed(times: FloatArray, tail: float) -> float:
    """Return the longest time to which enough runs, none arriving, were followed to put the median later."""
    needed = math.ceil(math.log(tail) / math.log(0.5) - ROUNDING)
    return float(np.sort(times)[-needed]) if times.size >= needed else 0.0


def average_runtime(evaluations: ArrayLike, solved: ArrayLike) -> float:
    """Expected cost of one success when failed runs are restarted: all evaluations / number of successes.

    COCO's aRT, formerly ERT. Unsuccessful runs count with everything they spent. Not a typical time: one
    number without an interval, and large where successes are rare; `kaplan_meier` shows the distribution.

    Args:
        evaluations: shape (n,), finite, >= 0: steps (or seconds) each run spent, up to the target or its end.
        solved: shape (n,): whether the run reached the target.

    Returns:
        The average in the unit of `evaluations`; +inf when no run succeeded.

    Raises:
        ValueError: no runs, a negative or non-finite number of evaluations, shapes that differ.

    Source: Hansen et al., COCO: Performance Assessment, arXiv 1605.03560.
    """
    spent = checked_array(evaluations, "evaluations")
    flags = checked_flags(solved, "solved", spent.size)
    if (spent < 0).any():
        raise ValueError("evaluations must not be negative")
    successes = int(flags.sum())
    return float(spent.sum()) / successes if successes else math.inf


def expected_best_of_k(
    scores: ArrayLike, k: int, *, replacement: bool = False, higher_is_better: bool = False
) -> float:
    """Expected best score of k random trials of a hyperparameter search, from the n trials that were run.

    With the scores ordered from worst to best, v_(1) .. v_(n), it is sum_i v_(i) w_i. Without replacement
    (the default) w_i = C(i-1, k-1) / C(n, k): the average best over all subsets of size k, unbiased. With
    replacement w_i = (i/n)^k - ((i-1)/n)^k, the form of Dodge et al., which is pessimistic as k nears n.

    Args:
        scores: shape (n,), one per trial (validation losses by default); +inf for a diverged trial.
        k: number of trials; 1..n without replacement, >= 1 with.
        replacement: which of the two forms.
        higher_is_better: True for accuracies; a diverged trial is -inf then.

    Returns:
        Expected best score; infinite if all k trials may have diverged.

    Raises:
        ValueError: no scores, a NaN, k outside its range, or both infinities with weight.

    Source: Dodge et al. 2019, arXiv 1909.03004 (with replacement); Tang et al. 2020, arXiv 2004.13705 (its
    bias, and the unbiased form).
    """
    v = checked_array(scores, "scores", infinite=True)
    n = v.size
    if k < 1 or (k > n and not replacement):
        raise ValueError(f"k must be in 1..{n}, the number of trials; got {k}")
    ordered = np.sort(v) if higher_is_better else np.sort(v)[::-1]
    if replacement:
        weights = np.diff((np.arange(n + 1) / n) ** k)
    else:
        subsets = math.comb(n, k)
        weights = np.array([math.comb(i, k - 1) / subsets for i in range(n)])
    used = weights > 0  # 0 * inf would be NaN
    kept = ordered[used]
    if np.isposinf(kept).any() and np.isneginf(kept).any():
        raise ValueError("scores hold both +inf and -inf, whose average does not exist")
    return float(weights[used] @ kept)
