"""Who stands where: within every workload, over workloads, and in time to target."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from optbench.findings.comparisons import EVERY_WORKLOAD
from optbench.findings.decisions import power_of_ten
from optbench.findings.samples import CommonBlock, PairedSamples, middles, over_workloads
from optbench.findings.verdicts import FAVOURABLE, INSUFFICIENT, RESOLVED, UNFAVOURABLE, mirrored
from optbench.stats.intervals import Interval, mean_interval, median_interval
from optbench.stats.paired import probability_of_improvement
from optbench.stats.ranks import critical_difference, friedman, midranks
from optbench.stats.survival import median_time
from optbench.tables.rows import Combination

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

FEWEST_WORKLOADS = 5
"""Below this many workloads average ranks say too little for a test."""


Outcomes: TypeAlias = "dict[tuple[Combination, Combination], str]"
"""The verdict on each ordered pair."""


class Standing(NamedTuple):
    """One row of the ranking table.

    `estimate` with its 95% interval is, by `quantity`: `mean` (of the metric's logarithm over seeds, undone;
    of the metric itself where values are negative), `median` where a run diverged, `ratio` (the interquartile
    mean over workloads of the log ratio to the reference, its mean over seeds, undone) or `median time`
    (of the steps to target, runs that never arrive last). `place` counts from 1 in the order of the
    estimates, ties sharing the first; `leader` is the lowest estimate that nothing is better than;
    `against_leader` is the verdict on the row against it. `group` counts from 1: the leader with all that
    cannot be told from it, then the first of the rest with what cannot be told from that one, and so on; 0
    where nothing was tested. `tied` is to be of the leader's group. `improvement` is the chance that a run of
    it beats one of the reference at the same workload, ties as one half.
    """

    workload: str
    optimizer: str
    schedule: str
    metric: str
    quantity: str
    group: int
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
    """The combinations of a workload by what their runs come to, the best first.

    Args:
        samples: the runs.
        comparisons: the table of comparisons, for who is better than whom.
    """
    undo = power_of_ten if samples.is_ratio else float
    spans, finite = {}, {}
    for row, name in enumerate(samples.combinations):
        scores = samples.scores[row][samples.ran[row]]
        spans[name] = _undone(_spread(scores), undo)
        finite[name] = bool(np.isfinite(scores).all())
    ranked = _standings(samples.workload, samples.metric, "mean", spans, _counts(samples), comparisons)
    return [
        s if finite[Combination(s.optimizer, s.schedule)] else s._replace(quantity="median") for s in ranked
    ]


def _spread(scores: NDArray[np.float64]) -> Interval:
    """What stands for runs, with the interval that belongs to it, on the scale of the scores."""
    if not len(scores):
        return _nothing()
    if np.isfinite(scores).all() and len(scores) > 1:
        return mean_interval(scores)
    if len(scores) > 1:
        return median_interval(scores)
    return Interval(float(scores[0]), math.nan, math.nan, math.nan, 1)


def _undone(span: Interval, undo: Callable[[float], float]) -> Interval:
    return Interval(undo(span.estimate), undo(span.low), undo(span.high), span.coverage, span.n)


def rank_in_time(
    samples: PairedSamples, horizons: Mapping[str, float], comparisons: pd.DataFrame
) -> list[Standing]:
    """The combinations by the median of the steps to target.

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
        times = samples.measured[row][samples.ran[row]]
        reached = np.isfinite(times)
        if len(times):
            spans[name] = median_time(np.where(reached, times, horizon), reached)
        else:
            spans[name] = _nothing()
        counts[name] = int(samples.planned[row].sum()), int(reached.sum())
    return _standings(samples.workload, samples.metric, "median time", spans, counts, comparisons)


