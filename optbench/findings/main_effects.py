"""Main effects: each schedule over its base and each optimizer over the reference, over all their pairs.

They are declared before any run is looked at and few, so they have a share of the page's budget for
themselves: what thirty comparisons of one pair each leave undecided, the pool of all thirty often decides.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from optbench.findings.decisions import Decision, Row, Rules, decide, power_of_ten
from optbench.findings.samples import PairedSamples, location, middle_over_workloads, paired_differences
from optbench.findings.tuning_share import TuningShare
from optbench.findings.verdicts import SHARES
from optbench.stats.paired import FEWEST_PAIRS
from optbench.stats.regret import independent_sum
from optbench.tables.rows import Combination, first_with

if TYPE_CHECKING:
    from numpy.typing import NDArray

Factor = Literal["schedule", "optimizer"]

ALL_KINDS = ""
"""What stands under `kind` in a row over workloads of every kind."""


class MainEffect(NamedTuple):
    """One row of the table: `name` over `against`, all else alike, pooled over the pairs of the study.

    `what` says what the two are, schedules or optimizers.

    A pair is a workload with an optimizer (of a schedule's effect) or with a schedule (of an optimizer's).
    Each seed gives one number, the mean over the pairs of the log ratio of final losses; `effect` is the mean
    of these, undone, and `wins` counts the seeds in which it is below 1. `kind` is the kind of workload,
    empty for all. `least` and `most` are the effects on the workloads where it is lowest and highest.
    `own_rate` counts the pairs in which the two ran at learning rates of their own. Workloads in which
    nothing is drawn are no part of it.
    """

    what: Factor
    name: str
    against: str
    kind: str
    metric: str
    workloads: int
    parts: int
    own_rate: int
    n: int
    pairs: int
    wins: int
    ties: int
    effect: float
    low: float
    high: float
    coverage: float
    least_workload: str
    least: float
    most_workload: str
    most: float
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


@dataclass(frozen=True, eq=False)
class _Part:
    """The differences of one pair by seed, and on which workload and of which kind it is."""

    workload: str
    kind: str
    sides: tuple[Combination, Combination]
    differences: dict[int, float]
    planned: frozenset[int]
    ended: bool
    own_rate: bool


def main_effects(
    by_workload: Sequence[PairedSamples],
    facts: Mapping[str, Any],
    rules: Rules,
    searched: TuningShare | None = None,
) -> list[MainEffect]:
    """The declared main effects of a study, one family with its own share of the budget.

    Args:
        by_workload: the runs by the primary metric.
        facts: study.json.
        rules: what the study declares.
        searched: the searches whose draw of seeds the intervals are to hold, None for none.
    """
    known = facts.get("workloads") or {}
    drawn = [samples for samples in by_workload if samples.is_ratio]
    pooled: dict[tuple[Factor, str, str], list[_Part]] = {}
    for samples in drawn:
        kind = str((known.get(samples.workload) or {}).get("kind") or "")
        for key, i, j in _pairs(samples, str(facts["report"]["reference"])):
            if part := _part(samples, kind, i, j):
                pooled.setdefault(key, []).append(part)
    chosen: list[tuple[tuple[Factor, str, str], str, list[_Part]]] = []
    for key, parts in pooled.items():
        chosen.append((key, ALL_KINDS, parts))
        kinds = list(dict.fromkeys(part.kind for part in parts))
        if len(kinds) > 1:
            chosen += [(key, kind, [part for part in parts if part.kind == kind]) for kind in kinds]
    chosen = [one for one in chosen if len(one[2]) > 1]
    combinations = {name for samples in drawn for name in samples.combinations}
    rows = [
        _row(key, parts, rules, len(combinations), searched or TuningShare({})) for key, _, parts in chosen
    ]
    decided = decide(rows, rules, share=SHARES["main effects"])
    metric = by_workload[0].metric if by_workload else ""
    return [
        _effect(key, kind, metric, parts, row, one)
        for (key, kind, parts), row, one in zip(chosen, rows, decided, strict=True)
    ]


def _pairs(samples: PairedSamples, reference: str) -> Iterator[tuple[tuple[Factor, str, str], int, int]]:
    """Places of what is compared: a schedule with the first one, an optimizer with the reference."""
    place = {name: i for i, name in enumerate(samples.combinations)}
    base = samples.combinations[0].schedule
    divisor = first_with(samples.combinations, reference).optimizer
    for name, i in place.items():
        if name.schedule != base and (j := place.get(Combination(name.optimizer, base))) is not None:
            yield ("schedule", name.schedule, base), i, j
    for name, i in place.items():
        if name.optimizer != divisor and (j := place.get(Combination(divisor, name.schedule))) is not None:
            yield ("optimizer", name.optimizer, divisor), i, j


def _part(samples: PairedSamples, kind: str, i: int, j: int) -> _Part | None:
    """One pair; None where nothing is drawn."""
    if samples.fixed[i] and samples.fixed[j]:
        return None
    differences = paired_differences(samples.scores[i], samples.scores[j])
    ran: list[bool] = [not math.isnan(d) for d in differences]
    planned = [bool(a and b) for a, b in samples.meant[[i, j]].T]
    return _Part(
        samples.workload,
        kind,
        (samples.combinations[i], samples.combinations[j]),
        {seed: float(d) for seed, d, there in zip(samples.seeds, differences, ran, strict=True) if there},
        frozenset(seed for seed, there in zip(samples.seeds, planned, strict=True) if there),
        bool(np.isfinite(samples.measured[[i, j]])[:, np.array(ran)].all()),
        samples.rates[i] != samples.rates[j],
    )


def _by_seed(parts: Sequence[_Part]) -> tuple[tuple[int, ...], NDArray[np.float64]]:
    """Seeds that all of these pairs were planned for, and the mean of their differences in each.

    A mean has no value where a run ended without a result: then it is the interquartile mean over the pairs.
    """
    seeds = tuple(sorted(frozenset.intersection(*(part.planned for part in parts))))
    found = np.array([[part.differences.get(seed, math.nan) for seed in seeds] for part in parts])
    found = found.reshape(len(parts), len(seeds))
    return seeds, middle_over_workloads(found) if np.isinf(found).any() else found.mean(axis=0)


def _row(
    key: tuple[Factor, str, str],
    parts: Sequence[_Part],
    rules: Rules,
    combinations: int,
    searched: TuningShare,
) -> Row:
    factor, name, against = key
    seeds, together = _by_seed(parts)
    found = together[~np.isnan(together)]
    named = (Combination("", name), Combination("", against))
    return Row(
        workload="",
        a=named[0] if factor == "schedule" else Combination(name, ""),
        b=named[1] if factor == "schedule" else Combination(against, ""),
        scale="ratio",
        workloads=len({part.workload for part in parts}),
        n=len(seeds),
        ran=len(found),
        n_ok=len(found) if all(part.ended for part in parts) else 0,
        wins=int((found < 0).sum()),
        ties=int((found == 0).sum()),
        lr=("", ""),
        seeds=seeds,
        differences=together,
        exact=False,
        compared=bool(len(found)),
        threshold=math.log10(1 + rules.threshold),
        group="main effects",
        group_df=float(max(combinations - 1, 1) * max(len(found) - 1, 1)),
        group_size=combinations,
        diverged=_workloads(part for part in parts if not part.ended),
        untold=_workloads(part for part in parts if len(part.differences) < FEWEST_PAIRS),
        tuning=_tuning(parts, searched),
    )


def _tuning(parts: Sequence[_Part], searched: TuningShare) -> float:
    """What another draw of tuning seeds adds to the variance of the mean over pairs."""
    moved: dict[str, dict[Combination, float]] = {}
    for part in parts:
        here = moved.setdefault(part.workload, {})
        for side, sign in zip(part.sides, (1, -1), strict=True):
            here[side] = here.get(side, 0.0) + sign / len(parts)
    moments = [searched.moments(workload, weights) for workload, weights in moved.items()]
    return independent_sum(moments, np.ones(len(moments))).square


def _workloads(parts: Iterator[_Part]) -> int:
    return len({part.workload for part in parts})


def _effect(
    key: tuple[Factor, str, str], kind: str, metric: str, parts: Sequence[_Part], row: Row, one: Decision
) -> MainEffect:
    factor, name, against = key
    by_workload: dict[Hashable, list[_Part]] = {}
    for part in parts:
        by_workload.setdefault(part.workload, []).append(part)
    effects = {}
    for workload, own in by_workload.items():
        _, together = _by_seed(own)
        effects[str(workload)] = power_of_ten(location(together[~np.isnan(together)]))
    known = {workload: effect for workload, effect in effects.items() if not math.isnan(effect)}
    least = min(known, key=lambda w: known[w], default="")
    most = max(known, key=lambda w: known[w], default="")
    return MainEffect(
        what=factor,
        name=name,
        against=against,
        kind=kind,
        metric=metric,
        workloads=row.workloads,
        parts=len(parts),
        own_rate=sum(part.own_rate for part in parts),
        n=row.n,
        pairs=row.ran,
        wins=row.wins,
        ties=row.ties,
        least_workload=least,
        least=known.get(least, math.nan),
        most_workload=most,
        most=known.get(most, math.nan),
        diverged=row.diverged,
        untold=row.untold,
        exploratory=False,
        **vars(one),
    )
