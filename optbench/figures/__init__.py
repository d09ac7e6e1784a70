"""Drawing one's own figures as the page draws them (public names of `report/figures/`).

These functions draw on the axes that they are given; they read no file, compute no statistic and keep no
state.
"""

from __future__ import annotations

from optbench.report.figures.marks.curves import draw_convergence
from optbench.report.figures.marks.heat import draw_heat
from optbench.report.figures.marks.intervals import (
    draw_by_schedule,
    draw_cosines,
    draw_final_losses,
    draw_ratios,
    draw_slopes,
)
from optbench.report.figures.marks.paths import draw_average, draw_lr, draw_path, draw_velocity, velocities
from optbench.report.figures.marks.points import draw_points, draw_rate_map, draw_schedule_effects
from optbench.report.figures.marks.shares import draw_shares
from optbench.report.palette import Style, assign_styles
from optbench.report.study import thin
from optbench.theory.textbook.measure import average

__all__ = [
    "Style",
    "assign_styles",
    "average",
    "draw_average",
    "draw_by_schedule",
    "draw_convergence",
    "draw_cosines",
    "draw_final_losses",
    "draw_heat",
    "draw_lr",
    "draw_path",
    "draw_points",
    "draw_rate_map",
    "draw_ratios",
    "draw_schedule_effects",
    "draw_shares",
    "draw_slopes",
    "draw_velocity",
    "thin",
    "velocities",
]
