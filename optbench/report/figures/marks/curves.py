"""Loss against steps: the median over seeds with the interval of the median as a band."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optbench.report.figures.axes import label_lines, style_axes
from optbench.report.figures.marks.series import Series, draw_band, draw_series, look
from optbench.report.figures.scales import FARTHEST, NEAREST, drawable, linear_scale, linear_ticks, log_scale
from optbench.report.palette import LIGHT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from optbench.report.palette import Style

FAR = 1000.0
"""Heights of a linear axis above and below it at which a band ends that goes on."""

FAR_FACTOR = 1e100
"""The same for a logarithmic one, as a factor."""

HEADROOM = 10.0
"""A curve may rise to this many times the highest first value before it leaves the panel."""


def loss_range(table: pd.DataFrame) -> tuple[float, float] | None:
    """Return (low, high) for a logarithmic axis over the medians of `table`, or None for a linear one.

    None where a median is negative or nothing is positive. The highest value counts only up to `HEADROOM`
    times the highest first one, so that one diverging curve does not flatten the others.
    """
    median = table["median"].to_numpy(float)
    median = median[np.isfinite(median)]
    positive = median[median > 0]
    if not positive.size or (median < 0).any():
        return None
    first = table.loc[table["step"] == table["step"].min(), "median"].to_numpy(float)
    first = first[np.isfinite(first) & (first > 0)]
    high = float(positive.max())
    if first.size:
        high = min(high, HEADROOM * float(first.max()))
    return min(float(positive.min()), high), high


def linear_range(table: pd.DataFrame) -> tuple[float, float]:
    """Return (low, high) for a linear axis over the finite medians."""
    median = table["median"].to_numpy(float)
    median = median[np.isfinite(median)]
    if not median.size:
        return 0.0, 1.0
    return float(median.min()), float(median.max())


def draw_convergence(
    table: pd.DataFrame,
    ax: Axes,
    styles: Mapping[str, Style],
    *,
    labels: Mapping[str, str] | None = None,
    limits: tuple[float, float] | None = None,
    log: bool = True,
    target: float | None = None,
    y_label: str = "validation loss",
    title: str = "",
) -> None:
    """Draw one line and band an optimizer, labelled at its right end; a cross where a median stops.

    Where an interval has no end on one side, the band leaves that side out and carets on the line say so.

    Args:
        table: optimizer, step, median, low, high, n, n_ok of one workload, schedule and metric.
        ax: where to draw.
        styles: one style an optimizer of the table.
        labels: what to call them; the names themselves otherwise.
        limits: the y axis, shared by the panels that stand beside each other; from the data otherwise.
        log: logarithmic y axis (needs positive limits).
        target: a dotted line at the workload's target.
        y_label: the y axis' name.
        title: the panel's name.
    """
    labels = labels or {}
    ends: list[tuple[str, float, str, int]] = []
    drawn = []
    last_step = float(table["step"].max()) if len(table) else 1.0
    limits = limits if limits is not None else (loss_range(table) if log else None)
    log = log and limits is not None
    if limits is None:
        limits = linear_range(table)
    # A band is cut at the panel's edge; where it ends far outside does not show.
    low_y, high_y = drawable(limits).tolist()
    outside = (low_y - FAR * (high_y - low_y), high_y + FAR * (high_y - low_y))
    if log:
        outside = (max(low_y / FAR_FACTOR, NEAREST), min(high_y * FAR_FACTOR, FARTHEST))
    for name, rows in table.groupby("optimizer", sort=False):
        style = styles[str(name)]
        ordered = rows.sort_values("step")
        step, median, low, high = (ordered[c].to_numpy(float) for c in ("step", "median", "low", "high"))
        finite = np.isfinite(median)
        if not finite.any():
            continue
        # Shading to the panel's edge would drown the other lines, so an open end is a row of carets.
        shown = finite & ~np.isnan(low) & ~np.isnan(high)
        lower = np.where(np.isfinite(low), low, median)
        upper = np.where(np.isfinite(high), high, median)
        for side, caret, end in (("above", "^", high), ("below", "v", low)):
            _draw_carets(
                ax,
                step,
                median,
                where=shown & np.isinf(end),
                style=style,
                label=f"_open {side} {name}",
                caret=caret,
            )
        lower, upper = (np.clip(end, *outside) for end in (lower, upper))
        draw_band(ax, step, lower, upper, where=shown, style=style, name=str(name), alpha=0.16)
        drawn.append(Series(str(name), step[finite], median[finite], look(style, "line")))
        stop = int(np.flatnonzero(finite)[-1])
        if step[stop] < last_step:
            ax.plot(
                [step[stop]],
                drawable([median[stop]]),
                "x",
                color=style.color,
                markersize=7,
                markeredgewidth=2,
                label=f"_stop {name}",
                gid=f"series{style.index}-stop",
            )
        ends.append((labels.get(str(name), str(name)), float(median[stop]), style.color, style.index))
    draw_series(ax, drawn, linewidth=1.8)
    if log:
        log_scale(ax, "y", *limits)
    else:
        linear_scale(ax, "y", *limits, pad=0.06)
    ax.set_xlim(0, last_step if last_step > 0 else 1)
    linear_ticks(ax, "x", 4)
    if target is not None and ax.get_ylim()[0] <= target <= ax.get_ylim()[1]:
        ax.axhline(target, color=LIGHT["muted"], linewidth=1, linestyle=(0, (1, 2)), label="_target")
    style_axes(ax, x_label="optimizer steps", y_label=y_label, title=title)
    label_lines(ax, ends)


def _draw_carets(
    ax: Axes,
    step: NDArray[np.float64],
    median: NDArray[np.float64],
    *,
    where: NDArray[np.bool_],
    style: Style,
    label: str,
    caret: str,
) -> None:
    """Mark up to eight of the points where an interval has no end."""
    places = np.flatnonzero(where)
    if not places.size:
        return
    places = places[np.unique(np.linspace(0, len(places) - 1, 8).round().astype(int))]
    ax.plot(
        step[places],
        drawable(median[places]),
        marker=caret,
        linestyle="none",
        color=style.color,
        markersize=5,
        label=label,
        gid=f"series{style.index}-open",
    )
