"""The figures of the section across workloads: ratios to the reference, and the performance profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optbench.figures.plan_ratios import draw_heat_maps
from optbench.figures.plan_shares import draw_profile

if TYPE_CHECKING:
    from optbench.figures.context import DrawingContext
    from optbench.shown.record import FigureRecord


def draw(context: DrawingContext) -> list[FigureRecord]:
    """The section's figures, in order."""
    study, easel, evidence = context.study, context.easel, context.evidence
    return [*draw_heat_maps(study, easel, evidence), *draw_profile(study, easel, evidence)]
