"""Who stands where: within every workload, over workloads, and in time to target."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from optbench.findings.comparisons import EVERY_WORKLOAD, power_of_ten
from optbench.findings.samples import Combination, CommonBlock, PairedSamples, over_workloads
from optbench.findings.stability import middle_ratio, ratios_to
from optbench.stats.bootstrap import bootstrap_interval
from optbench.stats.intervals import Interval, median_interval
from optbench.stats.paired import FEWEST_PAIRS, probability_of_improvement
from optbench.stats.ranks import critical_difference, friedman, midranks
from optbench.stats.survival import kaplan_meier

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

FEWEST_WORKLOADS = 5
"""Below this many workloads average ranks say too little for a test."""


class Standing(NamedTuple):
    """One row of the ranking table.

    `estimate` with its 95% interval is, by `quantity`: `median` (of the metric over seeds), `iqm ratio` (the
    interquartile mean over seeds and workloads of the log ratio to the reference, undone) or `median time`
    (Kaplan-Meier's, censored runs kept). `place` counts from 1 in the order of the estimates, ties sharing
    the first; `leader` is the lowest estimate that nothing is better than; `against_leader` is the verdict on
    the row against it, and `tied` that this is `no detectable difference`. `improvement` is the chance that a
    run of it beats one of the reference at the same workload, ties as one half.
    """

    workload: str
    optimizer: str
    schedule: str
    metric: str
    quantity: str
    place: int
    estimate: float
    low: float
    high: float
    n: int
    n_ok: int
    leader: bool
    tied: bool
    against_leader: str
    better_than: int
    worse_than: int
    untested: int
    average_rank: float
    improvement: float
    improvement_low: float
    improvement_high: float


class Overall(NamedTuple):
    """What the ranking over workloads rests on.

    Attributes:
        reference: the fixed reference of its ratios.
        workloads: of the block.
        schedules: of the combinations in it.
        n_seeds: that all its workloads have.
        left_out: combinations that did not run on all of them.
        friedman_p: Iman and Davenport's p value; NaN below 5 workloads.
        critical_difference: of average ranks at 5%; NaN below 5 workloads.
    """

    reference: Combination
    workloads: tuple[str, ...]
    schedules: tuple[str, ...]
    n_seeds: int
    left_out: tuple[Combination, ...]
    friedman_p: float
    critical_difference: float


def rank_within(samples: PairedSamples, comparisons: pd.DataFrame) -> list[Standing]:
    """The combinations of a workload by the median of a metric over seeds, the best first.

    Args:
        samples: the runs.
        comparisons: the table of comparisons, for who is better than whom.
    """
    spans = {}
    for row, name in enumerate(samples.combinations):
        values = samples.measured[row][~np.isnan(samples.measured[row])]
        spans[name] = median_interval(values) if len(values) else _nothing()
    return _standings(samples.workload, samples.metric, "median", spans, _counts(samples), comparisons)


def rank_in_time(
    samples: PairedSamples, horizons: Mapping[str, float], comparisons: pd.DataFrame
) -> list[Standing]:
    """The combinations by Kaplan and Meier's median of the steps to target.

    Args:
        samples: of `steps_to_target`.
        horizons: steps of each workload's budget, at which runs that never arrived are censored, the
            diverged ones among them; the longest time of any that arrived where it is not known.
        comparisons: the table of comparisons of this metric.
    """
    latest = float(samples.measured[np.isfinite(samples.measured)].max())
    horizon = max(horizons.get(samples.workload, latest), latest)
    spans, counts = {}, {}
    for row, name in enumerate(samples.combinations):
        times = samples.measured[row][~np.isnan(samples.measured[row])]
        reached = np.isfinite(times)
        if len(times):
            curve = kaplan_meier(np.where(reached, times, horizon), reached)
            spans[name] = Interval(
                curve.median, curve.median_low, curve.median_high, curve.coverage, len(times)
            )
        else:
            spans[name] = _nothing()
        counts[name] = int(samples.planned[row].sum()), int(reached.sum())
    return _standings(samples.workload, samples.metric, "median time", spans, counts, comparisons)


def rank_overall(
    block: CommonBlock, metric: str, reference: Combination, comparisons: pd.DataFrame, seed: int
) -> tuple[list[Standing], Overall]:
    """The combinations of a block by their interquartile mean ratio to a fixed reference.

    Args:
        block: what can be compared.
        metric: that was measured.
        reference: one of its combinations.
        comparisons: the table of comparisons.
        seed: of the bootstrap, which resamples seeds, one draw for all workloads.
    """
    seeds, scores = over_workloads(block)
    place = block.combinations.index(reference)
    ratios = ratios_to(scores, place)
    spans: dict[Combination, Interval] = {}
    improvement = {}
    for row, name in enumerate(block.combinations):
        whole = ratios[row].T[~np.isnan(ratios[row]).any(axis=0)]
        spans[name] = _middle(whole, seed)
        improvement[name] = _improvement(scores[:, row].T, scores[:, place].T, row == place)
    counts = {}
    for name in block.combinations:
        rows = [(f, f.combinations.index(name)) for f in block.by_workload]
        counts[name] = (
            sum(int(f.planned[r].sum()) for f, r in rows),
            sum(int(f.ok[r].sum()) for f, r in rows),
        )
    standings = _standings(EVERY_WORKLOAD, metric, "iqm ratio", spans, counts, comparisons)
    medians = _medians(block)
    ranks = np.stack([midranks(row) for row in medians]).mean(axis=0)
    average = dict(zip(block.combinations, ranks, strict=True))
    standings = [
        s._replace(
            average_rank=float(average[Combination(s.optimizer, s.schedule)]),
            improvement=improvement[Combination(s.optimizer, s.schedule)].estimate,
            improvement_low=improvement[Combination(s.optimizer, s.schedule)].low,
            improvement_high=improvement[Combination(s.optimizer, s.schedule)].high,
        )
        for s in standings
    ]
    enough = len(block.by_workload) >= FEWEST_WORKLOADS and len(block.combinations) > 2  # noqa: PLR2004 - friedman's least
    overall = Overall(
        reference,
        tuple(f.workload for f in block.by_workload),
        tuple(dict.fromkeys(c.schedule for c in block.combinations)),
        len(seeds),
        block.left_out,
        friedman(medians).f_p_value if enough else math.nan,
        critical_difference(len(block.combinations), len(block.by_workload)) if enough else math.nan,
    )
    return standings, overall


def _middle(whole: NDArray[np.float64], seed: int) -> Interval:
    """Interquartile mean ratio with its interval, shape (seeds, workloads) on the log10 scale."""
    estimate = middle_ratio(whole)
    if math.isnan(estimate) or len(whole) < FEWEST_PAIRS:
        return Interval(power_of_ten(estimate), math.nan, math.nan, math.nan, len(whole))
    try:
        found = bootstrap_interval(whole, seed=seed)
    except ValueError:
        return Interval(power_of_ten(estimate), math.nan, math.nan, math.nan, len(whole))
    return Interval(
        power_of_ten(found.estimate), power_of_ten(found.low), power_of_ten(found.high), 0.95, found.n
    )


def _improvement(a: NDArray[np.float64], b: NDArray[np.float64], same: bool) -> Interval:
    whole = ~(np.isnan(a) | np.isnan(b)).any(axis=1)
    if same or whole.sum() < 2:  # noqa: PLR2004 - a spread needs two seeds
        return _nothing()
    return probability_of_improvement(a[whole], b[whole])


def _medians(block: CommonBlock) -> NDArray[np.float64]:
    """Each workload's medians over seeds, shape (workloads, combinations), for ranks."""
    _, scores = over_workloads(block)
    return np.asarray(np.median(np.where(np.isnan(scores), np.inf, scores), axis=2))


def _counts(samples: PairedSamples) -> dict[Combination, tuple[int, int]]:
    return {
        name: (int(samples.planned[row].sum()), int(samples.ok[row].sum()))
        for row, name in enumerate(samples.combinations)
    }


def _nothing() -> Interval:
    return Interval(math.nan, math.nan, math.nan, math.nan, 0)


def _standings(
    workload: str,
    metric: str,
    quantity: str,
    spans: Mapping[Combination, Interval],
    counts: Mapping[Combination, tuple[int, int]],
    comparisons: pd.DataFrame,
) -> list[Standing]:
    """Rows in ascending order of the estimate, with who is better than whom by the tests."""
    outcome = _outcomes(comparisons, workload)
    names = sorted(spans, key=lambda name: _order(spans[name].estimate))
    beaten = {name: [o for o in names if outcome.get((o, name)) == "better"] for name in names}
    finite = [name for name in names if math.isfinite(spans[name].estimate)]
    leader = next((name for name in finite if not beaten[name]), finite[0] if finite else None)
    rows = []
    for name in names:
        span = spans[name]
        place = 1 + sum(_order(spans[o].estimate) < _order(span.estimate) for o in names)
        against = [outcome[name, o] for o in names if (name, o) in outcome]
        to_leader = outcome.get((name, leader)) if leader else None
        rows.append(
            Standing(
                workload,
                *name,
                metric,
                quantity,
                place,
                span.estimate,
                span.low,
                span.high,
                *counts[name],
                leader=name == leader,
                tied=to_leader == "no detectable difference",
                against_leader=to_leader or "",
                better_than=against.count("better"),
                worse_than=against.count("worse"),
                untested=against.count("insufficient data"),
                average_rank=math.nan,
                improvement=math.nan,
                improvement_low=math.nan,
                improvement_high=math.nan,
            )
        )
    return rows


def _order(estimate: float) -> tuple[bool, float]:
    return (True, 0.0) if math.isnan(estimate) else (False, estimate)


def _outcomes(comparisons: pd.DataFrame, workload: str) -> dict[tuple[Combination, Combination], str]:
    """The verdict on each ordered pair."""
    mirror = {"better": "worse", "worse": "better"}
    here = comparisons[comparisons["workload"] == workload]
    columns = ["a", "schedule_a", "b", "schedule_b", "verdict"]
    found = {}
    for a, schedule_a, b, schedule_b, verdict in here[columns].itertuples(index=False, name=None):
        one, other = Combination(a, schedule_a), Combination(b, schedule_b)
        found[one, other] = verdict
        found[other, one] = mirror.get(verdict, verdict)
    return found
