"""A race: each combination's ratio at the looks that it was in, narrowing or ending in a cross."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.ticker import FixedFormatter, FixedLocator

from optbench.report.figures.axes import style_axes
from optbench.report.figures.marks.series import Series, draw_dot, draw_interval, draw_series, look
from optbench.report.figures.scales import linear_scale, log_scale
from optbench.report.palette import LIGHT
from optbench.tables.rows import row_dicts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.axes import Axes

    from optbench.report.palette import Style

ASIDE: Final = 0.16
"""Of the way between two looks: what neighbouring optimizers are moved apart by, at most in all."""


def draw_race(
    table: pd.DataFrame,
    ax: Axes,
    styles: Mapping[str, Style],
    *,
    limits: tuple[float, float],
    looks: tuple[float, ...],
    title: str = "",
) -> None:
    """Draw a line an optimizer from look to look, with a bar for its interval; a cross where it was dropped.

    Args:
        table: optimizer, n, estimate, low, high, dropped of one workload and schedule; the leader has 1.
        ax: where to draw.
        styles: one style an optimizer of the table.
        limits: of the y axis (a ratio, logarithmic), shared by panels beside each other.
        looks: seeds at all looks of the race.
        title: the panel's name.
    """
    names = list(dict.fromkeys(table["optimizer"].astype(str)))
    gap = float(np.diff(looks).min()) if len(looks) > 1 else 1.0
    aside = dict(zip(names, np.linspace(-ASIDE, ASIDE, len(names)) * gap, strict=True))
    lines = []
    for name, rows in table.groupby("optimizer", sort=False):
        x = rows["n"].to_numpy(float) + aside[str(name)]
        lines.append(Series(str(name), x, rows["estimate"].to_numpy(float), look(styles[str(name)], "line")))
    draw_series(ax, lines, linewidth=1.4)
    low, high = limits
    linear_scale(ax, "x", looks[0] - ASIDE * gap, looks[-1] + ASIDE * gap, pad=0.04)
    ax.xaxis.set_major_locator(FixedLocator(list(looks)))
    ax.xaxis.set_major_formatter(FixedFormatter([f"{n:g}" for n in looks]))
    log_scale(ax, "y", low, high)
    ax.axhline(1, color=LIGHT["muted"], linewidth=1, linestyle=(0, (1, 2)), label="_one", zorder=0.9)
    for row in row_dicts(table):
        name = str(row["optimizer"])
        style, x = styles[name], float(row["n"]) + aside[name]
        ends = np.array([row["low"], row["high"]], float)
        if np.isfinite(ends).all():
            bottom, top = np.clip(ends, low, high).tolist()
            draw_interval(ax, (x, x), (bottom, top), style, name=name, linewidth=1.2)
        if np.isfinite(row["estimate"]):
            y = float(np.clip(row["estimate"], low, high))
            shape: dict[str, Any] = {"marker": "x", "markeredgecolor": style.color, "markeredgewidth": 2}
            draw_dot(ax, x, y, style, label=f"_{name}", **(shape if row["dropped"] else {}))
    style_axes(ax, x_label="seeds", y_label="loss / the leader's", title=title)
