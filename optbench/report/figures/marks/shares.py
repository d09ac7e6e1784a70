"""Shares from 0 to 1 with their bands: who has arrived by when, and within what factor of the best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from optbench.report.figures.axes import label_lines, style_axes
from optbench.report.figures.marks.series import Series, draw_band, draw_series, look
from optbench.report.figures.scales import linear_ticks, log_scale, name_ticks

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.axes import Axes

    from optbench.report.palette import Style


def draw_shares(
    table: pd.DataFrame,
    ax: Axes,
    styles: Mapping[str, Style],
    *,
    limits: tuple[float, float],
    labels: Mapping[str, str] | None = None,
    stairs: bool = True,
    log: bool = False,
    x_label: str = "optimizer steps",
    y_label: str = "share of runs",
    title: str = "",
) -> None:
    """Draw one line an optimizer from its first row to the right limit, its band behind it up to share 1.

    Args:
        table: optimizer, x, share, low, high, ascending in x for each optimizer; a row without both ends
            has no band.
        ax: where to draw.
        styles: one style an optimizer of the table.
        limits: the x axis; positive where `log`.
        labels: what to call the optimizers.
        stairs: whether a share holds until the next row (else lines join the rows).
        log: logarithmic x axis.
        x_label: the x axis' name.
        y_label: the y axis' name.
        title: the panel's name.
    """
    labels = labels or {}
    ends: list[tuple[str, float, str, int]] = []
    drawn = []
    low_x, high_x = limits
    for name, rows in table.groupby("optimizer", sort=False):
        style = styles[str(name)]
        x, share, low, high = (rows[c].to_numpy(float) for c in ("x", "share", "low", "high"))
        x, share, low, high = (np.append(a, end) for a, end in (
            (x, max(high_x, x[-1])), (share, share[-1]), (low, low[-1]), (high, high[-1])
        ))  # fmt: skip
        known = np.isfinite(low) & np.isfinite(high)
        # Before anyone is there, and once everyone is, a band would only shade the others.
        known &= (share > 0) & (np.cumsum(share >= 1) <= 1)
        draw_band(ax, x, low, high, where=known, style=style, name=str(name), alpha=0.1, stairs=stairs)
        drawn.append(Series(str(name), x, share, look(style, "share")))
        ends.append((labels.get(str(name), str(name)), float(share[-1]), style.color, style.index))
    draw_series(ax, drawn, linewidth=1.8, drawstyle="steps-post" if stairs else "default")
    if log:
        log_scale(ax, "x", low_x, high_x)
    else:
        linear_ticks(ax, "x", 4)
        ax.set_xlim(low_x, high_x if high_x > low_x else low_x + 1)
    ax.set_ylim(-0.02, 1.02)
    name_ticks(ax, "y", [0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
    style_axes(ax, x_label=x_label, y_label=y_label, title=title)
    label_lines(ax, ends)
