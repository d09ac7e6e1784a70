"""What another draw of tuning seeds could change: regret of a chosen learning rate, by the bootstrap.

A rate that few seeds chose need not be the best one. A comparison at the chosen rates measures how two
optimizers do there; how they do at their best rates differs from it by the regret of either choice. The
tuning trials say how large that may be, without further training: redraw the tuning seeds, choose again, and
see what the trials say of the difference.

Import these from `optbench.stats`. docs/reference/statistics.md#tunings-share says what they are for, and how
often intervals hold the truth with them and without.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbench.stats.intervals import FloatArray, Interval, checked_array

ENUMERATED = 4
"""Up to so many seeds every resample is taken, 4^4 = 256 of them; beyond it a random sample."""

FEWEST_SEEDS = 2
"""One seed resamples to itself, and says nothing about another."""


def resampled_counts(seeds: int, *, seed: int, draws: int = 2000) -> FloatArray:
    """How often each tuning seed counts in each bootstrap resample of all of them.

    One array serves every combination of a workload: combinations that were tuned with the same seeds share
    what these seeds had of luck, and a pair's difference must not count it twice.

    Args:
        seeds: k >= 2, the number of tuning seeds.
        seed: of the random resamples; up to 4 seeds all k^k ordered resamples are taken and it decides
            nothing.
        draws: how many random ones, at least 100.

    Returns:
        Whole numbers as floats, shape (resamples, k); every row adds up to k.

    Raises:
        ValueError: fewer than 2 seeds, or fewer than 100 draws.

    Source: Efron 1979, doi 10.1214/aos/1176344552.
    """
    if seeds < FEWEST_SEEDS:
        raise ValueError(f"resampling tuning seeds needs at least {FEWEST_SEEDS} of them; got {seeds}")
    if draws < 100:  # noqa: PLR2004 - fewer say nothing about a rare choice
        raise ValueError(f"draws must be at least 100; got {draws}")
    if seeds <= ENUMERATED:
        places = np.array(list(itertools.product(range(seeds), repeat=seeds)))
    else:
        places = np.random.default_rng(seed).integers(0, seeds, size=(draws, seeds))
    return np.asarray((places[:, :, None] == np.arange(seeds)).sum(axis=1), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Regret:
    """What another draw of tuning seeds would have chosen, and what that would have been worth.

    Attributes:
        draws: shape (resamples,): by how much the loss of the choice of each resample exceeds that of the
            rate that was chosen, in decades (log10) or, without logarithms, as a difference; on the tuning
            trials. 0 where the choice is the same. Infinite where the one has no finite logarithm.
        changed: share of the resamples that choose another candidate, in [0, 1].
        failing: share whose lowest mean, over the seeds that are in it, belongs to a candidate that failed
            with a seed that is not.
    """

    draws: FloatArray
    changed: float
    failing: float


def regret_of_choice(losses: ArrayLike, chosen: int, counts: ArrayLike, *, ratio: bool = True) -> Regret:
    """The regret of a tuning's choice over resamples of its seeds.

    With L(p, s) the loss of candidate p with tuning seed s, each resample chooses by the rule of the search,
    p* = the lowest mean of L(p, .) over the seeds it drew, the first among equals, and
    r = mean over all k seeds of [log10 L(p*, s) - log10 L(chosen, s)]: the bootstrap's analogue of what the
    choice loses against the best candidate. A candidate that failed with one of the k seeds is chosen by no
    resample: the search has refused it, and whether the chosen one ever fails is seen in the evaluation.

    A grid is not widened again: where a resample's best lies on its edge, nothing was tried beyond it.

    Args:
        losses: shape (candidates, k), k >= 2, final validation losses in the order of the rates; +inf for a
            trial that did not end well.
        chosen: place of the candidate that was chosen; its trials all ended well.
        counts: what `resampled_counts` gives for k seeds.
        ratio: whether losses are compared by ratios, so that none is negative; else by differences.

    Raises:
        ValueError: shapes do not fit, a NaN, a negative loss where ratios are asked for, or a chosen
            candidate that is not there or failed.
    """
    trials = checked_array(losses, "losses", dims=(2,), infinite=True)
    weights = checked_array(counts, "counts", dims=(2,))
    candidates, k = trials.shape
    if weights.shape[1] != k:
        raise ValueError(f"counts must have a column for each of {k} tuning seeds; got {weights.shape[1]}")
    if not 0 <= chosen < candidates:
        raise ValueError(f"chosen must be in 0..{candidates - 1}; got {chosen}")
    if not np.isfinite(trials[chosen]).all():
        raise ValueError("the chosen candidate failed with a tuning seed; there is no regret of it")
    if ratio and (trials < 0).any():
        raise ValueError("losses must not be negative where ratios are compared")
    whole = np.asarray(np.isfinite(trials).all(axis=1))
    best = _lowest(np.where(whole[:, None], trials, math.inf), trials[chosen], weights)
    with np.errstate(divide="ignore"):
        values = np.log10(trials) if ratio else trials
    regret = _mean_difference(values, values[chosen])
    return Regret(
        draws=regret[best],
        changed=float((best != chosen).mean()),
        failing=float((~whole[_lowest(trials, trials[chosen], weights)]).mean()),
    )


def _lowest(trials: FloatArray, chosen: FloatArray, weights: FloatArray) -> NDArray[np.intp]:
    """The candidate with the lowest mean in each resample, shape (resamples,)."""
    # Means are compared in units of the chosen one: sums of losses near the largest float would be infinite.
    # A power of two, so that equal means stay equal.
    _, exponent = math.frexp(float(np.abs(chosen).max()))
    with np.errstate(over="ignore"):
        scaled = np.ldexp(trials, -exponent)
    failed = np.isposinf(scaled)
    finite = np.where(failed, 0.0, scaled)
    means = finite @ weights.T
    means[(failed.astype(np.float64) @ weights.T) > 0] = math.inf  # 0 * inf would be NaN
    return np.asarray(means.argmin(axis=0))


def _mean_difference(values: FloatArray, chosen: FloatArray) -> FloatArray:
    """Mean over seeds of value - chosen; two equal infinities are a tie, infinities of both signs +inf."""
    with np.errstate(invalid="ignore", over="ignore"):
        differences = np.where(np.isinf(values) & (values == chosen), 0.0, values - chosen)
        means = differences.mean(axis=1)
    return np.where(np.isnan(means), math.inf, means)


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean and variance over resamples of a contrast of regrets.

    Attributes:
        mean: by how much the choices disadvantage what counts positively, on average.
        variance: its spread.
    """

    mean: float
    variance: float

    @property
    def square(self) -> float:
        """The mean square: mean^2 + variance, what an interval must include; NaN where it is not known.

        Not the variance alone: a choice can only lose against the best one, so that its regret is no noise
        around 0. Infinite where a regret is.
        """
        return self.mean**2 + self.variance


