"""What a claim's check may look at: the cells that it needs, found by what they are.

A study calls its workloads and optimizers as it likes, so a cell is matched by factory, settings, budget,
schedule and learning rate, as tables/study.json and the run table tell them, never by a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from optbench.catalogue.schedules.entries import SCHEDULES
from optbench.core.status import OUTCOMES
from optbench.tables.curves import read_curves
from optbench.tables.read import read_frame, read_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from optbench.core.specs import OptimizerSpec, ScheduleSpec, WorkloadSpec

CONSTANT = SCHEDULES["constant"]

BUDGET = ("batch_size", "steps", "epochs")
"""Overrides of a workload that make it another one; its evaluation grid and its target do not."""

RATE_TOLERANCE = 1e-9
"""Relative difference below which two learning rates are the same number."""


class UnfinishedError(Exception):
    """A cell that a check needs is planned, but has nothing to show; the message says why."""


@dataclass(frozen=True)
class Need:
    """Cells that a check looks at, one a seed.

    Attributes:
        workloads: what is trained; of several the first that has run counts.
        optimizer: by what (its factory and settings; its own lr is not looked at).
        lr: the cells' learning rate.
        schedule: under which schedule.
    """

    workloads: tuple[WorkloadSpec, ...]
    optimizer: OptimizerSpec
    lr: float
    schedule: ScheduleSpec = CONSTANT


@dataclass(frozen=True)
class Tables:
    """What a study measured.

    Attributes:
        study: study.json.
        runs: the run table.
        timing: the timing table, empty where nothing was timed.
        curves: the curve table's rows of one workload.
    """

    study: Mapping[str, Any]
    runs: pd.DataFrame
    timing: pd.DataFrame
    curves: Callable[[str], pd.DataFrame]


@dataclass(frozen=True)
class Cells:
    """The cells that a need found: one workload, optimizer, schedule and learning rate, all seeds.

    Attributes:
        workload: the study's name for it.
        optimizer: the study's name for it.
        lr: the learning rate.
        first_choice: whether the workload is the first that the need names.
        runs: their rows of the run table.
        tables: the study's tables.
    """

    workload: str
    optimizer: str
    lr: float
    first_choice: bool
    runs: pd.DataFrame
    tables: Tables

    @property
    def trained(self) -> pd.DataFrame:
        """The runs that ended by themselves, `ok` or `diverged`; what broke off is no evidence."""
        return self.runs[self.runs["status"].isin(OUTCOMES)]

    def column(self, name: str) -> pd.Series[float]:
        """A measure by seed where lower is better: +inf where the run diverged or never got there."""
        rows = self.trained
        if rows.empty or name not in rows:
            raise UnfinishedError(self._why())
        return pd.Series(rows[name].fillna(np.inf).to_numpy(float), rows["seed"].to_numpy())

    def measured(self, name: str) -> pd.Series[float]:
        """A measure by seed as it stands, where neither end is the better one; NaN where there is none."""
        rows = self.trained
        values = rows[name].to_numpy(float) if name in rows else np.full(len(rows), np.nan)
        return pd.Series(values, rows["seed"].to_numpy())

    def curves(self, split: str, metric: str) -> dict[int, tuple[NDArray[np.int32], NDArray[np.float64]]]:
        """Steps and values of one recorded curve of every run that ended by itself, by seed."""
        rows = self.tables.curves(self.workload)
        rows = rows[(rows["split"] == split) & (rows["metric"] == metric)]
        parts = dict(list(rows.groupby("cell", observed=True, sort=False)))
        found = {}
        for cell, seed in zip(self.trained["cell"], self.trained["seed"], strict=True):
            if cell in parts:
                ordered = parts[cell].sort_values("step", kind="stable")
                found[int(seed)] = ordered["step"].to_numpy(), ordered["value"].to_numpy(float)
        if not found:
            raise UnfinishedError(self._why())
        return found

    def curve(self, split: str, metric: str) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """The same of the first seed alone, for a run that chance has no part in."""
        found = self.curves(split, metric)
        return found[min(found)]

    def path(self) -> NDArray[np.float64]:
        """Recorded positions of the first seed, shape (evaluations, coordinates)."""
        names = (self.tables.study["workloads"][self.workload].get("coordinates")) or ()
        columns = [self.curve("weights", name)[1] for name in names]
        if not columns:
            raise UnfinishedError(self._why())
        return np.stack(columns, axis=1)

    def timing(self) -> pd.Series[Any]:
        """The timing table's row of this optimizer on this workload."""
        rows = self.tables.timing
        if len(rows):
            rows = rows[(rows["workload"] == self.workload) & (rows["optimizer"] == self.optimizer)]
            rows = rows[np.isfinite(rows["step_time_us"].to_numpy(float))]
        if rows.empty:
            raise UnfinishedError(f"{self.optimizer} was not timed on {self.workload}")
        return rows.iloc[0]

    def is_made_as(self, optimizer: str) -> bool:
        """Whether the study's optimizer of this name has the same factory and settings."""
        known = self.tables.study["optimizers"]
        return optimizer in known and _key(known[optimizer]) == _key(known[self.optimizer])

    def fact(self, name: str) -> Any:  # noqa: ANN401 - a JSON value
        """A fact of the workload, as study.json has it."""
        return self.tables.study["workloads"][self.workload].get(name)

    def _why(self) -> str:
        counts = ", ".join(f"{n} {status}" for status, n in self.runs["status"].value_counts().items())
        return f"{self.workload}/{self.optimizer} has nothing to look at ({counts})"


