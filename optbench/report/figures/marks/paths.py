"""The teaching figures: paths over contours, velocities, the moving average of a noisy signal, schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from optbench.core.words import listing
from optbench.report.figures.axes import label_lines, style_axes
from optbench.report.figures.marks.series import Series, draw_series, look
from optbench.report.figures.scales import drawable, linear_ticks
from optbench.report.palette import LIGHT
from optbench.theory.textbook.measure import average, textbook_signal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

    from optbench.catalogue.workloads.landscapes import Landscape
    from optbench.report.palette import Style

FAR: Final = 1e9
"""Widths of the view beyond which a path goes on in place; matplotlib cuts lines by products of places."""

MOST_OF_A_RUN: Final = 0.97
"""Share of a run whose velocities the axis shows: a spike may leave it."""

WILD: Final = 10
"""Times the median optimizer's speed beyond which the axis of velocities does not follow one."""

MARKERS_UP_TO: Final = 120
"""Points of a path that get a dot each; a longer one is a line."""


def velocities(path: pd.DataFrame, lr: float) -> pd.DataFrame:
    """Return step, coordinate, velocity with `v_t = (w_{t-1} - w_t) / lr`, the mean over wider gaps.

    Args:
        path: step, coordinate, value of one cell, any order.
        lr: the cell's learning rate (> 0).
    """
    parts = []
    for coordinate, rows in path.groupby("coordinate", sort=False):
        ordered = rows.sort_values("step")
        step, value = ordered["step"].to_numpy(), ordered["value"].to_numpy(float)
        with np.errstate(all="ignore"):  # a run that jumps from one end of the floats to the other
            velocity = -np.diff(value) / (np.diff(step) * lr)
        parts.append(pd.DataFrame({"step": step[1:], "coordinate": coordinate, "velocity": velocity}))
    if not parts:
        return pd.DataFrame({"step": [], "coordinate": [], "velocity": []})
    return pd.concat(parts, ignore_index=True)


def draw_average(
    ax: Axes, beta: float = 0.9, *, others: tuple[float, ...] = (), color: str = LIGHT["hue-1"]
) -> None:
    """Draw the textbook's raw points and their exponentially weighted average.

    Args:
        ax: where to draw.
        beta: the weight of the past, in [0, 1), drawn in `color`.
        others: further weights, drawn in grey dashes for comparison.
        color: of the main curve.
    """
    signal = textbook_signal()
    t = np.arange(len(signal))
    ax.plot(t, signal, "o", color=LIGHT["muted"], markersize=4, label="raw points", gid="raw")
    ends = []
    drawn = []
    for index, other in enumerate(others):
        smooth = average(other, signal)
        dashes = ((4.0, 1.6), (1.4, 1.4), (6.0, 1.6, 1.4, 1.6))[index % 3]
        plain = {"color": LIGHT["muted"], "linestyle": (0, dashes), "linewidth": 1.4}
        drawn.append(Series(f"b = {other:g}", t, smooth, plain))
        ends.append((f"b = {other:g}", float(smooth[-1]), LIGHT["muted"], 900 + index))
    smooth = average(beta, signal)
    drawn.append(Series(f"b = {beta:g}", t, smooth, {"color": color, "linewidth": 2}))
    draw_series(ax, drawn)
    ends.append((f"b = {beta:g}", float(smooth[-1]), color, 999))
    shown = listing([f"{b:g}" for b in sorted((beta, *others))], 1 + len(others))
    ax.set_xlim(-0.5, len(signal) - 0.5)
    ax.set_ylim(0, 42)
    linear_ticks(ax, "x", 6)
    linear_ticks(ax, "y", 5)
    style_axes(ax, x_label="t", y_label="value", title=f"s = b·s + (1 − b)·y with b = {shown}")
    label_lines(ax, ends)


def draw_path(
    table: pd.DataFrame, ax: Axes, styles: Mapping[str, Style], landscape: Landscape, *, title: str = ""
) -> None:
    """Draw trajectories over the contours of a surface, or as points on the curve of a one-variable one.

    Args:
        table: optimizer, step and one column a coordinate, in the landscape's order; points outside the
            view are cut off, not moved.
        ax: where to draw.
        styles: one style an optimizer of the table.
        landscape: the surface, its view and its minima.
        title: the panel's name.
    """
    coordinates = [column for column in table.columns if column not in ("optimizer", "step")]
    flat = len(landscape.view) == 1
    (x_low, x_high), *rest = landscape.view
    if flat:
        grid = np.linspace(x_low, x_high, 121)
        height = np.asarray(landscape.function(grid), dtype=float)
        ax.plot(grid, height, color=LIGHT["contour"], linewidth=1.4, label="_surface")
        low, high = float(height.min()), float(height.max())
        ax.set_ylim(low - 0.06 * (high - low), high)
    else:
        _draw_contours(ax, landscape)
        ax.set_ylim(*rest[0])
    ax.set_xlim(x_low, x_high)
    for minimum in landscape.minima:
        place = (minimum[0], float(landscape.function(*minimum)) if flat else minimum[1])
        ax.plot(*place, marker="*", color=LIGHT["ink"], markersize=9, linestyle="none", label="_minimum")
    drawn = []
    for name, rows in table.groupby("optimizer", sort=False):
        style = styles[str(name)]
        ordered = rows.sort_values("step")
        points: list[Any] = [
            np.clip(ordered[column].to_numpy(float), *_around(view))
            for column, view in zip(coordinates, landscape.view, strict=False)
        ]
        x, y = (points[0], np.asarray(landscape.function(points[0]), dtype=float)) if flat else points[:2]
        marked = {"linestyle": "-", "marker": "o" if len(ordered) <= MARKERS_UP_TO else "None"}
        drawn.append(Series(str(name), x, y, {**look(style, "path"), **marked}))
        ax.plot(
            x[:1], y[:1], marker="s", color=style.color, markersize=6, linestyle="none",
            label=f"_start {name}", gid=f"series{style.index}-start",
        )  # fmt: skip
    draw_series(ax, drawn, linewidth=1.4, markersize=3)
    linear_ticks(ax, "x")
    linear_ticks(ax, "y", 4)
    style_axes(
        ax,
        x_label=coordinates[0] if coordinates else "",
        y_label="loss" if flat else (coordinates[1] if len(coordinates) > 1 else ""),
        title=title,
        grid="none",
    )


