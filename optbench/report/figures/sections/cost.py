"""The figure of the Cost section: how long a step takes, in steps of the reference."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from optbench.core.words import MOST_NAMES, listing
from optbench.report.figure import FigureRecord
from optbench.report.figures.axes import label_margin, shorten
from optbench.report.figures.backend.panels import FigureWriter
from optbench.report.figures.marks.intervals import draw_ratios, ratio_range
from optbench.report.figures.sections.shares import draw_survival_curves
from optbench.report.figures.sections.tradeoffs import draw_tradeoffs
from optbench.report.study import StudyView
from optbench.report.words import entry, in_words
from optbench.tables.step_times import is_quiet

if TYPE_CHECKING:
    from optbench.report.figures.context import DrawingContext


FEW_ROUNDS: Final = 6
"""With fewer an interval from order statistics is the range, and covers less than 95%."""


def draw(context: DrawingContext) -> list[FigureRecord]:
    """The section's figures, in order."""
    study, writer = context.study, context.writer
    return [
        *draw_cost(study, writer, context.timing),
        *draw_survival_curves(study, writer, context.figure_tables, _noisy(context.timing)),
        *draw_tradeoffs(study, writer, context.figure_tables, "cost"),
    ]


def ratios(timing: pd.DataFrame) -> pd.DataFrame:
    """Return the timing table with its ratio as estimate, low and high; none where the machine was noisy."""
    ends = {"ratio_to_sgd": "estimate", "ratio_low": "low", "ratio_high": "high"}
    table = timing.rename(columns=ends)
    return table.assign(**{name: table[name].where(is_quiet(table)) for name in ends.values()})


def _noisy(timing: pd.DataFrame | None) -> list[str]:
    """The workloads of which a step was timed on a noisy machine."""
    if timing is None:
        return []
    loud = ~is_quiet(timing) & np.isfinite(timing["step_time_us"].to_numpy(float))
    return [str(name) for name in timing.loc[loud, "workload"].unique()]


def draw_cost(study: StudyView, writer: FigureWriter, timing: pd.DataFrame | None) -> list[FigureRecord]:
    """One panel a workload: the ratio of each optimizer's step time to the reference's, on one axis.

    What was timed on a noisy machine has no ratio here.
    """
    if timing is None:
        return []
    table = ratios(timing)
    known = table.groupby("workload")["estimate"].transform(lambda r: np.isfinite(r).any())
    table = table[known.astype(bool)]
    if table.empty:
        return []
    limits = ratio_range(table)
    labels = study.labels("optimizers")
    panels = []
    for name, here in table.groupby("workload", sort=False):
        label = study.label("workloads", str(name))
        said = [
            f"{labels[str(r['optimizer'])]} {in_words(float(r['estimate']))}"
            + (
                f" ({in_words(float(r['low']))} to {in_words(float(r['high']))})"
                if r["low"] < r["high"]
                else ""
            )
            for _, r in here.iterrows()
        ]
        panels.append(
            writer.add_panel(
                partial(
                    draw_ratios,
                    here,
                    styles=study.styles,
                    labels=labels,
                    limits=limits,
                    title=shorten(label, 35),
                ),
                ("cost", str(name)),
                f"{label}: step time as a multiple of the reference's",
                "Ratio of step time to the reference, with its interval: " + ", ".join(said) + ".",
                height=84 + 20 * len(here),
                left=label_margin(labels.values()),
                right=20,
            )
        )
    rounds = table.loc[np.isfinite(table["estimate"]), "rounds"].astype(int)
    n = f"{rounds.min()}" if rounds.min() == rounds.max() else f"{rounds.min()} to {rounds.max()}"
    named = [
        study.label("optimizers", str(name)) for name in table["reference"].unique() if name in study.styles
    ]
    withheld = listing([study.label("workloads", name) for name in _noisy(timing)], MOST_NAMES)
    figure_id, pdf = writer.write_figure("cost")
    return [
        FigureRecord(
            id=figure_id,
            pdf=pdf,
            section="cost",
            workload="",
            title="Step time against the reference",
            caption=f"Markers: median of the ratio of step time to the reference ({', '.join(named)}), "
            f"over {n} rounds in which every optimizer ran one block of steps on the same batches. "
            "Bars: 95% interval of that median from order statistics, the rounds taken as pairs"
            + (
                f"; with fewer than {FEW_ROUNDS} rounds it is the range and covers less"
                if rounds.min() < FEW_ROUNDS
                else ""
            )
            + ". Dotted: 1, the reference itself. Logarithmic axis, shared by the panels."
            + (f" Ratios are withheld where the machine was noisy: {withheld}." if withheld else ""),
            panels=tuple(panels),
            columns=(
                "workload",
                "optimizer",
                "ratio of step times (×)",
                "low (×)",
                "high (×)",
                "rounds",
            ),
            rows=tuple(
                (
                    study.label("workloads", str(r["workload"])),
                    labels[str(r["optimizer"])],
                    *(entry(float(r[c])) for c in ("estimate", "low", "high")),
                    int(r["rounds"]),
                )
                for _, r in table.iterrows()
            ),
        )
    ]
