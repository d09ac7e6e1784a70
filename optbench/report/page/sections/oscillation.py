"""How the runs oscillate, as the page tells it: the medians of every measure, a table a workload."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from optbench.core.words import NONE, count, interval, number
from optbench.report.page.context import Content, FoldedPart
from optbench.report.page.table import Table, TableEntry
from optbench.tables.metrics import shown_in
from optbench.tables.rows import row_dicts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from optbench.report.page.context import PageContext
    from optbench.report.study import StudyView

HEADS: Final = {measure.name: measure.head for measure in shown_in("oscillation")}
"""Columns of the run table and their heads, with units."""


@dataclass(frozen=True, kw_only=True)
class WorkloadOscillation(FoldedPart):
    """A workload's part of the section.

    Attributes:
        table: medians by optimizer and schedule.
    """

    table: Table


def section(page: PageContext) -> Content | None:
    """Return the section; None where no run was probed."""
    found = oscillation_results(page.study, page.summary)
    return Content(found) if found else None


def oscillation_results(study: StudyView, summary: pd.DataFrame) -> tuple[WorkloadOscillation, ...]:
    """Return the workloads where at least one run was probed; empty where the run table has no measures."""
    if not set(HEADS) <= set(study.runs):
        return ()
    parts = []
    for index, name in enumerate(study.workloads):
        runs = study.runs[study.runs["workload"] == name]
        if np.isfinite(runs[list(HEADS)].to_numpy(float)).any():
            label = study.label("workloads", name)
            seeds = count(int(runs.groupby(["optimizer", "schedule"]).size().max()), "seed")
            rows = _rows(study, runs, summary[summary["workload"] == name])
            table = Table(
                f"t-osc-{index}",
                f"{label}: medians over {seeds}; where some of them lack a measure, over the runs counted "
                "below it. Intervals, where shown: of the median over seeds, from order statistics.",
                ("Optimizer", "Schedule", *HEADS.values()),
                rows,
            )
            parts.append(WorkloadOscillation(id=f"o-{index}", name=name, label=label, table=table))
    return tuple(parts)


def _rows(study: StudyView, runs: pd.DataFrame, summary: pd.DataFrame) -> tuple[tuple[TableEntry, ...], ...]:
    wanted = summary[summary["metric"].isin(list(HEADS))]
    summarized = {(str(r["optimizer"]), str(r["schedule"]), str(r["metric"])): r for r in row_dicts(wanted)}
    measured = {metric: runs[metric].to_numpy(float) for metric in HEADS}
    combination = runs.groupby(["optimizer", "schedule"], sort=False).ngroup().to_numpy()
    named = runs[["optimizer", "schedule"]].drop_duplicates().astype(str)
    return tuple(
        (
            TableEntry(study.label("optimizers", optimizer)),
            TableEntry(study.label("schedules", schedule)),
            *(
                _entry(values[combination == place], summarized.get((optimizer, schedule, metric)))
                for metric, values in measured.items()
            ),
        )
        for place, (optimizer, schedule) in enumerate(named.itertuples(index=False, name=None))
    )


def _entry(values: NDArray[np.float64], row: Mapping[str, Any] | None) -> TableEntry:
    """The summary's median with its interval, else that of the finite values; their count where some lack."""
    finite = values[np.isfinite(values)]
    notes = [f"{finite.size}/{len(values)} runs"] if finite.size < len(values) else []
    if row is not None and math.isfinite(row["estimate"]):
        notes.insert(0, interval(float(row["low"]), float(row["high"]), digits=3))
        return TableEntry(number(float(row["estimate"])), ", ".join(filter(None, notes)), numeric=True)
    if not finite.size:
        return TableEntry(NONE, numeric=True)
    return TableEntry(number(float(np.median(finite))), ", ".join(notes), numeric=True)
