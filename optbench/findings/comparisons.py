"""Every paired comparison of a study, with its effect, its tests and its verdict.

docs/reference/findings.md declares the families and says how to recompute a row by hand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from optbench.core.floats import LARGEST, SMALLEST
from optbench.findings.samples import (
    Combination,
    CommonBlock,
    PairedSamples,
    over_workloads,
    paired_differences,
)
from optbench.stats.intervals import hodges_lehmann, median_interval
from optbench.stats.paired import FEWEST_PAIRS, holm, joint_sign_flip_test, seeds_needed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

Verdict: TypeAlias = Literal["better", "worse", "no detectable difference", "insufficient data"]

LEVEL = 0.05
"""Chance of any false `better` or `worse` in a family."""

SIGN_FLIP = "paired sign flips, step-down max-T"
NOT_TESTED = "none"
IDENTICAL = "none: the same in every seed"

SQUARABLE = (1e-140, 1e140)
"""Numbers between these have squares that neither overflow nor vanish, some of them summed."""

EVERY_WORKLOAD = ""
"""What stands under `workload` in a row over all workloads of the block."""


class Comparison(NamedTuple):
    """One row of the table: a against b.

    `effect` is a's value over b's, the Hodges-Lehmann shift on the log10 scale undone (scale `ratio`), or the
    shift itself where values are negative (scale `difference`); less than 1 (0) is in a's favour. `n` pairs
    were planned, `pairs` ran, in `n_ok` of them both ended ok, in `wins` a was better. `low` and `high`
    belong to this comparison alone, with `coverage`.
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
    effect: float
    low: float
    high: float
    coverage: float
    lr_a: str
    lr_b: str
    test: str
    p: float
    p_adjusted: float
    p_holm: float
    verdict: Verdict
    seeds_needed: float


@dataclass(frozen=True, eq=False)
class Row:
    """A comparison before its test: who, and the differences by seed (NaN where there is no pair)."""

    workload: str
    a: Combination
    b: Combination
    scale: str
    workloads: int
    n: int
    n_ok: int
    lr: tuple[str, str]
    seeds: tuple[int, ...]
    differences: NDArray[np.float64]
    fixed: bool
    threshold: float

    @cached_property
    def pairs(self) -> NDArray[np.float64]:
        """The differences of the pairs that ran."""
        return self.differences[~np.isnan(self.differences)]


@dataclass(frozen=True)
class Rules:
    """What a study declares before its tests.

    Attributes:
        threshold: the least relative difference that counts, 0.01 for 1%.
        family: what is corrected together, all rows of a metric (`study`) or those of one workload
            (`workload`; the rows over all workloads are one more).
        seed: of the random sign assignments and the bootstrap.
    """

    threshold: float = 0.01
    family: Literal["study", "workload"] = "study"
    seed: int = 0


def compare(by_workload: Sequence[PairedSamples], block: CommonBlock | None, rules: Rules) -> pd.DataFrame:
    """Every pair of combinations within every workload, and over the workloads of the block.

    Args:
        by_workload: one metric's runs.
        block: what to compare over workloads, None for nothing.
        rules: what the study declares.

    Returns:
        One row a pair, in the order of the study, columns as in `Comparison`.
    """
    rows = [row for samples in by_workload for row in _within(samples, rules.threshold)]
    if block is not None:
        rows += _across(block, rules.threshold)
    return test_family(rows, by_workload[0].metric if by_workload else "", rules)


def test_family(rows: Sequence[Row], metric: str, rules: Rules) -> pd.DataFrame:
    """The rows with their tests, corrected by family: columns as in `Comparison`."""
    families: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        families.setdefault(row.workload if rules.family == "workload" else "", []).append(i)
    tested: dict[int, Comparison] = {}
    for members in families.values():
        found = _tested([rows[i] for i in members], metric, rules.seed)
        tested |= dict(zip(members, found, strict=True))
    return pd.DataFrame([tested[i] for i in range(len(rows))], columns=Comparison._fields)