def read_tables(folder: Path) -> Tables:
    """What `collect` left in results/<study>/tables."""
    runs = read_frame(folder / "runs.parquet")
    timing = folder / "timing.parquet"
    return Tables(
        study=read_values(folder / "study.json"),
        runs=runs,
        timing=read_frame(timing) if timing.exists() else pd.DataFrame(),
        curves=cache(partial(_curves, folder / "curves.parquet", runs)),
    )


def _curves(file: Path, runs: pd.DataFrame, workload: str) -> pd.DataFrame:
    cells = runs.loc[runs["workload"] == workload, "cell"].tolist()
    return read_curves(file, cell=cells)


def find_cells(tables: Tables, need: Need) -> Cells | None:
    """The cells that a need means, None where the study plans none of them."""
    planned = [cells for workload in need.workloads if (cells := _find(tables, need, workload)) is not None]
    ran = [cells for cells in planned if len(cells.trained)]
    return next(iter(ran or planned), None)


def _find(tables: Tables, need: Need, workload: WorkloadSpec) -> Cells | None:
    names = {
        "workload": _named(tables.study.get("workloads"), workload, _workload_key),
        "optimizer": _named(tables.study.get("optimizers"), need.optimizer, _key),
        "schedule": _named(tables.study.get("schedules"), need.schedule, _key),
    }
    if not all(names.values()):
        return None
    meant = np.isclose(tables.runs["lr"].to_numpy(float), need.lr, rtol=RATE_TOLERANCE, atol=0)
    for column, wanted in names.items():
        meant &= tables.runs[column].isin(wanted).to_numpy()
    rows = tables.runs[meant]
    if rows.empty:
        return None
    # Two names for one thing, or several workloads alike: the first in the table.
    first = rows.iloc[0]
    for column in names:
        rows = rows[rows[column] == first[column]]
    return Cells(
        workload=str(first["workload"]),
        optimizer=str(first["optimizer"]),
        lr=float(first["lr"]),
        first_choice=workload is need.workloads[0],
        runs=rows,
        tables=tables,
    )


def _named(known: Mapping[str, Any] | None, spec: Any, key: Callable[[Any], Any]) -> list[str]:  # noqa: ANN401
    """The study's names for what has this factory and these settings."""
    wanted = key(
        {
            "factory": spec.factory,
            "settings": dict(spec.settings),
            "overrides": dict(getattr(spec, "overrides", {})),
            "dataset": spec.dataset.name if getattr(spec, "dataset", None) else None,
        }
    )
    return [name for name, facts in (known or {}).items() if key(facts) == wanted]


def _key(facts: Mapping[str, Any]) -> Any:  # noqa: ANN401
    return facts.get("factory"), facts.get("settings")


def _workload_key(facts: Mapping[str, Any]) -> Any:  # noqa: ANN401
    overrides = facts.get("overrides") or {}
    return *_key(facts), facts.get("dataset"), [overrides.get(name) for name in BUDGET]