def _around(view: tuple[float, float]) -> tuple[float, float]:
    """Between what a path is drawn: so far outside the view that no line seen in it is turned."""
    low, high = view
    return low - FAR * (high - low), high + FAR * (high - low)


def _draw_contours(ax: Axes, landscape: Landscape) -> None:
    """Draw ten contours, denser towards the least value (square-root spacing of the heights)."""
    (x_low, x_high), (y_low, y_high) = landscape.view
    x, y = np.meshgrid(np.linspace(x_low, x_high, 70), np.linspace(y_low, y_high, 70))
    z = np.asarray(landscape.function(x, y), dtype=float)
    low, high = float(z.min()), float(np.quantile(z, 0.98))
    levels = low + (high - low) * np.linspace(0.06, 1, 10) ** 2
    ax.contour(x, y, z, levels=levels, colors=LIGHT["contour"], linewidths=0.9)


def draw_velocity(
    table: pd.DataFrame,
    ax: Axes,
    styles: Mapping[str, Style],
    *,
    labels: Mapping[str, str] | None = None,
    title: str = "",
    y_label: str = "velocity",
) -> None:
    """Draw velocity against iteration, one line an optimizer, for one coordinate.

    Args:
        table: optimizer, step, velocity.
        ax: where to draw.
        styles: one style an optimizer of the table.
        labels: what to call them; the names themselves otherwise.
        title: the panel's name.
        y_label: the y axis' name.
    """
    labels = labels or {}
    ends = []
    drawn = []
    ax.axhline(0, color=LIGHT["muted"], linewidth=0.8, label="_zero")
    for name, rows in table.groupby("optimizer", sort=False):
        style = styles[str(name)]
        ordered = rows.sort_values("step")
        step, velocity = ordered["step"].to_numpy(), ordered["velocity"].to_numpy(float)
        drawn.append(Series(str(name), step, velocity, look(style, "velocity")))
        finite = velocity[np.isfinite(velocity)]
        end = float(finite[-1]) if finite.size else 0.0
        ends.append((labels.get(str(name), str(name)), end, style.color, style.index))
    draw_series(ax, drawn, linewidth=1.5)
    speeds = table["velocity"].abs().where(np.isfinite(table["velocity"].to_numpy(float)))
    most = drawable(speeds.groupby(table["optimizer"]).quantile(MOST_OF_A_RUN).dropna())
    if most.size:
        # One wild run must not flatten the rest: it leaves the panel.
        reach = float(most[most <= WILD * np.median(most)].max()) * 1.1
        ax.set_ylim(-max(reach, 1e-12), max(reach, 1e-12))
    last = float(table["step"].max()) if len(table) else 1.0
    ax.set_xlim(0, last if last > 0 else 1)
    linear_ticks(ax, "x", 4)
    linear_ticks(ax, "y")
    style_axes(ax, x_label="iteration", y_label=y_label, title=title)
    label_lines(ax, ends)


def draw_lr(table: pd.DataFrame, ax: Axes, *, title: str = "", color: str = LIGHT["ink"]) -> None:
    """Draw a learning rate over the budget, as a share of the cell's own, one thin line a distinct course.

    Args:
        table: course (a name or number), step, share.
        ax: where to draw.
        title: the panel's name.
        color: of all lines.
    """
    drawn = []
    for course, rows in table.groupby("course", sort=False):
        ordered = rows.sort_values("step")
        step, share = ordered["step"].to_numpy(float), ordered["share"].to_numpy(float)
        drawn.append(Series(str(course), step, share, {"color": color}))
    draw_series(ax, drawn, linewidth=1.6)
    top = float(drawable(table["share"]).max()) if len(table) else 1.0
    ax.set_ylim(0, 1.08 * max(top, 1.0))
    last = float(table["step"].max()) if len(table) else 1.0
    ax.set_xlim(0, last if last > 0 else 1)
    linear_ticks(ax, "x", 3)
    linear_ticks(ax, "y", 4)
    style_axes(ax, x_label="optimizer steps", y_label="share of lr", title=title)