def rank_overall(
    block: CommonBlock, metric: str, comparisons: pd.DataFrame
) -> tuple[list[Standing], Overall]:
    """The combinations of a block by their ratio to its reference over workloads.

    Args:
        block: what can be compared.
        metric: that was measured.
        comparisons: the table of comparisons.
    """
    seeds, scores = over_workloads(block)
    reference = block.reference
    place = block.combinations.index(reference)
    ratios = middles(scores, place)
    spans: dict[Combination, Interval] = {}
    improvement = {}
    for row, name in enumerate(block.combinations):
        spans[name] = _undone(_spread(ratios[row][~np.isnan(ratios[row])]), power_of_ten)
        improvement[name] = _improvement(scores[:, row].T, scores[:, place].T, row == place)
    counts = {}
    for name in block.combinations:
        rows = [(f, f.combinations.index(name)) for f in block.by_workload]
        counts[name] = (
            sum(int(f.planned[r].sum()) for f, r in rows),
            sum(int(f.ok[r].sum()) for f, r in rows),
        )
    standings = _standings(EVERY_WORKLOAD, metric, "ratio", spans, counts, comparisons)
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
    leader = _first(names, spans, outcome)
    groups = _groups(names, spans, outcome)
    rows = []
    for name in names:
        span = spans[name]
        place = 1 + sum(_order(spans[o].estimate) < _order(span.estimate) for o in names)
        against = [outcome[name, o] for o in names if (name, o) in outcome]
        rows.append(
            Standing(
                workload,
                *name,
                metric,
                quantity,
                groups[name],
                place,
                span.estimate,
                span.low,
                span.high,
                *counts[name],
                leader=name == leader,
                tied=name != leader and groups[name] == 1,
                against_leader=(outcome.get((name, leader)) or "") if leader else "",
                better_than=sum(verdict in FAVOURABLE for verdict in against),
                worse_than=sum(verdict in UNFAVOURABLE for verdict in against),
                untested=against.count(INSUFFICIENT),
                average_rank=math.nan,
                improvement=math.nan,
                improvement_low=math.nan,
                improvement_high=math.nan,
            )
        )
    return rows


def _first(
    names: Sequence[Combination], spans: Mapping[Combination, Interval], outcome: Outcomes
) -> Combination | None:
    """The lowest finite estimate that nothing among `names` is better than; None where none is finite."""
    finite = [name for name in names if math.isfinite(spans[name].estimate)]
    beaten = {name for name in finite if any(outcome.get((o, name)) in FAVOURABLE for o in names)}
    return next((name for name in finite if name not in beaten), finite[0] if finite else None)


def _groups(
    names: Sequence[Combination], spans: Mapping[Combination, Interval], outcome: Outcomes
) -> dict[Combination, int]:
    """Each combination's group: the first of those left with all of them that cannot be told from it."""
    found = dict.fromkeys(names, 0)
    left, number = list(names), 0
    while (first := _first(left, spans, outcome)) is not None:
        verdicts = {name: outcome.get((name, first), INSUFFICIENT) for name in left if name != first}
        if left == list(names) and all(verdict == INSUFFICIENT for verdict in verdicts.values()):
            break
        number += 1
        together = [name for name in left if name == first or verdicts[name] not in (*RESOLVED, INSUFFICIENT)]
        found |= dict.fromkeys(together, number)
        left = [name for name in left if name not in together]
    return found


def _order(estimate: float) -> tuple[bool, float]:
    return (True, 0.0) if math.isnan(estimate) else (False, estimate)


def _outcomes(comparisons: pd.DataFrame, workload: str) -> Outcomes:
    """The verdict on each ordered pair."""
    here = comparisons[comparisons["workload"] == workload]
    columns = ["a", "schedule_a", "b", "schedule_b", "verdict"]
    found = {}
    for a, schedule_a, b, schedule_b, verdict in here[columns].itertuples(index=False, name=None):
        one, other = Combination(a, schedule_a), Combination(b, schedule_b)
        found[one, other] = verdict
        found[other, one] = mirrored(verdict)
    return found
