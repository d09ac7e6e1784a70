"""The figures of the Workloads section: each workload's curves, final losses and targets reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optbench.report.figures.sections.convergence import draw_curves
from optbench.report.figures.sections.finals import draw_finals
from optbench.report.figures.sections.shares import draw_targets_reached

if TYPE_CHECKING:
    from optbench.report.figure import FigureRecord
    from optbench.report.figures.context import DrawingContext


def draw(context: DrawingContext) -> list[FigureRecord]:
    """The section's figures, in order: all of one workload before those of the next."""
    study, writer, summary, convergence = context.study, context.writer, context.summary, context.convergence
    records = []
    for workload in study.workloads:
        rows = convergence[(convergence["workload"] == workload) & (convergence["split"] == "validation")]
        records += draw_curves(study, writer, workload, rows)
        finals = summary[(summary["workload"] == workload) & (summary["metric"] == "final_val_loss")]
        if len(finals):
            records.append(draw_finals(study, writer, workload, finals, rows))
        records += draw_targets_reached(study, writer, context.figure_tables, workload)
    return records