def _within(samples: PairedSamples, threshold: float) -> Iterator[Row]:
    scores, fixed, is_ratio = samples.scores, samples.fixed, samples.is_ratio
    rates = [" ".join(f"{rate:g}" for rate in found) for found in samples.rates]
    finite = np.abs(samples.measured[np.isfinite(samples.measured)])
    least = math.log10(1 + threshold) if is_ratio else threshold * median_interval(finite).estimate
    for i, a in enumerate(samples.combinations):
        for j in range(i + 1, len(samples.combinations)):
            planned = samples.planned[i] & samples.planned[j]
            if planned.any():
                yield Row(
                    workload=samples.workload,
                    a=a,
                    b=samples.combinations[j],
                    scale="ratio" if is_ratio else "difference",
                    workloads=1,
                    n=int(planned.sum()),
                    n_ok=int((samples.ok[i] & samples.ok[j]).sum()),
                    lr=(rates[i], rates[j]),
                    seeds=samples.seeds,
                    differences=paired_differences(scores[i], scores[j]),
                    fixed=bool(fixed[i] and fixed[j]),
                    threshold=least,
                )


def _across(block: CommonBlock, threshold: float) -> Iterator[Row]:
    seeds, scores = over_workloads(block)
    if not seeds:
        return
    oks = []
    for samples in block.by_workload:
        rows = [samples.combinations.index(c) for c in block.combinations]
        oks.append(samples.ok[np.ix_(rows, [samples.seeds.index(seed) for seed in seeds])])
    ok = np.all(oks, axis=0)
    for i, a in enumerate(block.combinations):
        for j in range(i + 1, len(block.combinations)):
            by_workload = paired_differences(scores[:, i], scores[:, j])
            together = middle_over_workloads(by_workload)
            there = together[~np.isnan(together)]
            yield Row(
                workload=EVERY_WORKLOAD,
                a=a,
                b=block.combinations[j],
                scale="ratio",
                workloads=len(block.by_workload),
                n=len(seeds),
                n_ok=int((ok[i] & ok[j]).sum()),
                lr=("", ""),
                seeds=seeds,
                differences=together,
                fixed=len(there) > 1 and bool((there == there[0]).all()),
                threshold=math.log10(1 + threshold),
            )


