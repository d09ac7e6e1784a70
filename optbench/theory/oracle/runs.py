"""What a study's tables hold of one combination of workload, optimizer and schedule, and what is read off it.

Layer 2b. The oracle reads the run table, the curve table and study.json, and nothing else: no study file, no
trace, no training code.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optbench.core.status import DIVERGED, MISSING
from optbench.tables.curves import read_curves
from optbench.tables.read import read_frame, read_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SPLITS = ("train", "weights")
"""Splits of the curve table that the oracle reads."""


@dataclass(frozen=True)
class Runs:
    """All seeds of one combination.

    Attributes:
        lr: their learning rate.
        steps: their budget.
        workload: settings of the workload's factory.
        optimizer: settings of the optimizer, without lr.
        schedule: settings of the schedule.
        table: their rows of the run table, one a seed.
        curves: their rows of the curve table: cell, step, split, metric, value.
    """

    lr: float
    steps: int
    workload: Mapping[str, Any]
    optimizer: Mapping[str, Any]
    schedule: Mapping[str, Any]
    table: pd.DataFrame
    curves: pd.DataFrame

    @property
    def h(self) -> float:
        """The workload's only curvature."""
        (h,) = self.workload["curvatures"]
        return float(h)

    @property
    def ends(self) -> tuple[float, float]:
        """The workload's least and largest curvature."""
        curvatures = self.workload["curvatures"]
        return min(curvatures), max(curvatures)

    @property
    def g(self) -> float:
        """The workload's gradient."""
        return float(self.workload["gradient"])

    @property
    def start(self) -> float:
        """Where the workload starts."""
        return float(self.workload["start"])

    @property
    def b(self) -> float:
        """The momentum, 0 where there is none: SGD's, or the first of Adam's betas."""
        if "betas" in self.optimizer:
            return float(self.optimizer["betas"][0])
        return float(self.optimizer.get("momentum", 0.0))

    def setting(self, key: str) -> float:
        """A number among the optimizer's settings."""
        return float(self.optimizer[key])

    def horizon(self, key: str) -> int:
        """A share of the budget among the schedule's settings, "30%", in steps."""
        return self._in_steps(self.schedule[key])

    def horizons(self, key: str) -> tuple[int, ...]:
        """A list of such shares."""
        return tuple(self._in_steps(share) for share in self.schedule[key])

    def _in_steps(self, share: str) -> int:
        return round(float(share.removesuffix("%")) * self.steps / 100)

    def series(self, split: str, metric: str) -> list[tuple[Floats, Floats]]:
        """Steps and values of one curve, shape (evaluations,), for every seed that has it."""
        rows = self.curves[(self.curves["split"] == split) & (self.curves["metric"] == metric)]
        parts = (part.sort_values("step") for _, part in rows.groupby("cell", sort=False, observed=True))
        return [(part["step"].to_numpy(float), part["value"].to_numpy(float)) for part in parts]

    def losses(self) -> tuple[Floats, Floats]:
        """Steps and values of the first seed's training loss."""
        return self._first("train", "loss")

    def path(self) -> Floats:
        """The first seed's first coordinate after 0, 1, 2, ... updates.

        Raises:
            LookupError: it was not recorded at every step.
        """
        steps, values = self._first("weights", "w1")
        if (np.diff(steps) != 1).any():
            raise LookupError("the curve table does not have the weights after every step")
        return values

    def mean(self, column: str) -> float:
        """The mean of a column of the run table over seeds.

        Raises:
            LookupError: the table has no such column.
        """
        if column not in self.table:
            raise LookupError(f"the run table has no column {column}")
        return float(self.table[column].to_numpy(float).mean())

    def _first(self, split: str, metric: str) -> tuple[Floats, Floats]:
        found = self.series(split, metric)
        if not found:
            raise LookupError(f"the curve table has no {split} {metric}")
        return found[0]