def contrast(regrets: Sequence[Regret | None], weights: ArrayLike) -> Moments:
    """The moments of a weighted sum of regrets that were drawn with the same resamples.

    A pair a, b within a workload has the weights 1, -1; a pooled effect of m pairs 1/m and -1/m.

    Args:
        regrets: one a combination; None where another draw of seeds can't be told (NaN comes out), a weight
            of 0 leaves it out.
        weights: shape (combinations,).

    Returns:
        (0, 0) for no regrets; (0, inf) where one is infinite.

    Raises:
        ValueError: lengths differ.
    """
    factors = np.asarray(weights, dtype=np.float64)
    if factors.shape != (len(regrets),):
        raise ValueError(f"weights must be one a regret; got {factors.size} and {len(regrets)}")
    counted = [(w, one) for w, one in zip(factors, regrets, strict=True) if w]
    known = [(w, one) for w, one in counted if one is not None]
    if len(known) < len(counted):
        return Moments(math.nan, math.nan)
    if not known:
        return Moments(0.0, 0.0)
    if not all(np.isfinite(one.draws).all() for _, one in known):
        return Moments(0.0, math.inf)
    total = np.sum([w * one.draws for w, one in known], axis=0)
    return Moments(float(total.mean()), float(total.var()))


def independent_sum(moments: Sequence[Moments], weights: ArrayLike | None = None) -> Moments:
    """The moments of a weighted sum of contrasts whose resamples are independent: those of several workloads.

    Means add up with the weights, variances with their squares. So W workloads whose choices favour now the
    one and now the other have about the W-th part of a workload's mean square (sum v / W^2), and where all
    favour the same they have no less than each.

    Args:
        moments: one a workload.
        weights: shape (workloads,); left out: their mean, 1/W each.

    Raises:
        ValueError: no workload, or lengths differ.
    """
    if not moments:
        raise ValueError("moments must hold at least one workload; got none")
    factors = np.full(len(moments), 1 / len(moments)) if weights is None else np.asarray(weights, float)
    if factors.shape != (len(moments),):
        raise ValueError(f"weights must be one a workload; got {factors.size} and {len(moments)}")
    counted = [(float(w), one) for w, one in zip(factors, moments, strict=True) if w]
    return Moments(
        math.fsum(w * one.mean for w, one in counted),
        math.fsum(w * w * one.variance for w, one in counted),
    )


