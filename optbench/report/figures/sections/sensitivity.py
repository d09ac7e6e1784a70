"""The figures of the section on learning-rate sensitivity: loss over the grid, and what k trials find."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optbench.report.figure import FigureRecord, TableValue
from optbench.report.figures.axes import label_margin
from optbench.report.figures.backend.panels import FigureWriter
from optbench.report.figures.marks.grids import DEEPEST, draw_best_of_k, draw_sensitivity, shared_range
from optbench.report.study import StudyView, chunks
from optbench.report.tables import Tuned, present
from optbench.report.words import entry, in_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from optbench.report.figures.context import DrawingContext

SECTION = "sensitivity"


def draw(context: DrawingContext) -> list[FigureRecord]:
    """The section's figures, in order."""
    return draw_tuning(context.study, context.writer, context.tuned)


def draw_tuning(study: StudyView, writer: FigureWriter, tuned: Tuned | None) -> list[FigureRecord]:
    """Two figures a tuned workload, each of one panel a schedule: loss over the grid, expected best of k."""
    if tuned is None:
        return []
    records = []
    for workload in study.workloads:
        curves = _own_settings(tuned.curves[tuned.curves["workload"] == workload])
        if np.isfinite(curves["loss"].to_numpy(float)).any():
            records.append(_sensitivity(study, writer, workload, curves))
        expected = tuned.expected[tuned.expected["workload"] == workload]
        if len(expected):
            records.append(_best_of_k(study, writer, workload, expected))
    return records


def _own_settings(curves: pd.DataFrame) -> pd.DataFrame:
    """The candidates with the settings that their search chose: one curve a search."""
    chosen = curves[curves["selected"]].set_index(["optimizer", "schedule"])["settings"]
    keys = zip(curves["optimizer"], curves["schedule"], curves["settings"], strict=True)
    own = np.array([(o, s) in chosen.index and chosen[o, s] == settings for o, s, settings in keys], bool)
    return curves[own]


def _groups(study: StudyView, table: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Schedule, title and rows of every panel, the optimizers in the study's order."""
    for schedule in study.schedules:
        here = table[table["schedule"] == schedule]
        names = present(study.optimizers, here)
        groups = list(chunks(names))
        for part, group in enumerate(groups, start=1):
            rows = pd.concat([here[here["optimizer"] == name] for name in group])
            title = study.label("schedules", schedule)
            yield schedule, title + (f" ({part}/{len(groups)})" if len(groups) > 1 else ""), rows


def _sensitivity(study: StudyView, writer: FigureWriter, workload: str, curves: pd.DataFrame) -> FigureRecord:
    label, labels = study.label("workloads", workload), study.labels("optimizers")
    limits = shared_range(curves["loss"])
    lr_limits = float(curves["lr"].min()), float(curves["lr"].max())
    panels = []
    for schedule, title, rows in _groups(study, curves):
        draw = partial(
            draw_sensitivity, rows, styles=study.styles, labels=labels, limits=limits, lr_limits=lr_limits,
            title=title,
        )  # fmt: skip
        chosen = rows[rows["selected"]]
        said = [
            f"{labels[str(r['optimizer'])]} at {in_words(float(r['lr']))} "
            f"with loss {in_words(float(r['loss']))}"
            for _, r in chosen.iterrows()
        ]
        panels.append(
            writer.add_panel(
                draw,
                (SECTION, workload, schedule),
                f"{label}, {title}: final validation loss against the learning rate",
                "Lowest: " + ", ".join(said) + ".",
                right=label_margin(labels[str(name)] for name in rows["optimizer"].unique()),
            )
        )
    n = int(curves["n"].max())
    deep = limits is not None and (curves["loss"] < DEEPEST * limits[1]).any()
    figure_id, pdf = writer.write_figure(SECTION, workload)
    return FigureRecord(
        id=figure_id,
        pdf=pdf,
        section=SECTION,
        workload=workload,
        title="Loss against the learning rate",
        caption=f"Lines: mean over {n} tuning seed{'' if n == 1 else 's'} of the final validation loss, "
        "or of the loss before the first step where a trial ended above it, diverged or failed. Marker: the "
        "rate chosen. Crosses at the top: rates at which a trial diverged or failed, a row an optimizer. The "
        "axes are "
        + ("logarithmic" if limits is not None else "linear and logarithmic")
        + " and shared by the panels"
        + ("; losses below 10⁻¹⁰ of the highest are drawn at the bottom." if deep else "."),
        panels=tuple(panels),
        columns=("optimizer", "schedule", "lr", "settings", "loss", "ended ok", "chosen"),
        rows=tuple(
            (
                labels[str(r["optimizer"])],
                study.label("schedules", str(r["schedule"])),
                entry(float(r["lr"])),
                str(r["settings"]) or None,
                entry(float(r["loss"])),
                f"{int(r['n_ok'])}/{int(r['n'])}",
                "chosen" if r["selected"] else None,
            )
            for _, r in curves.iterrows()
        ),
    )


def _best_of_k(study: StudyView, writer: FigureWriter, workload: str, expected: pd.DataFrame) -> FigureRecord:
    label, labels = study.label("workloads", workload), study.labels("optimizers")
    limits = shared_range(expected["expected_loss"])
    panels = []
    for schedule, title, rows in _groups(study, expected):
        one = rows[rows["k"] == 1]
        said = [
            f"{labels[str(r['optimizer'])]} {in_words(float(r['expected_loss']))}" for _, r in one.iterrows()
        ]
        panels.append(
            writer.add_panel(
                partial(draw_best_of_k, rows, styles=study.styles, labels=labels, limits=limits, title=title),
                ("trials", workload, schedule),
                f"{label}, {title}: expected best loss against the number of trials",
                "With one trial: " + ", ".join(said) + ".",
                right=label_margin(labels[str(name)] for name in rows["optimizer"].unique()),
            )
        )
    figure_id, pdf = writer.write_figure("trials", workload)
    most = int(expected["k"].max())
    shown = sorted({k for k in (1, 2, 3, 5, 8, 13, 21, most) if k <= most})
    return FigureRecord(
        id=figure_id,
        pdf=pdf,
        section=SECTION,
        workload=workload,
        title="What k trials find",
        caption="Lines: the expected lowest loss of k learning rates drawn at random, without replacement, "
        "from the study's first grid, the same for every optimizer. A line that is low at the left needs "
        "little tuning; lines that cross mean that the better optimizer depends on the trials at hand.",
        panels=tuple(panels),
        columns=("optimizer", "schedule", *(f"k = {k}" for k in shown)),
        rows=tuple(
            (
                labels[str(rows["optimizer"].iloc[0])],
                study.label("schedules", str(rows["schedule"].iloc[0])),
                *(_at(rows, k) for k in shown),
            )
            for _, rows in expected.groupby(["optimizer", "schedule"], sort=False)
        ),
    )


def _at(rows: pd.DataFrame, k: int) -> TableValue:
    found = rows.loc[rows["k"] == k, "expected_loss"]
    return entry(float(found.iloc[0])) if len(found) else None