def read_runs(tables: Path, names: Iterable[str]) -> dict[str, Runs]:
    """Read what the tables hold of some combinations; those that ran nowhere are left out.

    Args:
        tables: results/<study>/tables.
        names: combinations as workload/optimizer/schedule.
    """
    wanted = tuple(names)
    facts = read_values(tables / "study.json")
    table = read_frame(tables / "runs.parquet")
    table = table[table["status"] != MISSING.name]
    table = table.assign(combination=table["workload"] + "/" + table["optimizer"] + "/" + table["schedule"])
    table = table[table["combination"].isin(wanted)].sort_values("seed", kind="stable")
    curves = read_curves(tables / "curves.parquet", cell=table["cell"].tolist(), split=SPLITS)
    of_cell = dict(list(curves.groupby("cell", observed=True)))
    found = {}
    for name, rows in table.groupby("combination", sort=False):
        workload, optimizer, schedule = str(name).split("/")
        parts = [of_cell[cell] for cell in rows["cell"] if cell in of_cell]
        found[str(name)] = Runs(
            lr=float(rows["lr"].iloc[0]),
            steps=int(facts["workloads"][workload]["steps"]),
            workload=facts["workloads"][workload]["settings"],
            optimizer=facts["optimizers"][optimizer]["settings"],
            schedule=facts["schedules"][schedule]["settings"],
            table=rows,
            curves=pd.concat(parts) if parts else curves.iloc[:0],
        )
    return found


def observed_rate(runs: Runs) -> float:
    """The factor by which the distance to the optimum 0 changed a step, over the last half of the curve.

    The loss is quadratic in the distance, hence the root.
    """
    steps, losses = runs.losses()
    last = len(losses) - 1
    first = last // 2
    return float((losses[last] / losses[first]) ** (0.5 / (steps[last] - steps[first])))


def fitted_rate(runs: Runs) -> float:
    """The same from the run table's linear rate, which is the loss's: a fit over the last half of the run."""
    return float(np.sqrt(runs.mean("linear_rate")))


def column(name: str) -> Callable[[Runs], float]:
    """The mean over seeds of a column of the run table."""

    def measure(runs: Runs) -> float:
        return runs.mean(name)

    return measure


def crossing(below: Runs, above: Runs) -> float:
    """The lr at which the rate is 1, on the straight line through the logarithms of two rates."""
    low, high = log(observed_rate(below)), log(observed_rate(above))
    return below.lr - (above.lr - below.lr) * low / (high - low)


def first_step(runs: Runs) -> float:
    """The size of the first update."""
    path = runs.path()
    return abs(float(path[1] - path[0]))


def last_step(runs: Runs) -> float:
    """The size of the last update."""
    path = runs.path()
    return abs(float(path[-1] - path[-2]))


def end(runs: Runs) -> float:
    """The last point."""
    return float(runs.path()[-1])


def displacement(runs: Runs) -> float:
    """How far the last point lies from the first."""
    path = runs.path()
    return abs(float(path[-1] - path[0]))


def settled_variance(runs: Runs) -> float:
    """The mean of w^2 over coordinates, seeds and all steps but the first quarter, from the noiseless loss.

    For copies of one curvature h the loss is h / 2 times the sum of w^2.
    """
    means = [losses[len(losses) // 4 :].mean() for _, losses in runs.series("train", "loss")]
    return float(np.mean(means)) * 2 / (runs.h * float(runs.workload["copies"]))


def crossings_frequency(runs: Runs) -> float:
    """Cycles a step, from the first to the last change of sign, the path straight between two steps."""
    path = runs.path()
    before = np.flatnonzero(path[:-1] * path[1:] < 0)
    times = before + path[before] / (path[before] - path[before + 1])
    if len(times) < 2:  # noqa: PLR2004 - no cycle
        return float("nan")
    return float((len(times) - 1) / (2 * (times[-1] - times[0])))


def diverged(*combinations: Runs) -> float:
    """How many of all their runs ended as diverged."""
    return float(sum(int((runs.table["status"] == DIVERGED.name).sum()) for runs in combinations))
