"""The figures of the Learn section, which look at single runs instead of medians."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optbench.core.words import number
from optbench.report.figure import FigureRecord, Panel
from optbench.report.figures.axes import label_margin
from optbench.report.figures.backend.panels import FigureWriter
from optbench.report.figures.marks.paths import draw_average, draw_path, draw_velocity, velocities
from optbench.report.figures.sections.lesson import draw_lesson
from optbench.report.figures.sections.oracle import draw_oracle
from optbench.report.figures.sections.rates import draw_rates
from optbench.report.figures.sections.textbook import draw_textbook
from optbench.report.study import StudyView, chunks, first_runs, thin
from optbench.report.tables import present
from optbench.report.words import entry
from optbench.tables.curves import read_curves
from optbench.theory.textbook.evidence import read_tables
from optbench.theory.textbook.measure import average, textbook_signal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from optbench.catalogue.workloads.landscapes import Landscape
    from optbench.report.figures.context import DrawingContext

PATHS = 12
"""Paths drawn a workload; a caption names the optimizers left out."""

VELOCITIES = 200
"""Evaluations that a velocity plot shows, from the start."""

PATH_POINTS = 200


def draw(context: DrawingContext) -> list[FigureRecord]:
    """The section's figures, in order."""
    study, writer, tables = context.study, context.writer, context.tables
    return [
        *draw_lesson(writer),
        *draw_rates(study, writer, context.figure_tables.rates),
        *draw_oracle(study, writer, tables / "oracle.parquet"),
        *draw_learning(study, writer, context.curves, context.landscapes),
        *draw_textbook(writer, read_tables(tables)),
    ]


def _shown_schedule(study: StudyView, workload: str) -> str:
    """The schedule to teach with: the first constant one, or the first."""
    runs = study.runs
    names = [
        name for name in study.schedules
        if ((runs["workload"] == workload) & (runs["schedule"] == name)).any()
    ]  # fmt: skip
    constant = [
        name for name in names
        if (study.facts.get("schedules") or {}).get(name) and not study.fact("schedules", name, "factory")
    ]  # fmt: skip
    return (constant or names)[0]


def draw_learning(
    study: StudyView, writer: FigureWriter, curves: Path, landscapes: Mapping[str, Landscape]
) -> list[FigureRecord]:
    """Paths and velocities of the workloads that have a surface, and the moving average."""
    records = []
    for workload in study.workloads:
        landscape = landscapes.get(str(study.fact("workloads", workload, "landscape") or ""))
        if landscape is None:
            continue
        schedule = _shown_schedule(study, workload)
        runs = first_runs(study, workload, schedule)
        rows = read_curves(curves, split=["weights"], cell=set(runs["cell"]))
        rows = rows[np.isfinite(rows["value"].to_numpy(float))].astype({"cell": str, "metric": str})
        rows = rows.rename(columns={"metric": "coordinate"})
        known = study.fact("workloads", workload, "coordinates")
        coordinates = [str(c) for c in known or sorted(rows["coordinate"].unique())][: len(landscape.view)]
        if rows.empty or not set(coordinates) <= set(rows["coordinate"]):
            continue
        rows = rows.merge(runs[["cell", "optimizer", "lr"]], on="cell")
        about = (
            f"First seed, schedule {study.label('schedules', schedule)}; "
            f"loss {landscape.formula}, learning rates in the cell list."
        )
        records.append(
            _paths(study, writer, workload, rows, landscape=landscape, coordinates=coordinates, about=about)
        )
        records.append(_velocities(study, writer, workload, rows, coordinates=coordinates, about=about))
    return [*records, _averages(writer)]


def _paths(
    study: StudyView,
    writer: FigureWriter,
    workload: str,
    rows: pd.DataFrame,
    *,
    landscape: Landscape,
    coordinates: list[str],
    about: str,
) -> FigureRecord:
    names = present(study.optimizers, rows)
    panels: list[Panel] = []
    ends = []
    for name in names:
        own = rows[rows["optimizer"] == name]
        path = own.pivot_table(index="step", columns="coordinate", values="value")[coordinates]
        path = path.dropna().reset_index().assign(optimizer=name)
        last = path.iloc[-1]
        ends.append(
            (
                study.label("optimizers", name),
                int(last["step"]),
                *(entry(float(last[c])) for c in coordinates),
            )
        )
        if len(panels) == PATHS:
            continue
        path = path[path["step"].isin(thin([int(s) for s in path["step"]], PATH_POINTS))]
        title = study.label("optimizers", name)
        where = ", ".join(f"{c} = {number(float(last[c]))}" for c in coordinates)
        panels.append(
            writer.add_panel(
                partial(draw_path, path, styles=study.styles, landscape=landscape, title=title),
                ("path", workload, name),
                f"{landscape.label}: path of {title}",
                f"The path starts at {landscape.start} and ends after {int(last['step'])} steps at {where}.",
                height=220,
            )
        )
    surface = "contours of the loss" if len(landscape.view) > 1 else "the curve of the loss"
    left_out = [study.label("optimizers", name) for name in names[PATHS:]]
    figure_id, pdf = writer.write_figure("path", workload)
    return FigureRecord(
        id=figure_id,
        pdf=pdf,
        section="learn",
        workload=workload,
        title=f"{study.label('workloads', workload)}: paths over the loss",
        caption=f"Each path over {surface}, a square where it starts, a star at each minimum. {about}"
        + (f" Not drawn, but in the table: {', '.join(left_out)}." if left_out else ""),
        panels=tuple(panels),
        columns=("optimizer", "last step", *coordinates),
        rows=tuple(ends),
    )


