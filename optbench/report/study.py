"""A study as its tables tell it: its names in their order, its runs, and how names and steps are parted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from optbench.core.status import OK
from optbench.core.words import named
from optbench.report.palette import Style, assign_styles
from optbench.tables.read import read_frame, read_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

LINES = 10
"""Lines that one panel labels directly (their names take three quarters of its height); more of them go to
further panels."""

FEW = 6
"""Schedules up to which each stands for itself; of more of them, the order is that of their results."""


@dataclass(frozen=True)
class StudyView:
    """What the figures need to know of a study.

    Attributes:
        facts: study.json as it stands.
        runs: the run table.
        workloads: names in the study's order.
        optimizers: names in the study's order.
        schedules: names in the study's order.
        styles: one style an optimizer, for every figure.
    """

    facts: dict[str, Any]
    runs: pd.DataFrame
    workloads: tuple[str, ...]
    optimizers: tuple[str, ...]
    schedules: tuple[str, ...]
    styles: dict[str, Style]

    def label(self, kind: str, name: str) -> str:
        """Return what the page calls a workload, optimizer or schedule (`kind` is the plural)."""
        return named(str(self.fact(kind, name, "label") or name))

    def labels(self, kind: str) -> dict[str, str]:
        """Return all labels of a kind by name."""
        names: tuple[str, ...] = getattr(self, kind)
        return {name: self.label(kind, name) for name in names}

    def fact(self, kind: str, name: str, key: str) -> Any:  # noqa: ANN401 - a JSON value
        """Return a fact of study.json, None where it is absent."""
        return ((self.facts.get(kind) or {}).get(name) or {}).get(key)

    def by_result(self, kind: Literal["optimizers", "schedules"], workload: str = "") -> tuple[str, ...]:
        """Return the optimizers or schedules by how they ended, the lowest final losses first.

        What counts is the mean rank among those of the same workload and schedule (or optimizer), by the
        median over seeds; a run that did not end well has an infinite loss. Ranks, not losses, so that no
        workload weighs more than another.

        Args:
            kind: what is put in order.
            workload: the only one that counts; "" for all.
        """
        names: tuple[str, ...] = getattr(self, kind)
        runs = self.runs[self.runs["workload"] == workload] if workload else self.runs
        column, others = ("optimizer", "schedule") if kind == "optimizers" else ("schedule", "optimizer")
        ended = (runs["status"] == OK.name) & np.isfinite(runs["final_val_loss"].to_numpy(float))
        loss = runs["final_val_loss"].where(ended, math.inf)
        key = [runs[name].astype(str) for name in ("workload", others, column)]
        ranks = loss.groupby(key, sort=False).median().groupby(level=[0, 1]).rank(pct=True)
        mean = ranks.groupby(level=2).mean()
        return tuple(sorted(names, key=lambda name: float(mean.get(name, math.inf))))

    def panels(self, workload: str = "") -> tuple[str, ...]:
        """Return the schedules in the order of their panels: the study's, but of many the best ones first."""
        return self.schedules if len(self.schedules) <= FEW else self.by_result("schedules", workload)


def read_study_view(tables: Path) -> StudyView:
    """Return the study of a tables folder; the order of names is that of the run table."""
    facts = read_values(tables / "study.json")
    runs = read_frame(tables / "runs.parquet")
    names = {
        kind: tuple(str(name) for name in runs[column].unique())
        for kind, column in (
            ("workloads", "workload"), ("optimizers", "optimizer"), ("schedules", "schedule"),
        )
    }  # fmt: skip
    return StudyView(facts=facts, runs=runs, styles=assign_styles(names["optimizers"]), **names)


def first_runs(study: StudyView, workload: str, schedule: str) -> pd.DataFrame:
    """Return the first seed's run of every optimizer."""
    runs = study.runs
    here = runs[(runs["workload"] == workload) & (runs["schedule"] == schedule)]
    return here.sort_values("seed", kind="stable").groupby("optimizer", sort=False).head(1)


def by_schedule(
    study: StudyView, rows: pd.DataFrame, workload: str = ""
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each schedule that has rows, in the order of `panels`, with them: one an optimizer, best first.

    Args:
        study: whose names.
        rows: optimizer, schedule; one a pair.
        workload: whose results the orders follow, "" for those of all.
    """
    optimizers = study.by_result("optimizers", workload)
    for schedule in study.panels(workload):
        here = rows[rows["schedule"] == schedule].set_index("optimizer", drop=False)
        here = here.loc[[name for name in optimizers if name in here.index]]
        if not here.empty:
            yield schedule, here


def chunks(names: Sequence[str], size: int = LINES) -> Iterator[list[str]]:
    """Yield the names in runs of nearly equal length, at most `size`."""
    count = math.ceil(len(names) / size)
    for index in range(count):
        yield list(names[index * len(names) // count : (index + 1) * len(names) // count])


def thin(steps: Sequence[int], count: int = 40) -> list[int]:
    """Return at most `count` of the sorted steps, half of them evenly and half logarithmically spaced.

    The first and last stay. Early steps, where losses fall fast, and late ones, where schedules act, both
    keep enough points for a curve of a few hundred pixels.
    """
    ordered = sorted(set(steps))
    if len(ordered) <= count:
        return ordered
    first, last = ordered[0], ordered[-1]
    half = (count + 1) // 2
    wanted = np.concatenate(
        [
            np.linspace(first, last, half),
            first - 1 + np.geomspace(1, last - first + 1, count - half),
        ]
    )
    grid = np.asarray(ordered)
    nearest = {int(grid[int(np.abs(grid - step).argmin())]) for step in wanted}
    return sorted(nearest | {first, last})
