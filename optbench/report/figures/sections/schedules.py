"""The figures of the Schedules section that look at single runs: the learning rate as it was recorded."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from optbench.core.words import number
from optbench.report.figure import FigureRecord
from optbench.report.figures.backend.panels import Easel
from optbench.report.figures.marks.paths import draw_lr
from optbench.report.figures.sections.finals import draw_between_schedules
from optbench.report.figures.sections.ratios import draw_interaction
from optbench.report.study import Study, thin
from optbench.tables.curves import read_curves

if TYPE_CHECKING:
    from pathlib import Path

    from optbench.report.figures.context import DrawingContext


Courses: TypeAlias = "dict[tuple[str, str], list[pd.DataFrame]]"
"""By workload and schedule: the courses of the learning rate among the first seed's runs, equal ones once.

Each has course (its name), step and share (of the cell's own learning rate)."""


def draw(context: DrawingContext) -> list[FigureRecord]:
    """The section's figures, in order."""
    study, easel = context.study, context.easel
    lrs = lr_courses(study, context.curves)
    return [
        *draw_between_schedules(study, easel, context.summary, lrs),
        *draw_interaction(study, easel, context.evidence),
        *draw_schedules(study, easel, lrs),
    ]


def lr_courses(study: Study, curves: Path) -> Courses:
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
        step, share = step[kept], value[kept] / float(run["lr"])
        key = tuple(zip(step.tolist(), np.round(share, 6).tolist(), strict=True))
        courses = found.setdefault((str(run["workload"]), str(run["schedule"])), {})
        name = f"course {len(courses) + 1}"
        courses.setdefault(key, pd.DataFrame({"course": name, "step": step, "share": share}))
    return {combination: list(courses.values()) for combination, courses in found.items()}


def draw_schedules(study: Study, easel: Easel, lrs: Courses) -> list[FigureRecord]:
    """The learning rate that each schedule made, as recorded in the first workload that ran under it."""
    panels = []
    followed = []
    for schedule in study.schedules:
        workload = str(study.runs.loc[study.runs["schedule"] == schedule, "workload"].iloc[0])
        courses = lrs.get((workload, schedule))
        if not courses:
            continue
        label = study.label("schedules", schedule)
        followed.append(f"{label} on {study.label('workloads', workload)}")
        panels.append(
            easel.put(
                partial(draw_lr, pd.concat(courses), title=label),
                ("lr", schedule),
                f"{label}: learning rate against steps",
                "Learning rate as a share of the cell's own, from "
                f"{number(courses[0]['share'].iloc[0], 3)} at the start to "
                f"{number(courses[0]['share'].iloc[-1], 3)} at the end.",
                width=264,
                height=170,
            )
        )
    if not panels:
        return []
    figure_id, pdf = easel.bind("lr")
    return [
        FigureRecord(
            id=figure_id,
            pdf=pdf,
            section="schedules",
            workload="",
            title="The schedules",
            caption="The learning rate as the runs recorded it, divided by the cell's own; the first seed of "
            "every optimizer, equal courses drawn once (a schedule that reacts to the loss has several). "
            "Shown: " + "; ".join(followed) + ".",
            panels=tuple(panels),
            columns=(),
            rows=(),
        )
    ]
