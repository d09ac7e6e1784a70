"""Figures of ratios: the heat map against the reference, and what schedules do to each optimizer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from optbench.report.figure import FigureRecord
from optbench.report.figures.axes import label_margin
from optbench.report.figures.backend.panels import FigureWriter
from optbench.report.figures.marks.heat import draw_heat, ratio_text
from optbench.report.figures.marks.intervals import ratio_range
from optbench.report.figures.marks.points import draw_schedule_effects
from optbench.report.study import FEW, StudyView, chunks
from optbench.report.tables import FigureTables, present, rows_of
from optbench.report.words import entry, in_words
from optbench.tables.rows import row_dicts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from optbench.report.figure import Panel, TableValue

COLUMN = 84
"""Width of a heat map's column in points."""

MOST_COLUMNS = 8
"""Columns that one heat map holds side by side."""


def draw_heat_maps(study: StudyView, writer: FigureWriter, found: FigureTables) -> list[FigureRecord]:
    """Final losses as multiples of the reference's, a panel a schedule; where there are many, a workload."""
    rows = rows_of(found.ratios, kind="reference")
    workloads = [w for w in study.workloads if len(rows) and (rows["workload"] == w).any()]
    if not workloads:
        return []
    is_reference = (rows["optimizer"] == rows["against_optimizer"]) & (
        rows["schedule"] == rows["against_schedule"]
    )
    rows = rows.assign(is_reference=is_reference)
    panels = [
        _heat_map(study, writer, drawn, rows=down, columns=across, panel=name)
        for name, down, across, drawn in _layout(study, rows, workloads)
    ]
    references = {
        (
            study.label("optimizers", str(r["against_optimizer"])),
            study.label("schedules", str(r["against_schedule"])),
        )
        for r in row_dicts(rows)
    }
    named = ", ".join(sorted(f"{o} under {s}" for o, s in references))
    left_out = [study.label("workloads", w) for w in study.workloads if w not in workloads]
    pairs = int(rows["pairs"].max())
    figure_id, pdf = writer.write_figure("ratios")
    return [
        FigureRecord(
            id=figure_id,
            pdf=pdf,
            section="across",
            workload="",
            title="Final loss against the reference",
            caption="Median over seeds of final validation loss / the reference's of the same seed "
            f"({named}); up to {pairs} pairs. Below 1 is lower than the reference. In brackets: the interval "
            "of the median, from order statistics, holds 1. The colour follows the logarithm. ∞: the typical "
            "run did not finish. 0: the reference's did not. Empty: not planned. Rows by their mean rank, "
            "the lowest losses first." + (f" Without a ratio: {', '.join(left_out)}." if left_out else ""),
            panels=tuple(panels),
            columns=("workload", "optimizer", "schedule", "ratio", "low", "high", "pairs"),
            rows=tuple(_ratio_entries(study, rows)),
        )
    ]


class Axis(NamedTuple):
    """A side of a heat map: the plural of what stands there, its column in the table, the names in order."""

    kind: str
    column: str
    names: list[str]


def _layout(
    study: StudyView, rows: pd.DataFrame, workloads: Sequence[str]
) -> Iterator[tuple[tuple[str, str], Axis, Axis, pd.DataFrame]]:
    """Each heat map: (kind, name) of what it is about, what stands down and across, its rows of the table.

    A map a schedule shows where an optimizer depends on the workload. Of many schedules there would be as
    many maps of a few squares each: there, each workload has one, schedules down and optimizers across.
    """
    optimizers, schedules = study.by_result("optimizers"), study.by_result("schedules")
    if len(schedules) <= FEW:
        for schedule in study.schedules:
            here = rows[rows["schedule"] == schedule]
            for columns in chunks(workloads, MOST_COLUMNS):
                drawn = here[here["workload"].isin(columns)]
                if names := present(optimizers, drawn):
                    down, across = (
                        Axis("optimizers", "optimizer", names),
                        Axis("workloads", "workload", columns),
                    )
                    yield ("schedules", schedule), down, across, drawn
        return
    for workload in workloads:
        here = rows[rows["workload"] == workload]
        for columns in chunks(present(optimizers, here), MOST_COLUMNS):
            drawn = here[here["optimizer"].isin(columns)]
            names = [name for name in schedules if (drawn["schedule"] == name).any()]
            down, across = Axis("schedules", "schedule", names), Axis("optimizers", "optimizer", columns)
            yield ("workloads", workload), down, across, drawn


