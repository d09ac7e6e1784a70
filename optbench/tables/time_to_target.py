"""How many targets of a ladder runs have reached by when: run-length distributions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from optbench.core.status import MISSING
from optbench.stats.bootstrap import bootstrap_band
from optbench.stats.intervals import median_interval
from optbench.stats.paired import FEWEST_PAIRS
from optbench.tables.curves import lines_of
from optbench.tables.rows import COMBINATION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from optbench.tables.curves import Line


TARGETS = 20
"""Targets of a workload's ladder."""

MOST_STEPS = 60
"""Steps at which a distribution is kept: all evaluated ones up to here, evenly spaced ones above."""

RESOLUTION = 1e-12
"""A ladder goes down to this share of the way from the first loss to the optimum, and no further."""


class TargetsReachedRow(NamedTuple):
    """The share of (run, target) pairs of a workload's ladder reached within `step` steps.

    `agreed`: all seeds have this very share, so that the band is not of what they showed but of what they
    could not show (`optbench.stats.bootstrap_band`).
    """

    workload: str
    optimizer: str
    schedule: str
    step: int
    share: float
    low: float
    high: float
    agreed: bool
    n: int
    targets: int
    hardest: float


def study_targets(first: float, best: float, optimum: float | None = None) -> NDArray[np.float64] | None:
    """Return `TARGETS` losses from an easy to the hardest one, evenly spaced in the logarithm of the gap.

    The gap is loss - optimum where the optimum is known, else the loss itself. The first loss is no target:
    every run is there before its first step. None where the losses leave no room for a ladder.

    Args:
        first: typical loss before the first step.
        best: the least loss that any run reached; the hardest target.
        optimum: the least possible loss, if it is known.
    """
    floor = optimum if optimum is not None and best >= optimum else 0.0
    widest = first - floor
    if not (math.isfinite(widest) and widest > 0 and best < first and best >= floor):
        return None
    least = max(best - floor, RESOLUTION * widest)
    if least == 0:  # the first loss is itself so near to the optimum that no share of it is a float
        return None
    with np.errstate(over="ignore"):  # from the largest float on, whose neighbours are rounded beyond it
        targets = np.minimum(floor + np.geomspace(widest, least, TARGETS + 1)[1:], first)
    targets[-1] = max(targets[-1], best)  # rounding must not put the hardest target out of everybody's reach
    return targets


def targets_reached_rows(
    runs: pd.DataFrame, curves: pd.DataFrame, optima: Mapping[str, float], *, seed: int = 0
) -> Iterator[TargetsReachedRow]:
    """Run-length distributions: the share of (run, target) pairs reached, over a ladder of targets.

    COCO's empirical distribution of runtimes (Hansen et al., arXiv 1605.03560) with optimizer steps in the
    place of function evaluations. Targets are losses of the validation split. The ladder's end is the best
    loss of this very study, so a curve says who gets where among these runs and nothing beyond them. A run
    that diverged or broke off keeps what it reached; a missing run is no observation. The band is that of
    `share_band`.

    Args:
        runs: the run table.
        curves: cell, step, value of the validation loss.
        optima: least possible loss by workload where it is known.
        seed: of the bootstrap.
    """
    found = lines_of(curves, ("cell",))
    for workload, of_workload in runs[runs["status"] != MISSING.name].groupby("workload", sort=False):
        lines = {str(cell): _falling(found[str(cell)]) for cell in of_workload["cell"] if str(cell) in found}
        firsts = [float(values[0]) for _, values in lines.values() if len(values)]
        lasts = [float(values[-1]) for _, values in lines.values() if len(values)]
        targets = (
            study_targets(median_interval(firsts).estimate, min(lasts), optima.get(str(workload)))
            if firsts
            else None
        )
        if targets is None:
            continue
        grid = np.unique(np.concatenate([steps for steps, _ in lines.values()]))
        grid = grid[np.unique(np.linspace(0, len(grid) - 1, MOST_STEPS).round().astype(int))]
        for (_, optimizer, schedule), group in of_workload.groupby(COMBINATION, sort=False):
            shares = np.stack([_share_reached(lines.get(str(c)), targets, grid) for c in group["cell"]])
            low, high = share_band(shares, seed=seed)
            agreed = (shares == shares[0]).all(axis=0)
            points = (grid, shares.mean(axis=0), low, high, agreed)
            for step, share, below, above, same in zip(*points, strict=True):
                yield TargetsReachedRow(
                    str(workload), str(optimizer), str(schedule), int(step), float(share), float(below),
                    float(above), bool(same), len(group), TARGETS, float(targets[-1]),
                )  # fmt: skip


def share_band(shares: NDArray[np.float64], *, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ends of a band for the mean of shares, shape (n_seeds, n_points).

    From 6 seeds on the bootstrap over them, Wilson's interval where all agree; below that the range over
    seeds, for one seed NaN.
    """
    if len(shares) < 2:  # noqa: PLR2004 - one seed has no spread
        nothing = np.full(shares.shape[1], math.nan)
        return nothing, nothing
    if len(shares) < FEWEST_PAIRS:
        return shares.min(axis=0), shares.max(axis=0)
    return bootstrap_band(shares, seed=seed)


def _falling(line: Line) -> Line:
    """The steps of one run and the least finite loss up to each; nothing before the first finite one."""
    order = np.argsort(line[0], kind="stable")
    steps, values = line[0][order], line[1][order]
    least = np.fmin.accumulate(np.where(np.isfinite(values), values, np.inf)) if len(values) else values
    known = np.isfinite(least)
    return steps[known], least[known]


def _share_reached(
    line: Line | None,
    targets: NDArray[np.float64],
    grid: NDArray[np.int64],
) -> NDArray[np.float64]:
    """The share of the targets that one run has reached by each step of the grid."""
    if line is None or not len(line[0]):
        return np.zeros(len(grid))
    steps, least = line
    place = np.searchsorted(steps, grid, side="right") - 1
    reached = (least[np.maximum(place, 0)][:, None] <= targets[None, :]).mean(axis=1)
    return np.where(place >= 0, reached, 0.0)
