"""Figures of what one gives up for the other: loss against time, oscillation against speed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from optbench.report.figure import FigureRecord
from optbench.report.figures.backend.panels import FigureWriter
from optbench.report.figures.marks.points import draw_points
from optbench.report.figures.scales import drawable
from optbench.report.study import StudyView
from optbench.report.tables import FigureTables, rows_of
from optbench.report.words import entry, in_words
from optbench.tables.rows import row_dicts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

TRADEOFFS: Mapping[str, tuple[str, str, str, str, str]] = {
    "cost": (
        "cost", "Final loss against time", "training time of the budget (s)", "final validation loss",
        "Seconds are the budget in steps times the median step time, measured apart; their interval is the "
        "step time's.",
    ),
    "oscillation": (
        "oscillation", "Oscillation against speed", "steps to target", "tortuosity (path / distance)",
        "Tortuosity is the length of the path over the distance from its start to its end, 1 for a straight "
        "line. Combinations whose typical run does not reach the target are not drawn.",
    ),
}  # fmt: skip
"""By kind: section, title, x axis, y axis, what the caption adds."""


def draw_tradeoffs(
    study: StudyView, writer: FigureWriter, found: FigureTables, kind: str
) -> list[FigureRecord]:
    """One figure a workload: its combinations as points, a panel a schedule, the front joined."""
    section, title, x_label, y_label, words = TRADEOFFS[kind]
    records = []
    for workload in study.workloads:
        rows = rows_of(found.tradeoffs, kind=kind, workload=workload)
        fine = (
            rows[(rows["x"] > 0) & (rows["y"] > 0) & np.isfinite(rows["x"]) & np.isfinite(rows["y"])]
            if len(rows)
            else rows
        )
        if fine.empty:
            continue
        label = study.label("workloads", workload)
        limits = (_reach(fine, "x"), _reach(fine, "y"))
        panels = []
        for schedule in study.panels(workload):
            here = fine[fine["schedule"] == schedule]
            if here.empty:
                continue
            name = study.label("schedules", schedule)
            draw = partial(
                draw_points, here, styles=study.styles, limits=limits, labels=study.labels("optimizers"),
                x_label=x_label, y_label=y_label, title=name,
            )  # fmt: skip
            said = ", ".join(
                f"{study.label('optimizers', str(r['optimizer']))} ({in_words(float(r['x']))}, "
                f"{in_words(float(r['y']))})"
                for r in row_dicts(here)
            )
            panels.append(
                writer.add_panel(
                    draw, (kind, workload, schedule), f"{label}, {name}: {y_label} against {x_label}",
                    f"Points ({x_label}, {y_label}): {said}.",
                    right=64,
                )
            )  # fmt: skip
        figure_id, pdf = writer.write_figure("tradeoff", kind, workload)
        records.append(
            FigureRecord(
                id=figure_id,
                pdf=pdf,
                section=section,
                workload=workload,
                title=title,
                caption=f"Medians over {int(rows['n'].max())} seeds with the intervals of the tables; both "
                "axes logarithmic and shared, lower and further left is preferable. Dashed: the front of "
                f"those that no other combination of this workload beats in both. {words}"
                + _no_front(rows, kind),
                panels=tuple(panels),
                columns=("optimizer", "schedule", x_label, y_label, "on the front", "ok / n"),
                rows=tuple(
                    (
                        study.label("optimizers", str(r["optimizer"])),
                        study.label("schedules", str(r["schedule"])),
                        entry(float(r["x"])),
                        entry(float(r["y"])),
                        "yes" if r["front"] else "no",
                        f"{r['n_ok']}/{r['n']}",
                    )
                    for r in row_dicts(rows)
                ),
            )
        )
    return records


def _no_front(rows: pd.DataFrame, kind: str) -> str:
    """That there is no front, where there is none: of points with both coordinates some are on it else."""
    noisy = kind == "cost" and not rows["front"].any()
    return " No front is drawn, for the machine was noisy while steps were timed." if noisy else ""


def _reach(rows: pd.DataFrame, axis: str) -> tuple[float, float]:
    """From the least to the greatest of the points, intervals up to a factor of 3 past them."""
    points = drawable(rows[axis])
    ends = drawable(rows[[f"{axis}_low", f"{axis}_high"]].to_numpy(float).ravel())
    ends = ends[np.isfinite(ends) & (ends > 0)]
    every = np.concatenate([points, np.clip(ends, points.min() / 3, points.max() * 3)])
    return float(every.min()) / 1.05, float(every.max()) * 1.05