def _velocities(
    study: StudyView,
    writer: FigureWriter,
    workload: str,
    rows: pd.DataFrame,
    *,
    coordinates: list[str],
    about: str,
) -> FigureRecord:
    names = present(study.optimizers, rows)
    parts = [
        velocities(rows[rows["optimizer"] == name], float(rows[rows["optimizer"] == name]["lr"].iloc[0]))
        .groupby("coordinate", sort=False)
        .head(VELOCITIES)
        .assign(optimizer=name)
        for name in names
    ]
    table = pd.concat(parts, ignore_index=True)
    panels = []
    for coordinate in coordinates:
        here = table[table["coordinate"] == coordinate]
        for group in chunks(names, 4):
            title = f"{coordinate}-velocity"
            draw = partial(
                draw_velocity, here[here["optimizer"].isin(group)], styles=study.styles,
                labels=study.labels("optimizers"), title=title,
            )  # fmt: skip
            turns = [
                f"{study.label('optimizers', name)} {_reversals(here[here['optimizer'] == name])}"
                for name in group
            ]
            panels.append(
                writer.add_panel(
                    draw,
                    ("velocity", workload, coordinate),
                    f"{study.label('workloads', workload)}: {title} against iteration",
                    "Changes of sign: " + ", ".join(turns) + ".",
                    right=label_margin(study.labels("optimizers").values()),
                )
            )
    behind = [
        (
            study.label("optimizers", str(name)),
            str(coordinate),
            len(part),
            _reversals(part),
            entry(float(np.abs(part["velocity"]).max())),
        )
        for (name, coordinate), part in table.groupby(["optimizer", "coordinate"], sort=False)
        if str(coordinate) in coordinates
    ]
    gaps = rows.groupby(["cell", "coordinate"])["step"].apply(lambda s: s.sort_values().diff().max()).max()
    between = "" if not gaps > 1 else f" Weights are recorded every {int(gaps)} steps: means over that many."
    figure_id, pdf = writer.write_figure("velocity", workload)
    return FigureRecord(
        id=figure_id,
        pdf=pdf,
        section="learn",
        workload=workload,
        title=f"{study.label('workloads', workload)}: velocity against iteration",
        caption=f"Velocity of a coordinate, v_t = (w_(t−1) − w_t) / lr: where it keeps its sign, momentum "
        f"accumulates; where the sign alternates, steps cancel. A line that leaves the panel is ten times "
        f"as fast as most; the table has its largest speed.{between} {about}",
        panels=tuple(panels),
        columns=("optimizer", "coordinate", "iterations", "changes of sign", "largest speed"),
        rows=tuple(behind),
    )


def _reversals(rows: pd.DataFrame) -> int:
    signs = np.sign(rows.sort_values("step")["velocity"].to_numpy(float))
    return int((signs[1:] * signs[:-1] < 0).sum())


def _averages(writer: FigureWriter) -> FigureRecord:
    signal = textbook_signal()
    panels: list[Panel] = []
    compared_with: tuple[tuple[float, ...], ...] = ((), (0.5, 0.98))
    beta = 0.9
    for others in compared_with:
        compared = f" beside {' and '.join(f'b = {b:g}' for b in others)}" if others else ""
        panels.append(
            writer.add_panel(
                partial(draw_average, beta=beta, others=others),
                ("average", f"{len(panels) + 1}"),
                f"Exponentially weighted average with b = {beta:g}{compared}",
                f"30 raw points from {signal.min():g} to {signal.max():g}; the curve for b = {beta:g} ends "
                f"at {number(float(average(beta, signal)[-1]))}.",
                right=70,
            )
        )
    betas = (0.5, 0.9, 0.98)
    rows = [
        (t, int(y), *(round(float(average(b, signal)[t]), 6) for b in betas)) for t, y in enumerate(signal)
    ]
    steps = [float(np.abs(np.diff(average(b, signal))).mean()) for b in betas]
    said = ", ".join(f"{number(step, 3)} at b = {b:g}" for b, step in zip(betas, steps, strict=True))
    figure_id, pdf = writer.write_figure("average")
    return FigureRecord(
        id=figure_id,
        pdf=pdf,
        section="learn",
        workload="",
        title="The exponentially weighted average",
        caption="What momentum is made of, computed exactly, with no training: s₀ = y₀ and "
        "s_t = b·s_(t−1) + (1 − b)·y_t over 30 whole numbers (numpy's legacy generator, seed 666, "
        "randint(5, 40, 30)). The larger b, the smoother the curve and the later it follows: its mean "
        f"change from point to point is {said}.",
        panels=tuple(panels),
        columns=("t", "y", *(f"s at b = {b:g}" for b in betas)),
        rows=tuple(rows),
    )
