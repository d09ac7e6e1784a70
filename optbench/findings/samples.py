"""Runs as arrays, combinations of optimizer and schedule x seeds, by workload and metric."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from optbench.core.status import MISSING, OK
from optbench.stats.intervals import mean_of
from optbench.tables.rows import Combination, first_with

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class PairedSamples:
    """The runs of one workload, paired by seed and measured by one metric of which less is better.

    Attributes:
        workload: its name.
        metric: column of the run table.
        combinations: in the study's order.
        seeds: ascending.
        measured: shape (combinations, seeds): the metric; +inf where a run ended without it, NaN where it is
            missing or not planned.
        planned: shape as `measured`.
        ok: shape as `measured`: whether the run ended ok.
        rates: each combination's learning rates, ascending, as the runs had them.
        once: shape (combinations,): whether a combination draws nothing and was trained once; `measured` then
            has this one value under every seed, `planned` and `ok` count the run that there is.
    """

    workload: str
    metric: str
    combinations: tuple[Combination, ...]
    seeds: tuple[int, ...]
    measured: NDArray[np.float64]
    planned: NDArray[np.bool_]
    ok: NDArray[np.bool_]
    rates: tuple[tuple[float, ...], ...]
    once: NDArray[np.bool_]

    def with_seeds(self, seeds: Collection[int]) -> PairedSamples:
        """Those of its seeds that are among `seeds`."""
        columns = [place for place, seed in enumerate(self.seeds) if seed in seeds]
        return replace(
            self,
            seeds=tuple(self.seeds[column] for column in columns),
            measured=self.measured[:, columns],
            planned=self.planned[:, columns],
            ok=self.ok[:, columns],
        )

    def of(self, combinations: Sequence[Combination]) -> PairedSamples:
        """Some of its combinations."""
        rows = [self.combinations.index(one) for one in combinations]
        return replace(
            self,
            combinations=tuple(combinations),
            measured=self.measured[rows],
            planned=self.planned[rows],
            ok=self.ok[rows],
            rates=tuple(self.rates[row] for row in rows),
            once=self.once[rows],
        )

    @property
    def is_ratio(self) -> bool:
        """Whether runs are compared by ratios; a negative value leaves only differences."""
        return not bool((self.measured < 0).any())

    @property
    def scores(self) -> NDArray[np.float64]:
        """What is subtracted: log10 of the values (a 0 is -inf), or the values where there are no ratios."""
        if not self.is_ratio:
            return self.measured
        with np.errstate(divide="ignore"):
            return np.asarray(np.log10(self.measured))

    @property
    def fixed(self) -> NDArray[np.bool_]:
        """Shape (combinations,): trained once, or two runs or more gave one value, the same in every seed."""
        there = ~np.isnan(self.measured)
        low = np.where(there, self.measured, np.inf).min(axis=1)
        high = np.where(there, self.measured, -np.inf).max(axis=1)
        return np.asarray(self.once | ((there.sum(axis=1) > 1) & (low == high)))

    @property
    def ran(self) -> NDArray[np.bool_]:
        """Shape as `measured`: whether there is a run."""
        return np.asarray(self.planned & ~np.isnan(self.measured))

    @property
    def there(self) -> NDArray[np.bool_]:
        """Shape as `measured`: whether a run stands for this seed, its own or the only one."""
        return np.asarray(self.ran | self.once[:, None])

    @property
    def meant(self) -> NDArray[np.bool_]:
        """Shape as `measured`: whether one was planned to."""
        return np.asarray(self.planned | self.once[:, None])


def location(scores: NDArray[np.float64]) -> float:
    """What stands for several runs, on the scale that differences are taken on: their mean.

    With it two combinations differ by just what their paired differences are in the mean, so that a ranking
    and its comparisons never disagree. A mean has no value where a run diverged: then it is the median,
    +inf where half of the runs or more did; NaN for no run.
    """
    if not len(scores):
        return math.nan
    if np.isfinite(scores).all():
        return mean_of(scores)
    return float(np.median(scores))


def paired_samples(
    runs: pd.DataFrame, metric: str, once: Collection[str] = (), seeds: Iterable[int] = ()
) -> list[PairedSamples]:
    """The runs of every workload in which at least one run has the metric, in the table's order.

    Args:
        runs: the run table, with a column `metric`.
        metric: one of which less is better.
        once: workloads that draw nothing: a combination with one run there has it under every seed.
        seeds: the study's; more may stand in the table.
    """
    study = {int(seed) for seed in seeds}
    found = []
    for workload, here in runs.groupby("workload", sort=False):
        if np.isfinite(here[metric].to_numpy(float)).any():
            alone = str(workload) in once
            found.append(_paired(str(workload), metric, here, study if alone else set(), once=alone))
    return found


def _paired(
    workload: str, metric: str, runs: pd.DataFrame, seeds_of_study: set[int], *, once: bool
) -> PairedSamples:
    names = list(zip(runs["optimizer"].astype(str), runs["schedule"].astype(str), strict=True))
    combinations = tuple(Combination(*name) for name in dict.fromkeys(names))
    seeds = tuple(sorted({int(seed) for seed in runs["seed"]} | seeds_of_study))
    row = {name: place for place, name in enumerate(combinations)}
    column = {seed: place for place, seed in enumerate(seeds)}
    rows = np.array([row[Combination(*name)] for name in names])
    columns = np.array([column[int(seed)] for seed in runs["seed"]])
    shape = len(combinations), len(seeds)
    values, planned, ok = np.full(shape, np.nan), np.zeros(shape, bool), np.zeros(shape, bool)
    status = runs["status"].astype(str).to_numpy()
    measured = runs[metric].to_numpy(float)
    # A run that did not get there ranks worst; one that is missing has not been tried.
    measured = np.where(np.isnan(measured) & (status != MISSING.name), np.inf, measured)
    values[rows, columns] = np.where(status == MISSING.name, np.nan, measured)
    planned[rows, columns] = True
    ok[rows, columns] = status == OK.name
    rates: list[set[float]] = [set() for _ in combinations]
    for place, lr in zip(rows, runs["lr"].to_numpy(float), strict=True):
        if np.isfinite(lr):
            rates[place].add(float(lr))
    sorted_rates = tuple(tuple(sorted(found)) for found in rates)
    alone = (planned.sum(axis=1) == 1) & once
    for place in np.flatnonzero(alone):
        values[place] = values[place][planned[place]][0]
    return PairedSamples(workload, metric, combinations, seeds, values, planned, ok, sorted_rates, alone)


def paired_differences(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """A - b, 0 where both are the same infinity (both diverged: a tie), NaN where either is missing."""
    with np.errstate(invalid="ignore", over="ignore"):  # beyond the largest float: as far apart as can be
        return np.where(np.isinf(a) & (a == b), 0.0, a - b)


@dataclass(frozen=True)
class CommonBlock:
    """Workloads and combinations of which every pair was run: what can be compared over workloads.

    Attributes:
        by_workload: the runs, a workload after the other.
        combinations: that ran on all of them.
        left_out: combinations of the study that did not.
        reference: the combination that the others are divided by.
    """

    by_workload: tuple[PairedSamples, ...]
    combinations: tuple[Combination, ...]
    left_out: tuple[Combination, ...]
    reference: Combination


def common_block(by_workload: Sequence[PairedSamples], reference: str) -> CommonBlock | None:
    """The complete block with the most (workload, combination) pairs; on a tie, the more workloads.

    Only workloads with ratios count. Candidates are the sets of workloads that some combination ran on, and
    what two of them share.

    Args:
        by_workload: one metric's runs.
        reference: the study's reference, an optimizer.

    Returns:
        None unless two workloads and two combinations meet.
    """
    comparable = [samples for samples in by_workload if samples.is_ratio]
    everyone = _in_order(c for samples in comparable for c in samples.combinations)
    met = {c: frozenset(i for i, f in enumerate(comparable) if c in f.combinations) for c in everyone}
    kinds = list(dict.fromkeys(met.values()))
    candidates = dict.fromkeys(kinds + [one & other for one in kinds for other in kinds])
    best: tuple[int, int] = (0, 0)
    chosen: frozenset[int] = frozenset()
    for candidate in candidates:
        count = sum(candidate <= there for there in met.values())
        if len(candidate) > 1 and count > 1 and (count * len(candidate), len(candidate)) > best:
            best, chosen = (count * len(candidate), len(candidate)), candidate
    if not chosen:
        return None
    inside = tuple(c for c in everyone if chosen <= met[c])
    return CommonBlock(
        tuple(comparable[i] for i in sorted(chosen)),
        inside,
        tuple(c for c in everyone if c not in inside),
        first_with(inside, reference),
    )


def _in_order(found: Iterable[Combination]) -> tuple[Combination, ...]:
    """Each once, by the first place of its optimizer, then of its schedule."""
    names = list(dict.fromkeys(found))
    optimizers = list(dict.fromkeys(name.optimizer for name in names))
    schedules = list(dict.fromkeys(name.schedule for name in names))
    return tuple(sorted(names, key=lambda c: (optimizers.index(c.optimizer), schedules.index(c.schedule))))


def over_workloads(block: CommonBlock) -> tuple[tuple[int, ...], NDArray[np.float64]]:
    """The seeds that all workloads of a block have, and scores, shape (workloads, combinations, seeds)."""
    shared = set.intersection(*(set(samples.seeds) for samples in block.by_workload))
    seeds = tuple(sorted(shared))
    scores = np.full((len(block.by_workload), len(block.combinations), len(seeds)), np.nan)
    for place, samples in enumerate(block.by_workload):
        rows = [samples.combinations.index(c) for c in block.combinations]
        columns = [samples.seeds.index(seed) for seed in seeds]
        scores[place] = samples.scores[np.ix_(rows, columns)]
    return seeds, scores


def middle_over_workloads(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each seed's interquartile mean over workloads, (workloads, seeds) to (seeds,).

    Of the ordered values a quarter is left out at each end, a share of one where the number is not divisible
    by four: of three workloads the outer two count a quarter each. It changes its sign with the differences'.
    A seed whose middle half holds infinities of both signs is a tie; one that some workload lacks is NaN.
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


def middles(scores: NDArray[np.float64], reference: int) -> NDArray[np.float64]:
    """What every combination's ratio to the reference is over workloads, seed by seed.

    Args:
        scores: shape (workloads, combinations, seeds), log10.
        reference: place of the combination that the others are divided by.

    Returns:
        Shape (combinations, seeds), log10: `middle_over_workloads` of the differences from the reference.
    """
    return np.stack(
        [
            middle_over_workloads(paired_differences(scores[:, row], scores[:, reference]))
            for row in range(scores.shape[1])
        ]
    )
