"""Every paired comparison of a study, with its effect, its tests and its verdict.

docs/reference/findings.md declares the families and says how to recompute a row by hand.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from optbench.findings.decisions import Decision, Row, Rules, decide
from optbench.findings.samples import CommonBlock, PairedSamples, middles, over_workloads, paired_differences
from optbench.findings.tuning_share import TuningShare
from optbench.findings.verdicts import SHARES
from optbench.stats.intervals import median_interval
from optbench.stats.paired import FEWEST_PAIRS
from optbench.stats.regret import independent_sum, interquartile_weights
from optbench.tables.rows import Combination

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

EVERY_WORKLOAD = ""
"""What stands under `workload` in a row over all workloads of the block."""


class Comparison(NamedTuple):
    """One row of the table: a against b.

    `effect` is a's value over b's (scale `ratio`; less than 1 is in a's favour), or a's minus b's where
    values are negative (scale `difference`). `n` pairs were planned, `pairs` ran, in `n_ok` of them both
    ended ok, in `wins` a was better, in `ties` neither. `low` and `high` belong to this comparison alone,
    with `coverage`. `diverged` and `untold` count the workloads of the row in which a run ended without a
    result, and those with too little data for a test. What is `exploratory` lies outside the page's budget of
    error. The other columns are those of `Decision`.
    """

    workload: str
    schedule: str
    a: str
    schedule_a: str
    b: str
    schedule_b: str
    metric: str
    scale: str
    workloads: int
    n: int
    pairs: int
    n_ok: int
    wins: int
    ties: int
    effect: float
    low: float
    high: float
    coverage: float
    lr_a: str
    lr_b: str
    test: str
    p: float
    p_adjusted: float
    verdict: str
    margin: float
    seeds_needed: float
    tuning_share: float
    diverged: int
    untold: int
    exploratory: bool


def compare(
    by_workload: Sequence[PairedSamples],
    block: CommonBlock | None,
    rules: Rules,
    *,
    primary: bool = False,
    tuning: TuningShare | None = None,
) -> pd.DataFrame:
    """Every pair of combinations within every workload, and over the workloads of the block: one family.

    Args:
        by_workload: one metric's runs.
        block: what to compare over workloads, None for nothing.
        rules: what the study declares.
        primary: whether the family has its share of the page's budget; otherwise it is exploratory, a family
            of its own at the whole error.
        tuning: the searches whose draw of seeds the intervals are to hold, None for none.

    Returns:
        One row a pair, in the order of the study, columns as in `Comparison`.
    """
    searched = tuning or TuningShare({})
    rows = [row for samples in by_workload for row in pairs_within(samples, rules.threshold, searched)]
    if block is not None:
        rows += pairs_across(block, rules.threshold, searched)
    metric = by_workload[0].metric if by_workload else ""
    shares = (SHARES["comparisons"], SHARES["equality"]) if primary else None
    return as_table(family(rows, metric, rules, shares))


def family(
    rows: Sequence[Row], metric: str, rules: Rules, shares: tuple[float, float] | None = None
) -> list[Comparison]:
    """The rows with their decisions, corrected together.

    Args:
        rows: of the family.
        metric: that was measured.
        rules: what the study declares.
        shares: of the budget, for differences and for equality; None for an exploratory family, which has the
            whole error to itself and claims no equality.
    """
    share, equality = shares or (1.0, 0.0)
    decided = decide(rows, rules, share=share, equality=equality)
    return [_comparison(row, metric, one, shares is not None) for row, one in zip(rows, decided, strict=True)]


def as_table(found: Sequence[Comparison]) -> pd.DataFrame:
    """Comparisons as the table that they are rows of."""
    return pd.DataFrame(list(found), columns=list(Comparison._fields))


def _comparison(row: Row, metric: str, one: Decision, primary: bool) -> Comparison:
    return Comparison(
        workload=row.workload,
        schedule=row.a.schedule if row.a.schedule == row.b.schedule else "",
        a=row.a.optimizer,
        schedule_a=row.a.schedule,
        b=row.b.optimizer,
        schedule_b=row.b.schedule,
        metric=metric,
        scale=row.scale,
        workloads=row.workloads,
        n=row.n,
        pairs=row.ran,
        n_ok=row.n_ok,
        wins=row.wins,
        ties=row.ties,
        lr_a=row.lr[0],
        lr_b=row.lr[1],
        diverged=row.diverged,
        untold=row.untold,
        exploratory=not primary,
        **vars(one),
    )


def least_difference(measured: NDArray[np.float64], threshold: float, *, ratio: bool) -> float:
    """The threshold on the scale of differences: of logarithms, or a share of the median |value| measured."""
    if ratio:
        return math.log10(1 + threshold)
    finite = np.abs(measured[np.isfinite(measured)])
    return threshold * (median_interval(finite).estimate if len(finite) else 1.0)


def pairs_within(samples: PairedSamples, threshold: float, searched: TuningShare) -> Iterator[Row]:
    """Every pair of combinations of a workload, before its test."""
    scores, fixed, ran, there, meant = (
        samples.scores, samples.fixed, samples.ran, samples.there, samples.meant,
    )  # fmt: skip
    ended = np.isfinite(samples.measured)
    rates = [" ".join(f"{rate:g}" for rate in found) for found in samples.rates]
    least = least_difference(samples.measured, threshold, ratio=samples.is_ratio)
    df = _degrees_of_freedom(ran[~fixed])
    for i, a in enumerate(samples.combinations):
        for j in range(i + 1, len(samples.combinations)):
            exact = bool(fixed[i] and fixed[j])
            # One run stands for every seed of the other side.
            pairs, planned = there[i] & there[j], meant[i] & meant[j]
            if not planned.any():
                continue
            if samples.once[i] and samples.once[j]:
                pairs, planned = ran[i] | ran[j], samples.planned[i] | samples.planned[j]
            differences = paired_differences(scores[i], scores[j])
            yield Row(
                workload=samples.workload,
                a=a,
                b=samples.combinations[j],
                scale="ratio" if samples.is_ratio else "difference",
                workloads=1,
                n=int(planned.sum()),
                ran=int(pairs.sum()),
                n_ok=int((_ok(samples, i) & _ok(samples, j) & pairs).sum()),
                wins=int((differences[pairs] < 0).sum()),
                ties=int((differences[pairs] == 0).sum()),
                lr=(rates[i], rates[j]),
                seeds=samples.seeds,
                differences=differences,
                exact=exact,
                compared=bool(((ended[i] | ended[j]) & pairs).any()),
                threshold=least,
                group=f"within {samples.workload}",
                group_df=df,
                group_size=int((~fixed).sum()),
                diverged=int((pairs & ~(ended[i] & ended[j])).any()),
                untold=int(pairs.sum() < FEWEST_PAIRS and not exact),
                tuning=searched.variance(samples.workload, a, samples.combinations[j]),
            )


def _ok(samples: PairedSamples, row: int) -> NDArray[np.bool_]:
    return np.full(len(samples.seeds), samples.ok[row].any()) if samples.once[row] else samples.ok[row]


def _degrees_of_freedom(ran: NDArray[np.bool_]) -> float:
    """What the runs of several combinations hold, each beside what the seeds do to all: (K - 1)(n - 1)."""
    return float(max(len(ran) - 1, 1) * max(int(ran.sum(axis=1).max(initial=0)) - 1, 1))


def pairs_across(block: CommonBlock, threshold: float, searched: TuningShare) -> Iterator[Row]:
    """Every pair of combinations of a block, over its workloads, before its test."""
    seeds, scores = over_workloads(block)
    if not seeds:
        return
    together = middles(scores, block.combinations.index(block.reference))
    ended, ok, fixed, many = [], [], [], []
    for samples in block.by_workload:
        rows = [samples.combinations.index(c) for c in block.combinations]
        columns = [samples.seeds.index(seed) for seed in seeds]
        ended.append(np.isfinite(samples.measured[np.ix_(rows, columns)]))
        ok.append(np.stack([_ok(samples, row)[columns] for row in rows]))
        fixed.append(samples.fixed[rows])
        many.append([int(samples.ran[row].sum()) for row in rows])
    whole = ~np.isnan(together)
    counted = _weights_of_workloads(block, scores, whole) if searched.searches else None
    for i, a in enumerate(block.combinations):
        for j in range(i + 1, len(block.combinations)):
            differences = paired_differences(together[i], together[j])
            pairs = whole[i] & whole[j]
            found = differences[pairs]
            yield Row(
                workload=EVERY_WORKLOAD,
                a=a,
                b=block.combinations[j],
                scale="ratio",
                workloads=len(block.by_workload),
                n=len(seeds),
                ran=int(pairs.sum()),
                n_ok=int((np.all(ok, axis=0)[i] & np.all(ok, axis=0)[j] & pairs).sum()),
                wins=int((found < 0).sum()),
                ties=int((found == 0).sum()),
                lr=("", ""),
                seeds=seeds,
                differences=differences,
                exact=len(found) > 1 and bool((found == found[0]).all()),
                compared=bool((np.isfinite(together[i]) | np.isfinite(together[j])).any()),
                threshold=math.log10(1 + threshold),
                group="over workloads",
                group_df=_degrees_of_freedom(whole),
                group_size=len(block.combinations),
                diverged=sum(bool((pairs & ~(here[i] & here[j])).any()) for here in ended),
                untold=sum(
                    min(runs[i], runs[j]) < FEWEST_PAIRS and not (same[i] and same[j])
                    for runs, same in zip(many, fixed, strict=True)
                ),
                tuning=0.0 if counted is None else _tuning_over_workloads(searched, block, counted, (i, j)),
            )


def _weights_of_workloads(
    block: CommonBlock, scores: NDArray[np.float64], whole: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """How much each workload counts in a combination's middle ratio, shape (combinations, workloads)."""
    reference = scores[:, block.combinations.index(block.reference)]
    found = np.zeros((len(block.combinations), len(block.by_workload)))
    for row, there in enumerate(whole):
        if there.any():
            ratios = paired_differences(scores[:, row], reference)
            found[row] = interquartile_weights(ratios[:, there])
    return found


def _tuning_over_workloads(
    searched: TuningShare, block: CommonBlock, counted: NDArray[np.float64], pair: tuple[int, int]
) -> float:
    """What another draw of tuning seeds adds to the variance of two sides' middle ratios to the reference.

    A side's middle moves with each workload by the weight that it has there; the reference's own choice moves
    both sides, as far as their weights differ.
    """
    a, b = pair
    moments = []
    for place, samples in enumerate(block.by_workload):
        of_a, of_b = float(counted[a, place]), float(counted[b, place])
        moved: dict[Combination, float] = {}
        for name, weight in (
            (block.combinations[a], of_a),
            (block.combinations[b], -of_b),
            (block.reference, of_b - of_a),
        ):
            moved[name] = moved.get(name, 0.0) + weight
        moments.append(searched.moments(samples.workload, moved))
    return independent_sum(moments, np.ones(len(moments))).square
