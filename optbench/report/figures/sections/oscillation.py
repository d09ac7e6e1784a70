"""The figures of the Oscillation section: whether consecutive steps go the same way or turn back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from optbench.report.figure import FigureRecord
from optbench.report.figures.axes import label_margin
from optbench.report.figures.backend.panels import FigureWriter
from optbench.report.figures.marks.intervals import draw_cosines
from optbench.report.figures.sections.tradeoffs import draw_tradeoffs
from optbench.report.study import StudyView, by_schedule
from optbench.report.words import in_words, interval_words

if TYPE_CHECKING:
    import pandas as pd

    from optbench.report.figures.context import DrawingContext

METRIC = "update_cosine"


def draw(context: DrawingContext) -> list[FigureRecord]:
    """The section's figures, in order."""
    study, writer = context.study, context.writer
    return [
        *draw_oscillation(study, writer, context.summary),
        *draw_tradeoffs(study, writer, context.figure_tables, "oscillation"),
    ]


def draw_oscillation(study: StudyView, writer: FigureWriter, summary: pd.DataFrame) -> list[FigureRecord]:
    """One figure a workload whose update cosine was summarized: a panel a schedule, a row an optimizer."""
    if METRIC not in study.runs:
        return []
    rows = summary[summary["metric"] == METRIC]
    rows = _with_baselines(study, rows)
    rows = rows[rows.groupby("workload")["estimate"].transform(lambda e: np.isfinite(e).any()).astype(bool)]
    return [
        _cosines(study, writer, workload, rows[rows["workload"] == workload])
        for workload in study.workloads
        if (rows["workload"] == workload).any()
    ]


def _with_baselines(study: StudyView, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with what momentum alone gives: the median over runs of the cosine less its excess."""
    runs = study.runs
    names = ["workload", "optimizer", "schedule"]
    alone = (runs[METRIC] - runs["update_cosine_excess"]).groupby([runs[name] for name in names]).median()
    return rows.assign(
        baseline=[alone.get(key, np.nan) for key in rows[names].itertuples(index=False, name=None)]
    )


def _cosines(study: StudyView, writer: FigureWriter, workload: str, rows: pd.DataFrame) -> FigureRecord:
    label = study.label("workloads", workload)
    labels = study.labels("optimizers")
    panels = []
    for schedule, here in by_schedule(study, rows, workload):
        title = study.label("schedules", schedule)
        said = [f"{labels[str(r['optimizer'])]} {in_words(float(r['estimate']))}" for _, r in here.iterrows()]
        panels.append(
            writer.add_panel(
                partial(draw_cosines, here, styles=study.styles, labels=labels, title=title),
                ("oscillation", workload, schedule),
                f"{label}, {title}: update cosine",
                "Median update cosine: " + ", ".join(said) + ".",
                height=84 + 20 * len(here),
                left=label_margin(labels.values()),
                right=44,
            )
        )
    coverage = rows["coverage"].to_list() if "coverage" in rows else []
    figure_id, pdf = writer.write_figure("oscillation", workload)
    return FigureRecord(
        id=figure_id,
        pdf=pdf,
        section="oscillation",
        workload=workload,
        title="Update cosine",
        caption=f"Markers: median over seeds. Bars: {interval_words(coverage, int(rows['n'].max()))}. "
        "Short bar: what the optimizer's momentum alone gives, where that is known. Dotted: 0, consecutive "
        "steps unrelated; at −1 each step reverses the one before, at +1 it "
        "repeats its direction. At the right: runs with status ok / runs planned.",
        panels=tuple(panels),
        columns=(),
        rows=(),
    )
