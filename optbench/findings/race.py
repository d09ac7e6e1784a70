"""Races: which combinations go on to more seeds, look by look, and what is known of those that do not.

A race is a function of what was declared before the first run and of the runs that are there: the looks are
replayed from the beginning, each with the seeds that it has, so that whoever has the same runs drops the same
combinations. docs/reference/findings.md#races says what is tested at which level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from scipy import special

from optbench.core.words import percent
from optbench.findings.comparisons import Comparison, family, pairs_within
from optbench.findings.decisions import shares_of
from optbench.findings.finding import oriented
from optbench.findings.samples import location
from optbench.findings.tuning_share import TuningShare
from optbench.findings.verdicts import (
    BETTER,
    DROPPED,
    EQUAL,
    FAVOURABLE,
    FUTILE,
    IN,
    LEFT_EQUAL,
    RACED,
    SHARES,
    UNDECIDED,
    UNFAVOURABLE,
    WINNER,
    WORSE,
    undecided_within,
)
from optbench.stats.sequential import predictive_power, spent_error
from optbench.tables.rows import Combination

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from optbench.core.specs import RaceSpec
    from optbench.findings.decisions import Row, Rules
    from optbench.findings.samples import PairedSamples

IN_VAIN: Final = 0.25
"""A workload is given up where no contender has this chance to be told from the leader at the last look."""

CAUTION: Final = 0.25
"""How much of what is seen are effects is taken at the upper end of an interval that misses it so often: few
contenders say little of it."""

DEDUCED: Final = "deduced from the race"


class Place(NamedTuple):
    """One row of the table `race`: a combination after a look.

    `n` seeds were in, `level` is what the look may spend of the chance of a false claim. `against` is who
    beat one that was dropped, else the leader of the workload, with `effect`, its interval and `p_adjusted`
    of this combination over it; both are empty for the leader itself. `p_adjusted` is compared with the
    page's error, as in the table of comparisons.
    """

    look: int
    n: int
    level: float
    workload: str
    optimizer: str
    schedule: str
    state: str
    against_optimizer: str
    against_schedule: str
    effect: float
    low: float
    high: float
    p_adjusted: float


@dataclass(frozen=True, eq=False)
class Race:
    """What came of the looks whose runs are there.

    Attributes:
        places: rows of the table, look by look.
        comparisons: of every pair within a workload at the last look that had both, in the study's order.
        planned: seeds of every combination that was to be raced, by workload and combination: those that it
            has, and those of the next look where it goes on.
        looks: how many looks there were, those included at which nobody was in.
        over: whether nobody goes on.
        cut: whether it ended because the next look would have cost more cells than the budget has.
    """

    places: tuple[Place, ...]
    comparisons: tuple[Comparison, ...]
    planned: Mapping[tuple[str, Combination], int]
    looks: int
    over: bool
    cut: bool = False


def levels_of(spec: RaceSpec, rules: Rules) -> tuple[tuple[int, float], ...]:
    """Seeds and error of every look, those of an extension with the share that it declares."""
    spent = spent_error(spec.looks, rules.error)
    return (*zip(spec.looks, spent.tolist(), strict=True), *spec.extended)


def run_race(
    by_workload: Sequence[PairedSamples],
    spec: RaceSpec,
    rules: Rules,
    *,
    seeds: Sequence[int],
    tuning: TuningShare | None = None,
    raced: Collection[str] | None = None,
    more: Sequence[Row] = (),
) -> Race:
    """Replays a race as far as its runs are there.

    Args:
        by_workload: the runs by the primary metric.
        spec: looks, margin and budget.
        rules: what the study declares.
        seeds: of the study, in the order in which the looks take them.
        tuning: the searches whose draw of seeds the intervals are to hold, None for none.
        raced: workloads that take part; None for all. The pairs of the others are compared at the first look
            and get no more seeds.
        more: what is tested beside them at the first look, in the same family.
    """
    going = _Going(by_workload, spec, rules, seeds, tuning or TuningShare({}), raced, more)
    looks = levels_of(spec, rules)
    for look, (n, error) in enumerate(looks):
        if look and not going.plan(n, within_budget=look < len(spec.looks)):
            continue
        if not going.is_whole(n):
            if not look:
                going.decide(0, n, error, looks)  # estimates: no pair that lacks a run has a verdict
                going.places.clear()
            return going.so_far(look)
        going.decide(look, n, error, looks)
    return going.so_far(len(looks), over=True)


@dataclass(eq=False)
class _Going:
    """A race that goes on."""

    by_workload: Sequence[PairedSamples]
    spec: RaceSpec
    rules: Rules
    seeds: Sequence[int]
    tuning: TuningShare
    raced: Collection[str] | None
    more: Sequence[Row]
    places: list[Place] = field(default_factory=list)
    found: dict[tuple[str, Combination, Combination], Comparison] = field(default_factory=dict)
    contenders: dict[str, tuple[Combination, ...]] = field(default_factory=dict)
    undecided: dict[str, tuple[Combination, ...]] = field(default_factory=dict)
    planned: dict[tuple[str, Combination], int] = field(default_factory=dict)
    cut: bool = False

    def __post_init__(self) -> None:
        self.contenders = {
            samples.workload: samples.combinations
            for samples in self.by_workload
            if self.raced is None or samples.workload in self.raced
        }
        self._plan(self.spec.looks[0])

    def _plan(self, n: int) -> None:
        self.planned |= {(workload, one): n for workload, those in self.contenders.items() for one in those}

    def plan(self, n: int, *, within_budget: bool) -> bool:
        """Whoever is in gets seeds up to the n-th, and says whether there is anybody.

        An extension is of all that were not told apart, of those too whose workload was given up.
        """
        if not within_budget:
            self.contenders = dict(self.undecided)
        elif self.cut:
            return False
        count = sum(map(len, self.contenders.values()))
        there = sum(
            self.planned[workload, one] for workload, those in self.contenders.items() for one in those
        )
        cells = sum(self.planned.values()) + count * n - there
        if within_budget and self.spec.budget is not None and cells > self.spec.budget:
            self.cut = count > 0
            return False
        self._plan(n)
        return count > 0

    def is_whole(self, n: int) -> bool:
        """Whether every contender has its first n runs."""
        return all(len(samples.seeds) == n and bool(samples.ran.all()) for samples in self._samples(n))

    def _samples(self, n: int) -> Iterator[PairedSamples]:
        first = set(self.seeds[:n])
        for samples in self.by_workload:
            if samples.workload in self.contenders:
                yield samples.of(self.contenders[samples.workload]).with_seeds(first)

    def decide(self, look: int, n: int, error: float, looks: Sequence[tuple[int, float]]) -> None:
        """Tests all pairs of those who are in, and drops and stops accordingly."""
        rows = [row for samples in self._samples(n) for row in self._pairs(samples)]
        if look == 0:
            others = [samples for samples in self.by_workload if samples.workload not in self.contenders]
            first = set(self.seeds[:n])
            rows += [row for samples in others for row in self._pairs(samples.with_seeds(first))]
            rows += self.more
        metric = self.by_workload[0].metric if self.by_workload else ""
        of_budget = error / self.rules.error
        # One look of all seeds is a study without a race, and so is a further one that was added to it.
        several = look < len(self.spec.looks) > 1
        share = RACED if several else SHARES["comparisons"]
        shares = share * of_budget, SHARES["equality"] * of_budget
        compared = family(rows, metric, self.rules, shares)
        verdicts: dict[str, dict[tuple[Combination, Combination], Comparison]] = {}
        for one in compared:
            a, b = Combination(one.a, one.schedule_a), Combination(one.b, one.schedule_b)
            self.found[one.workload, a, b] = one
            verdicts.setdefault(one.workload, {})[a, b] = one
        n_last, error_last = looks[len(self.spec.looks) - 1]
        parts = dict(zip((row.workload for row in rows), shares_of(rows), strict=True))
        for samples in list(self._samples(n)):
            here = verdicts.get(samples.workload, {})
            last = error_last * share * parts.get(samples.workload, 1.0)
            states, against = self._states(samples, here, min(n / n_last, 1.0), last)
            self.places += [
                _place(look, n, error * share, samples.workload, one, states[one], against[one], here)
                for one in samples.combinations
            ]
            for state, those in (({IN}, self.contenders), ({IN, FUTILE}, self.undecided)):
                those.pop(samples.workload, None)
                if left := tuple(one for one in samples.combinations if states[one] in state):
                    those[samples.workload] = left

    def _pairs(self, samples: PairedSamples) -> Iterator[Row]:
        return pairs_within(samples, self.rules.threshold, self.tuning)

    def _states(
        self,
        samples: PairedSamples,
        verdicts: Mapping[tuple[Combination, Combination], Comparison],
        share: float,
        last: float,
    ) -> tuple[dict[Combination, str], dict[Combination, Combination | None]]:
        """The state of every contender of a workload, and against whom it stands."""
        worse = _beaten(verdicts)
        states = dict.fromkeys(worse, DROPPED)
        against: dict[Combination, Combination | None] = dict(worse)
        middles = {
            one: location(scores) for one, scores in zip(samples.combinations, samples.scores, strict=True)
        }
        left = [one for one in samples.combinations if one not in states]
        # Each can be worse than another where diverged runs have places.
        left = left or [min(middles, key=lambda one: middles[one])]
        leader = min(left, key=lambda one: middles[one])
        others = [one for one in left if one != leader]
        rows = [row for one in others if (row := _seen(verdicts, one, leader))]
        state = IN
        if not others:
            state = WINNER
        elif all(_is_equal(row, self._equal_within) for row in rows):
            state = LEFT_EQUAL
        elif share < 1 and _in_vain(rows, _among(verdicts, left), share, last):
            state = FUTILE
        states |= dict.fromkeys(left, state)
        against |= {one: None if one == leader else leader for one in left}
        return states, against

    def _is_open(self, one: Comparison) -> bool:
        """Whether two were in to the end, or until their workload was given up, nothing known of them."""
        left = self.undecided.get(one.workload, ())
        sides = Combination(one.a, one.schedule_a), Combination(one.b, one.schedule_b)
        return one.verdict == UNDECIDED and all(side in left for side in sides)

    @property
    def _equal_within(self) -> float:
        return self.rules.threshold if self.spec.equal_within is None else self.spec.equal_within

    def so_far(self, looks: int, *, over: bool = False) -> Race:
        """The race after so many looks."""
        order = {samples.workload: place for place, samples in enumerate(self.by_workload)}
        found = sorted(self.found.values(), key=lambda one: order.get(one.workload, len(order)))
        if over:
            end = undecided_within(self.spec.every_look[-1])
            found = [one._replace(verdict=end) if self._is_open(one) else one for one in found]
        return Race(tuple(self.places), tuple(_deduced(found)), dict(self.planned), looks, over, self.cut)


def _seen(
    verdicts: Mapping[tuple[Combination, Combination], Comparison], one: Combination, other: Combination
) -> Comparison | None:
    """The comparison of `one` with `other`, turned where it stands the other way round."""
    if (one, other) in verdicts:
        return verdicts[one, other]
    row = verdicts.get((other, one))
    return None if row is None else Comparison(**oriented(row._asdict(), one))


def _beaten(
    verdicts: Mapping[tuple[Combination, Combination], Comparison],
) -> dict[Combination, Combination]:
    """Whoever is worse than another, with the one that it is told from most surely."""
    by: dict[Combination, list[tuple[bool, float, Combination]]] = {}
    for (a, b), row in verdicts.items():
        surely = math.isnan(row.p_adjusted), row.p_adjusted
        if row.verdict in UNFAVOURABLE:
            by.setdefault(a, []).append((*surely, b))
        elif row.verdict in FAVOURABLE:
            by.setdefault(b, []).append((*surely, a))
    return {one: min(others, key=lambda other: other[:2])[2] for one, others in by.items()}


def _among(
    verdicts: Mapping[tuple[Combination, Combination], Comparison], left: Sequence[Combination]
) -> Iterator[Comparison]:
    """The comparisons of those who are left with each other."""
    return (row for (a, b), row in verdicts.items() if a in left and b in left)


def _is_equal(row: Comparison, within: float) -> bool:
    return row.margin <= within or row.verdict == EQUAL + percent(0)


def _in_vain(rows: Sequence[Comparison], pairs: Iterable[Comparison], share: float, level: float) -> bool:
    """Whether no row has a chance worth its runs to be told apart at the end, at what is left of its error.

    How much of what is seen are effects is told by all pairs of the workload: without any their squared
    normal quantiles are 1 in the mean.
    """
    p = [row.p for row in rows if not math.isnan(row.p)]
    if len(p) < len(rows):
        return False
    z = special.ndtri(np.maximum([row.p for row in pairs if not math.isnan(row.p)], np.finfo(float).tiny) / 2)
    df = len(rows)  # of the spread of so many contenders and their leader
    spread = float((z * z).mean()) * df / float(special.chdtri(df, 1 - CAUTION))
    of_effects = max(0.0, 1 - 1 / spread)
    return bool((predictive_power(p, share, level, of_effects=of_effects) < IN_VAIN).all())


def _place(
    look: int,
    n: int,
    level: float,
    workload: str,
    one: Combination,
    state: str,
    against: Combination | None,
    verdicts: Mapping[tuple[Combination, Combination], Comparison],
) -> Place:
    row = None if against is None else _seen(verdicts, one, against)
    measured = (math.nan,) * 4 if row is None else (row.effect, row.low, row.high, row.p_adjusted)
    return Place(look + 1, n, level, workload, *one, state, *(against or ("", "")), *measured)


def _deduced(found: Sequence[Comparison]) -> Iterator[Comparison]:
    """The comparisons; of a pair that was not told apart directly, what follows from those that were.

    Who is better than one that is better than a third is better than the third. The p value is the largest
    of the shortest such chain.
    """
    known: dict[str, dict[tuple[Combination, Combination], float]] = {}
    for one in found:
        a, b = Combination(one.a, one.schedule_a), Combination(one.b, one.schedule_b)
        if one.verdict in FAVOURABLE:
            known.setdefault(one.workload, {})[a, b] = _sure(one.p_adjusted)
        elif one.verdict in UNFAVOURABLE:
            known.setdefault(one.workload, {})[b, a] = _sure(one.p_adjusted)
    closed = {workload: _closed(pairs) for workload, pairs in known.items()}
    for one in found:
        a, b = Combination(one.a, one.schedule_a), Combination(one.b, one.schedule_b)
        chains = closed.get(one.workload, {})
        if one.verdict != UNDECIDED:
            yield one
        elif (a, b) in chains:
            yield one._replace(verdict=BETTER, p_adjusted=chains[a, b], test=DEDUCED)
        elif (b, a) in chains:
            yield one._replace(verdict=WORSE, p_adjusted=chains[b, a], test=DEDUCED)
        else:
            yield one


def _sure(p_adjusted: float) -> float:
    """0 where nothing was tested, for nothing is drawn."""
    return 0.0 if math.isnan(p_adjusted) else p_adjusted


def _closed(
    pairs: Mapping[tuple[Combination, Combination], float],
) -> dict[tuple[Combination, Combination], float]:
    """Every pair that a chain of pairs connects, with the least of the chains' largest p values."""
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    best = dict(pairs)
    for middle in names:
        for one in names:
            if (one, middle) not in best:
                continue
            for other in names:
                if (middle, other) in best:
                    p = max(best[one, middle], best[middle, other])
                    best[one, other] = min(p, best.get((one, other), math.inf))
    return best
