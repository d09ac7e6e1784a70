"""Drawing (layer 3): pure functions from tables to axes, and the plan that draws a study's figures.

`draw_*` functions read no file, compute no statistic and keep no global state; `optbench.figures.plan`
decides which of them a study needs and writes what they draw.
"""

from __future__ import annotations

from optbench.figures.compare import draw_cosines, draw_final_losses, draw_ratios, draw_slopes
from optbench.figures.convergence import draw_convergence
from optbench.figures.heat import draw_heat
from optbench.figures.learn import draw_average, draw_lr, draw_path, draw_velocity, velocities
from optbench.figures.points import draw_points, draw_rate_map, draw_schedule_effects
from optbench.figures.shares import draw_shares
from optbench.shown.study import thin
from optbench.shown.style import Style, assign_styles
from optbench.textbook.measure import average

__all__ = [
    "Style",
    "assign_styles",
    "average",
    "draw_average",
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