def interquartile_weights(differences: ArrayLike) -> FloatArray:
    """How much each workload counts in the interquartile mean over workloads, on average over seeds.

    The interquartile mean is a weighted mean in every seed, with weights that depend on the order of the
    workloads there; a small change of one workload's difference changes it by that weight. With these weights
    `independent_sum` is right to first order: where the regrets are small against what lies between
    workloads.

    Args:
        differences: shape (workloads, seeds), finite or infinite. Of the ordered values of a seed a quarter
            is left out at each end, a share of one where their number is not divisible by four.

    Returns:
        Shape (workloads,), adding up to 1. Workloads with equal differences share their weight.

    Raises:
        ValueError: no value, or a NaN.
    """
    array = checked_array(differences, "differences", dims=(2,), infinite=True)
    edges = np.arange(len(array) + 1)
    by_rank = np.diff(np.clip(edges, len(array) / 4, 3 * len(array) / 4)) / (len(array) / 2)
    weights: Any = np.zeros(len(array))
    for column in array.T:
        for value in np.unique(column):
            same = np.flatnonzero(column == value)
            first = int((column < value).sum())
            weights[same] += by_rank[first : first + len(same)].mean()
    return np.asarray(weights / array.shape[1], dtype=np.float64)


def widened(interval: Interval, square: float, quantile: float) -> Interval:
    """An interval that includes a further error: each half h becomes sqrt(h^2 + (quantile^2) square).

    For mean +- t se it is mean +- t sqrt(se^2 + v). The confidence stays what it was. Around an estimate that
    is infinite, because a side diverged, there are no halves: it stays as it is.

    Args:
        interval: in the unit of the regrets, decades say.
        square: the further error's mean square v, >= 0; NaN (not known) leaves the interval as it is.
        quantile: t of the interval, 2.571 for 95% and 6 runs.
    """
    if math.isnan(square) or not math.isfinite(interval.estimate):
        return interval
    further = quantile * math.sqrt(square)
    return Interval(
        interval.estimate,
        interval.estimate - math.hypot(interval.estimate - interval.low, further),
        interval.estimate + math.hypot(interval.high - interval.estimate, further),
        interval.coverage,
        interval.n,
    )


def share_of_width(narrow: Interval, wide: Interval) -> float:
    """How much of the width the tuning makes up: 1 - narrow / wide; 1 - se / sqrt(se^2 + v) for mean +- t se.

    Returns:
        In [0, 1]; 0 where neither has a width, 1 where only the wide one is infinite, NaN where both are.
    """
    before, after = narrow.high - narrow.low, wide.high - wide.low
    if math.isinf(before):
        return math.nan
    return 1 - before / after if after > 0 else 0.0
