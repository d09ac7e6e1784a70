"""The figures of the section across workloads: ratios to the reference, and the performance profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optbench.report.figures.sections.ratios import draw_heat_maps
from optbench.report.figures.sections.shares import draw_profile

if TYPE_CHECKING:
    from optbench.report.figure import FigureRecord
    from optbench.report.figures.context import DrawingContext


def draw(context: DrawingContext) -> list[FigureRecord]:
    """The section's figures, in order."""
    study, writer, evidence = context.study, context.writer, context.figure_tables
    return [*draw_heat_maps(study, writer, evidence), *draw_profile(study, writer, evidence)]
