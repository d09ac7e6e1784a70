"""Plain lines with their names at the right, for figures whose lines are not a study's optimizers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from optbench.report.figures.axes import label_lines, style_axes
from optbench.report.figures.marks.series import Series, draw_series
from optbench.report.figures.scales import linear_scale, linear_ticks, log_scale
from optbench.report.palette import HUES, LIGHT, MARKERS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

FIRST_INDEX: Final = 900
"""Series of these figures count from here, so that the page's legend of optimizers never means them."""

MARKED_UP_TO: Final = 12
"""Points of a line that get a marker each."""

AxisScale = Literal["linear", "log"]


def draw_lines(
    table: pd.DataFrame,
    ax: Axes,
    *,
    x_label: str,
    y_label: str,
    title: str = "",
    x_scale: AxisScale = "linear",
    y_scale: AxisScale = "log",
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw one line a name, hues in the order of the table, labelled at its end where there are several.

    Args:
        table: line (a name), x, y; with columns low and high each point gets a bar. What is not finite, and
            on a logarithmic axis what is not positive, is a gap.
        ax: where to draw.
        x_label: the x axis' name.
        y_label: the y axis' name.
        title: the panel's name.
        x_scale: of the x axis.
        y_scale: of the y axis.
        limits: of the y axis, shared by panels that stand beside each other; from the values otherwise.
    """
    shown = table[np.isfinite(table["y"].to_numpy(float))]
    for axis, scale in (("x", x_scale), ("y", y_scale)):
        if scale == "log":
            shown = shown[shown[axis] > 0]
    if shown.empty:
        limits = limits or (0.1, 1.0)
    low, high = limits or (float(shown["y"].min()), float(shown["y"].max()))
    ends = []
    drawn = []
    for index, (name, rows) in enumerate(table.groupby("line", sort=False)):
        color = LIGHT[f"hue-{index % HUES}"]
        here = shown[shown["line"] == name].sort_values("x")
        if here.empty:
            continue
        x, y = here["x"].to_numpy(float), here["y"].to_numpy(float)
        if {"low", "high"} <= set(rows.columns):
            known = np.isfinite(here[["low", "high"]].to_numpy(float)).all(axis=1)
            ax.vlines(x[known], here["low"][known], here["high"][known], color=color, linewidth=1.4)
        marker = MARKERS[index % HUES] if len(here) <= MARKED_UP_TO else "None"
        drawn.append(Series(str(name), x, y, {"color": color, "marker": marker}))
        ends.append((str(name), float(y[-1]), color, FIRST_INDEX + index))
    draw_series(ax, drawn, linewidth=1.5, markersize=4.5)
    if y_scale == "log":
        log_scale(ax, "y", low, high)
    else:
        linear_scale(ax, "y", low, high, pad=0.05)
    if x_scale == "log":
        if not shown.empty:
            log_scale(ax, "x", float(shown["x"].min()), float(shown["x"].max()))
    else:
        ax.set_xlim(0, max(float(table["x"].max()), 1.0) if len(table) else 1.0)
        linear_ticks(ax, "x", 4)
    style_axes(ax, x_label=x_label, y_label=y_label, title=title)
    if len(ends) > 1:
        label_lines(ax, ends)
