"""The figures of the Schedules section that look at single runs: the learning rate as it was recorded."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from optbench.core.words import number
from optbench.report.figure import FigureRecord
from optbench.report.figures.backend.panels import FigureWriter
from optbench.report.figures.marks.paths import draw_lr
from optbench.report.figures.scales import drawable
from optbench.report.figures.sections.finals import draw_between_schedules
from optbench.report.figures.sections.ratios import draw_interaction
from optbench.report.study import FEW, StudyView, thin
from optbench.tables.curves import read_curves

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from optbench.report.figures.context import DrawingContext


RecordedRates: TypeAlias = "dict[tuple[str, str], list[pd.DataFrame]]"
"""By workload and schedule: the courses of the learning rate among the first seed's runs, equal ones once.

Each has course (its name), step and share (of the cell's own learning rate)."""


def draw(context: DrawingContext) -> list[FigureRecord]:
    """The section's figures, in order."""
    study, writer = context.study, context.writer
    lrs = recorded_rates(study, context.curves)
    return [
        *draw_between_schedules(study, writer, context.summary, lrs),
        *draw_interaction(study, writer, context.figure_tables),
        *draw_schedules(study, writer, lrs),
    ]


def recorded_rates(study: StudyView, curves: Path) -> RecordedRates:
    """Return the learning rates that the first seed's run of every combination recorded."""
    ordered = study.runs.sort_values("seed", kind="stable")
    first = ordered.drop_duplicates(["workload", "optimizer", "schedule"]).astype({"cell": str})
    about = first.set_index("cell")[["workload", "schedule", "lr"]].to_dict("index")
    rows = read_curves(curves, split=["schedule"], metric=["lr"], cell=set(first["cell"]))
    rows = rows[np.isfinite(rows["value"].to_numpy(float))].astype({"cell": str})
    found: dict[tuple[str, str], dict[tuple[tuple[int, float], ...], pd.DataFrame]] = {}
    for cell, part in rows.groupby("cell", sort=False):
        run = about[str(cell)]
        order = np.argsort(part["step"].to_numpy(), kind="stable")
        step, value = part["step"].to_numpy()[order], part["value"].to_numpy(float)[order]
        kept = np.isin(step, thin(step.tolist(), 160))
        with np.errstate(all="ignore"):
            share = value / float(run["lr"])
        kept &= np.isfinite(share)
        step, share = step[kept], share[kept]
        if not len(step):
            continue
        key = tuple(zip(step.tolist(), np.round(drawable(share), 6).tolist(), strict=True))
        recorded = found.setdefault((str(run["workload"]), str(run["schedule"])), {})
        name = f"course {len(recorded) + 1}"
        recorded.setdefault(key, pd.DataFrame({"course": name, "step": step, "share": share}))
    return {combination: list(recorded.values()) for combination, recorded in found.items()}


def draw_schedules(study: StudyView, writer: FigureWriter, lrs: RecordedRates) -> list[FigureRecord]:
    """The learning rate that each schedule made, as recorded in the first workload that ran under it."""
    panels = []
    followed: dict[str, list[str]] = {}
    for schedule in study.panels():
        workload = str(study.runs.loc[study.runs["schedule"] == schedule, "workload"].iloc[0])
        recorded = lrs.get((workload, schedule))
        if not recorded:
            continue
        label = study.label("schedules", schedule)
        followed.setdefault(study.label("workloads", workload), []).append(label)
        panels.append(
            writer.add_panel(
                partial(draw_lr, pd.concat(recorded), title=label),
                ("lr", schedule),
                f"{label}: learning rate against steps",
                "Learning rate as a share of the cell's own, from "
                f"{number(recorded[0]['share'].iloc[0], 3)} at the start to "
                f"{number(recorded[0]['share'].iloc[-1], 3)} at the end.",
                width=264,
                height=170,
            )
        )
    if not panels:
        return []
    figure_id, pdf = writer.write_figure("lr")
    return [
        FigureRecord(
            id=figure_id,
            pdf=pdf,
            section="schedules",
            workload="",
            title="The schedules",
            caption="The learning rate as the runs recorded it, divided by the cell's own; the first seed of "
            "every optimizer, equal courses drawn once (a schedule that reacts to the loss has several). "
            f"Shown: {_followed(followed)}.",
            panels=tuple(panels),
            columns=(),
            rows=(),
        )
    ]


def _followed(schedules: Mapping[str, Sequence[str]]) -> str:
    """On which workload each schedule is shown."""
    if len(schedules) == 1:
        return f"on {next(iter(schedules))}"
    if sum(map(len, schedules.values())) > FEW:
        return "on the first workload that ran under it"
    return "; ".join(f"{', '.join(names)} on {workload}" for workload, names in schedules.items())
