"""Losses and steps as ratios: to a fixed reference, or to the same optimizer's first schedule."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from optbench.core.floats import quotient
from optbench.core.status import MISSING
from optbench.stats.intervals import median_interval
from optbench.stats.ranks import performance_profile
from optbench.tables.rows import COMBINATION, first_with
from optbench.tables.time_to_target import share_band

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd
    from numpy.typing import NDArray

MOST_THRESHOLDS = 60
"""Factors at which a profile is kept."""

METRIC = "final_val_loss"


class RatioRow(NamedTuple):
    """The median over seeds of a final validation loss as a multiple of another, paired by seed.

    `kind` says of which: `reference`, one combination a workload; or `schedule`, the same optimizer under
    the workload's first schedule. A coverage of NaN means that there is no interval.
    """

    kind: str
    workload: str
    optimizer: str
    schedule: str
    against_optimizer: str
    against_schedule: str
    n: int
    pairs: int
    estimate: float
    low: float
    high: float
    coverage: float


class ProfileRow(NamedTuple):
    """The share of (workload, seed) pairs at the target within `factor` times the reference's steps.

    `agreed`: all seeds have this very share (`optbench.tables.time_to_target.TargetsReachedRow`).
    """

    optimizer: str
    schedule: str
    factor: float
    share: float
    low: float
    high: float
    agreed: bool
    seeds: int
    workloads: int
    workloads_in_all: int


def ratio_rows(runs: pd.DataFrame, reference: str) -> Iterator[RatioRow]:
    """Every combination against its workload's reference, and every schedule against the first one.

    The reference of a workload is the optimizer `reference` under the workload's first schedule, or the
    workload's first combination where it did not run there. Ratios are taken within a seed. A run without a
    final loss is infinitely worse than one with it, and two such runs are a tie (1); where at least half of
    the pairs are such there is no ratio. Pairs with a missing run are left out and counted. Workloads with a
    negative final loss have no ratios.

    Args:
        runs: the run table.
        reference: the optimizer to compare with.
    """
    for workload, of_workload in runs.groupby("workload", sort=False):
        finals = of_workload[METRIC].to_numpy(float)
        if (finals < 0).any() or not np.isfinite(finals).any():
            continue
        groups = {
            (str(o), str(s)): group for (_, o, s), group in of_workload.groupby(COMBINATION, sort=False)
        }
        first = first_with(groups, reference)
        finals_of = {key: _by_seed(group) for key, group in groups.items()}
        for key, group in groups.items():
            yield _ratio("reference", str(workload), key, first, len(group), finals_of)
        for key, group in groups.items():
            base = next(other for other in groups if other[0] == key[0])
            if base != key:
                yield _ratio("schedule", str(workload), key, base, len(group), finals_of)


def ratios_by_seed(
    runs: pd.DataFrame, workload: str, key: tuple[str, str], base: tuple[str, str]
) -> dict[int, float]:
    """One combination's final losses as multiples of another's on a workload, as in `ratio_rows`, by seed."""
    here = runs[runs["workload"] == workload]
    ours, theirs = (
        _by_seed(here[(here["optimizer"] == optimizer) & (here["schedule"] == schedule)])
        for optimizer, schedule in (key, base)
    )
    return {seed: _divide(ours[seed], theirs[seed]) for seed in ours if seed in theirs}


def _ratio(
    kind: str,
    workload: str,
    key: tuple[str, str],
    base: tuple[str, str],
    n: int,
    finals_of: Mapping[tuple[str, str], dict[int, float]],
) -> RatioRow:
    ours, theirs = finals_of[key], finals_of[base]
    both = [seed for seed in ours if seed in theirs]
    pairs = np.array([_divide(ours[seed], theirs[seed]) for seed in both])
    failed = sum(math.isinf(ours[seed]) and math.isinf(theirs[seed]) for seed in both)
    if not pairs.size or (2 * failed >= pairs.size and key != base):
        return RatioRow(kind, workload, *key, *base, n, pairs.size, *4 * (math.nan,))
    if pairs.size == 1:
        return RatioRow(kind, workload, *key, *base, n, 1, float(pairs[0]), *3 * (math.nan,))
    found = median_interval(pairs)
    return RatioRow(
        kind, workload, *key, *base, n, pairs.size,
        found.estimate, found.low, found.high, found.coverage,
    )  # fmt: skip


def _by_seed(runs: pd.DataFrame) -> dict[int, float]:
    ran = runs[runs["status"] != MISSING.name]
    finals = ran[METRIC].fillna(math.inf).to_numpy(float).tolist()
    return dict(zip(ran["seed"].astype(int), finals, strict=True))


def _divide(ours: float, theirs: float) -> float:
    if ours == theirs:
        return 1.0  # also two failures, and two exact zeros
    return quotient(ours, theirs) if theirs > 0 else math.inf


def profile_rows(runs: pd.DataFrame, reference: str, *, seed: int = 0) -> Iterator[ProfileRow]:
    """Performance profiles of steps to target (Dolan and Moré 2002, doi 10.1007/s101070100263).

    A run's factor is its steps to target over those of the workload's reference (as in `ratio_rows`) with the
    same seed: a fixed one, so that a curve does not depend on who else takes part. It is infinite where the
    target was not reached, and 0 where only the reference did not reach it. The profile is the share of a
    combination's (workload, seed) pairs with a factor of at most f. Only workloads whose target somebody
    reached count, and a combination counts on those where it was planned: `workloads` of `workloads_in_all`.
    The band: bootstrap of whole seeds, drawn jointly over workloads, Wilson's interval where all seeds agree;
    below 6 seeds the range over seeds.

    Args:
        runs: the run table.
        reference: the optimizer to compare with.
        seed: of the bootstrap.
    """
    reached = runs.groupby("workload")["steps_to_target"].transform(lambda s: s.notna().any())
    table = runs[reached.astype(bool)]
    if table.empty:
        return
    table = table.assign(factor=_factors(table, reference))
    thresholds = _thresholds(table["factor"].to_numpy(float))
    in_all = table["workload"].nunique()
    for (optimizer, schedule), group in table.groupby(["optimizer", "schedule"], sort=False):
        shares = np.stack(
            [performance_profile(part["factor"], thresholds) for _, part in group.groupby("seed")]
        )
        low, high = share_band(shares, seed=seed)
        agreed = (shares == shares[0]).all(axis=0)
        points = (thresholds, shares.mean(axis=0), low, high, agreed)
        for f, share, below, above, same in zip(*points, strict=True):
            yield ProfileRow(
                str(optimizer), str(schedule), float(f), float(share), float(below), float(above),
                bool(same), len(shares), group["workload"].nunique(), in_all,
            )  # fmt: skip


def _factors(table: pd.DataFrame, reference: str) -> NDArray[np.float64]:
    """Steps to target over the reference's, a run of the same workload and seed."""
    steps = table["steps_to_target"].fillna(math.inf).clip(lower=1)
    theirs: dict[tuple[str, int], float] = {}
    for workload, group in table.groupby("workload", sort=False):
        keys = zip(group["optimizer"].astype(str), group["schedule"].astype(str), strict=True)
        optimizer, schedule = first_with(keys, reference)
        own = group[(group["optimizer"] == optimizer) & (group["schedule"] == schedule)]
        pairs = zip(own["seed"].astype(int), steps[own.index], strict=True)
        theirs |= {(str(workload), s): float(n) for s, n in pairs}
    pairs_of = zip(table["workload"].astype(str), table["seed"].astype(int), strict=True)
    base = np.array([theirs.get(pair, math.inf) for pair in pairs_of])
    ours = steps.to_numpy(float)
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(ours), ours / base, math.inf)


def _thresholds(factors: NDArray[np.float64]) -> NDArray[np.float64]:
    """The factors at which some profile steps up, thinned evenly in their order, the ends and 1 kept."""
    found = np.unique(factors[np.isfinite(factors) & (factors > 0)])
    kept = np.unique(np.linspace(0, max(len(found) - 1, 0), MOST_THRESHOLDS).round().astype(int))
    return np.union1d(found[kept] if len(found) else found, [1.0])
