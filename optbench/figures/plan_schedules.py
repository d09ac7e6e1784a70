"""The figures of the Schedules section that look at single runs: the learning rate as it was recorded."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optbench.figures.convergence import thin
from optbench.figures.easel import Easel, Study, first_runs, read_curves
from optbench.figures.learn import draw_lr
from optbench.figures.record import FigureRecord

if TYPE_CHECKING:
    from pathlib import Path


def recorded_lrs(study: Study, curves: Path) -> pd.DataFrame:
    """Return the learning rates that the first seed's run of every combination recorded."""
    ordered = study.runs.sort_values("seed", kind="stable")
    first = ordered.drop_duplicates(["workload", "optimizer", "schedule"])
    rows = read_curves(curves, "schedule", set(first["cell"].astype(str)))
    known: pd.DataFrame = rows[(rows["metric"] == "lr") & np.isfinite(rows["value"].to_numpy(float))]
    return known


def lr_courses(study: Study, lrs: pd.DataFrame, workload: str, schedule: str) -> list[pd.DataFrame]:
    """Return the courses of the learning rate among the first seed's runs, equal ones once.

    Each has course (its name), step and share (of the cell's own learning rate). `lrs` is what `recorded_lrs`
    returns.
    """
    chosen = first_runs(study, workload, schedule).set_index("cell")
    rows = lrs[lrs["cell"].isin(chosen.index)]
    courses: dict[tuple[tuple[int, float], ...], pd.DataFrame] = {}
    for cell, part in rows.groupby("cell", sort=False):
        ordered = part.sort_values("step")
        ordered = ordered[ordered["step"].isin(thin([int(s) for s in ordered["step"]], 160))]
        share = ordered["value"].to_numpy(float) / float(chosen["lr"][str(cell)])
        step = ordered["step"].to_numpy()
        key = tuple((int(s), round(float(v), 6)) for s, v in zip(step, share, strict=True))
        name = f"course {len(courses) + 1}"
        courses.setdefault(key, pd.DataFrame({"course": name, "step": step, "share": share}))
    return list(courses.values())


def draw_schedules(study: Study, easel: Easel, lrs: pd.DataFrame) -> list[FigureRecord]:
    """The learning rate that each schedule made, as recorded in the first workload that ran under it."""
    panels = []
    followed = []
    for schedule in study.schedules:
        workload = str(study.runs.loc[study.runs["schedule"] == schedule, "workload"].iloc[0])
        courses = lr_courses(study, lrs, workload, schedule)
        if not courses:
            continue
        label = study.label("schedules", schedule)
        followed.append(f"{label} on {study.label('workloads', workload)}")
        panels.append(
            easel.put(
                partial(draw_lr, pd.concat(courses), title=label),
                ("lr", schedule),
                f"{label}: learning rate against steps",
                f"Learning rate as a share of the cell's own, from {courses[0]['share'].iloc[0]:.3g} at the "
                f"start to {courses[0]['share'].iloc[-1]:.3g} at the end.",
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