def _heat_map(
    study: StudyView,
    writer: FigureWriter,
    drawn: pd.DataFrame,
    *,
    rows: Axis,
    columns: Axis,
    panel: tuple[str, str],
) -> Panel:
    labels, column_labels = study.labels(rows.kind), study.labels(columns.kind)
    margin = label_margin(labels.values()) + 13
    title = study.label(*panel)
    draw = partial(
        draw_heat, drawn, styles=study.styles if rows.kind == "optimizers" else {}, rows=rows.names,
        columns=columns.names, down=rows.column, across=columns.column, labels=labels,
        column_labels=column_labels, title=title,
    )  # fmt: skip
    said = "; ".join(
        f"{column_labels[name]}: " + ", ".join(
            f"{labels[str(r[rows.column])]} {ratio_text(float(r['estimate']))}"
            for r in row_dicts(drawn[drawn[columns.column] == name])
        )
        for name in columns.names
    )  # fmt: skip
    return writer.add_panel(
        draw,
        ("ratios", panel[1]),
        f"{title}: final validation loss as a multiple of the reference's",
        f"Each ratio stands in the table behind this figure. {said}.",
        width=margin + COLUMN * len(columns.names) + 8, height=62 + 26 * len(rows.names),
        left=margin, right=8, top=54, bottom=8,
    )  # fmt: skip


def _ratio_entries(study: StudyView, rows: pd.DataFrame) -> list[tuple[TableValue, ...]]:
    return [
        (
            study.label("workloads", str(r["workload"])),
            study.label("optimizers", str(r["optimizer"])),
            study.label("schedules", str(r["schedule"])),
            *(entry(float(v)) for v in (r["estimate"], r["low"], r["high"])),
            int(r["pairs"]),
        )
        for r in row_dicts(rows)
    ]


def draw_interaction(study: StudyView, writer: FigureWriter, found: FigureTables) -> list[FigureRecord]:
    """What each schedule does to each optimizer's loss, one panel a workload and schedule."""
    rows = rows_of(found.ratios, kind="schedule")
    rows = rows[np.isfinite(rows["estimate"].to_numpy(float)) & (rows["estimate"] > 0)] if len(rows) else rows
    if rows.empty:
        return []
    labels = study.labels("optimizers")
    key = ["workload", "schedule", "against_schedule"]
    rows = rows.assign(common=rows.groupby(key)["estimate"].transform("median"))
    panels = []
    for workload in study.workloads:
        limits = (
            ratio_range(rows_of(rows, workload=workload)) if (rows["workload"] == workload).any() else None
        )
        optimizers = study.by_result("optimizers", workload)
        for schedule in study.panels(workload):
            here = rows_of(rows, workload=workload, schedule=schedule)
            names = present(optimizers, here)
            if limits is None or not names:
                continue
            about = study.label("schedules", schedule)
            against = study.label("schedules", str(here["against_schedule"].iloc[0]))
            title = f"{study.label('workloads', workload)}: {about}"
            draw = partial(
                draw_schedule_effects, here, styles=study.styles, rows=names, limits=limits, labels=labels,
                x_label=f"final loss / under {against}", title=title,
            )  # fmt: skip
            said = ", ".join(
                f"{labels[str(r['optimizer'])]} {in_words(float(r['estimate']))}" for r in row_dicts(here)
            )
            panels.append(
                writer.add_panel(
                    draw, ("interaction", workload, schedule),
                    f"{title}: final validation loss as a multiple of that under {against}",
                    f"Ratios: {said}.",
                    height=84 + 20 * len(names), left=label_margin(labels.values()), right=20,
                )
            )  # fmt: skip
    if not panels:
        return []
    figure_id, pdf = writer.write_figure("interaction")
    return [
        FigureRecord(
            id=figure_id,
            pdf=pdf,
            section="schedules",
            workload="",
            title="What a schedule does to each optimizer",
            caption="Median over seeds of the final validation loss under a schedule / under the first one, "
            f"same optimizer and seed, up to {int(rows['pairs'].max())} pairs; bars: interval of that median "
            "from order statistics. Dotted: 1, no effect. Dashed: the median over the optimizers, the "
            "schedule's common effect; an optimizer whose bar leaves it out responds to the schedule in its "
            "own way (interaction).",
            panels=tuple(panels),
            columns=("workload", "optimizer", "schedule", "ratio", "low", "high", "pairs"),
            rows=tuple(_ratio_entries(study, rows)),
        )
    ]