def middle_over_workloads(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each seed's interquartile mean over workloads, (workloads, seeds) to (seeds,).

    Of the ordered values a quarter is left out at each end, a share of one where the number is not divisible
    by four: of three workloads the outer two count a quarter each. It changes its sign with the differences',
    which the sign flips need, and agrees with the interquartile mean of all runs where workloads lie further
    apart than seeds. A seed whose middle half holds infinities of both signs is a tie; one that some workload
    lacks is NaN.
    """
    whole = ~np.isnan(differences).any(axis=0)
    ordered = np.sort(differences[:, whole], axis=0)
    edges = np.arange(len(ordered) + 1)
    inside = np.clip(edges, len(ordered) / 4, 3 * len(ordered) / 4)
    weights = np.diff(inside)[:, None]
    counted = np.where(weights > 0, ordered, 0.0)  # 0 * inf would be NaN
    opposite = np.isneginf(counted).any(axis=0) & np.isposinf(counted).any(axis=0)
    out = np.full(differences.shape[1], np.nan)
    with np.errstate(invalid="ignore"):
        out[whole] = np.where(opposite, 0.0, (weights * counted).sum(axis=0) / weights.sum())
    return out


def _tested(rows: Sequence[Row], metric: str, seed: int) -> Iterator[Comparison]:
    testable = [i for i, row in enumerate(rows) if len(row.pairs) >= FEWEST_PAIRS and not row.fixed]
    p = dict.fromkeys(range(len(rows)), (math.nan, math.nan, math.nan))
    if testable:
        seeds = sorted({s for i in testable for s in rows[i].seeds})
        place = {s: column for column, s in enumerate(seeds)}
        differences = np.full((len(testable), len(seeds)), np.nan)
        for k, i in enumerate(testable):
            differences[k, [place[s] for s in rows[i].seeds]] = rows[i].differences
        found = joint_sign_flip_test(differences, seed=seed)
        adjusted = zip(found.p, found.p_adjusted, holm(found.p), strict=True)
        p |= {i: (float(x), float(y), float(z)) for i, (x, y, z) in zip(testable, adjusted, strict=True)}
    for i, row in enumerate(rows):
        yield _comparison(row, metric, p[i], len(testable))


def _comparison(row: Row, metric: str, p: tuple[float, float, float], family: int) -> Comparison:
    d = row.pairs
    shift = hodges_lehmann(d) if len(d) else None
    estimate, low, high = (shift.estimate, shift.low, shift.high) if shift else (math.nan,) * 3
    verdict = verdict_of(len(d), p[1], (estimate, low, high), row.threshold, fixed=row.fixed)
    undo = power_of_ten if row.scale == "ratio" else float
    tested = IDENTICAL if row.fixed else SIGN_FLIP
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
        pairs=len(d),
        n_ok=row.n_ok,
        wins=int((d < 0).sum()),
        effect=undo(estimate),
        low=undo(low),
        high=undo(high),
        coverage=shift.coverage if shift else math.nan,
        lr_a=row.lr[0],
        lr_b=row.lr[1],
        test=tested if len(d) >= FEWEST_PAIRS else NOT_TESTED,
        p=p[0],
        p_adjusted=p[1],
        p_holm=p[2],
        verdict=verdict,
        seeds_needed=_seeds(d, row, verdict, max(family, 1)),
    )


def verdict_of(
    pairs: int, p_adjusted: float, shift: tuple[float, float, float], threshold: float, *, fixed: bool
) -> Verdict:
    """What may be said of a comparison.

    `better` (less) and `worse` need 6 pairs, an adjusted p of at most 5%, an estimate beyond the threshold
    and an interval without 0 on the same side. A pair that is the same in every seed was observed once,
    however often it was run: equal, it is no detectable difference; otherwise there is nothing to test.

    Args:
        pairs: that ran.
        p_adjusted: of the family; NaN where it was not tested.
        shift: estimate, low and high of a - b, on the scale of the test.
        threshold: the least |estimate| that counts.
        fixed: whether both sides are the same in every seed.
    """
    estimate, low, high = shift
    if pairs < FEWEST_PAIRS:
        return "insufficient data"
    if fixed:
        return "no detectable difference" if estimate == 0 else "insufficient data"
    if p_adjusted <= LEVEL and abs(estimate) > threshold:
        if high < 0:
            return "better"
        if low > 0:
            return "worse"
    return "no detectable difference"


def power_of_ten(value: float) -> float:
    """10 to the `value`; of a finite one never 0 nor infinite, which mean that a side has no finite loss.

    Where the power is no float, the largest or the least one stands for it.
    """
    if not math.isfinite(value):
        return math.inf if value > 0 else 0.0 if value < 0 else math.nan
    try:
        return max(float(10.0**value), SMALLEST)
    except OverflowError:
        return LARGEST


def _seeds(d: NDArray[np.float64], row: Row, verdict: Verdict, family: int) -> float:
    """Pairs that would resolve this gap, at the level divided by the family; NaN where that has no answer."""
    if verdict != "no detectable difference" or row.fixed or not np.isfinite(d).all():
        return math.nan
    largest = float(np.abs(d).max())
    if largest and not SQUARABLE[0] < largest < SQUARABLE[1]:
        d = d / largest  # only the quotient of gap and spread counts
    gap, spread = float(d.mean()), float(d.std(ddof=1))
    if gap == 0:
        return math.nan
    try:
        return float(seeds_needed(gap, spread, alpha=LEVEL / family))
    except ValueError:  # more than 10^7 pairs
        return math.inf
