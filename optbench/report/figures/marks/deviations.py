"""How near measurements came to what was predicted, in units of what was allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from optbench.report.figures.axes import shorten, style_axes
from optbench.report.figures.scales import log_scale, name_ticks
from optbench.report.palette import LIGHT

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

NEAREST: Final = 1e-6
"""Share of the tolerance at the left edge; what came nearer stands there."""

FARTHEST: Final = 100.0
"""Tolerances at the right edge; what lies farther stands there."""

NAME_LENGTH: Final = 32


def shares(table: pd.DataFrame) -> np.ndarray:
    """Return |measured - predicted| over the tolerance, shape (facts,): NaN where nothing was measured.

    An exact count (tolerance 0) has 0 or infinity.
    """
    deviation, tolerance = table["deviation"].to_numpy(float), table["tolerance"].to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(deviation == 0, 0.0, deviation / tolerance)
    return np.where(np.isfinite(deviation), share, np.nan)


def draw_deviations(table: pd.DataFrame, ax: Axes, *, title: str = "") -> None:
    """Draw one row a fact: how far measured lies from predicted, in tolerances, on a logarithmic axis.

    A dot agrees, a cross differs; a line at 1 parts them. A fact without a measurement says so.

    Args:
        table: fact, deviation, tolerance, verdict, in row order.
        ax: where to draw; its height should grow with the rows.
        title: the panel's name.
    """
    log_scale(ax, "x", NEAREST, FARTHEST)
    ax.axvline(1, color=LIGHT["muted"], linewidth=1, linestyle=(0, (1, 2)), label="_tolerance", zorder=0.9)
    names = [str(name) for name in table["fact"]]
    verdicts = [str(verdict) for verdict in table["verdict"]]
    for row, (name, share, verdict) in enumerate(zip(names, shares(table), verdicts, strict=True)):
        if np.isnan(share):
            ax.text(NEAREST, row, verdict, va="center", fontsize=9, color=LIGHT["muted"], parse_math=False)
            continue
        fine = verdict == "agrees"
        ax.plot(
            [min(max(share, NEAREST), FARTHEST)],
            [row],
            marker="o" if fine else "X",
            color=LIGHT["hue-0"] if fine else LIGHT["hue-1"],
            markersize=6 if fine else 9,
            linestyle="none",
            clip_on=False,
            label=name,
            gid="agrees" if fine else "differs",
        )
    ax.set_ylim(len(names) - 0.4, -0.6)
    name_ticks(ax, "y", range(len(names)), [shorten(name, NAME_LENGTH) for name in names])
    style_axes(ax, x_label="|measured − predicted| / tolerance", title=title, grid="x")
    ax.tick_params(axis="y", length=0)
