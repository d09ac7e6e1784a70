"""Loss against learning rate, and the loss to expect of the best of k trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from optbench.report.figures.axes import label_lines, style_axes
from optbench.report.figures.marks.series import Series, draw_dot, draw_series, look
from optbench.report.figures.scales import linear_ticks, log_scale

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.axes import Axes

    from optbench.report.palette import Style

RUG: Final = 0.03
"""Height of one optimizer's row of the rug, as a share of the panel's."""

DEEPEST: Final = 1e-10
"""Losses below this share of the highest one are drawn there: on a smooth loss they fall without end."""


def draw_sensitivity(
    table: pd.DataFrame,
    ax: Axes,
    styles: Mapping[str, Style],
    *,
    labels: Mapping[str, str] | None = None,
    limits: tuple[float, float] | None = None,
    lr_limits: tuple[float, float] | None = None,
    y_label: str = "final validation loss",
    title: str = "",
) -> None:
    """Draw one line an optimizer over the learning rates, its choice as a marker, its failures as a rug.

    Args:
        table: optimizer, lr, loss, n, n_ok, selected of one workload and schedule; a loss may be NaN.
        ax: where to draw.
        styles: one style an optimizer of the table.
        labels: what to call them; the names themselves otherwise.
        limits: the logarithmic y axis, shared by panels beside each other; None for a linear one.
        lr_limits: the logarithmic x axis, shared too.
        y_label: the y axis' name.
        title: the panel's name.
    """
    labels = labels or {}
    lr_limits = lr_limits or (float(table["lr"].min()), float(table["lr"].max()))
    floor = limits[0] if limits is not None else -np.inf
    ends: list[tuple[str, float, str, int]] = []
    drawn = []
    for row, (name, rows) in enumerate(table.groupby("optimizer", sort=False)):
        style = styles[str(name)]
        ordered = rows.sort_values("lr")
        lr, loss = ordered["lr"].to_numpy(float), ordered["loss"].to_numpy(float)
        known = np.isfinite(loss)
        shown = np.maximum(loss, floor)
        if known.any():
            drawn.append(Series(str(name), lr[known], shown[known], look(style, "line")))
            ends.append((labels.get(str(name), str(name)), shown[known][-1], style.color, style.index))
        chosen = ordered["selected"].to_numpy(bool) & known
        draw_dot(ax, lr[chosen], shown[chosen], style, label=f"_chosen {name}", part="chosen", markersize=8)
        failed = lr[(ordered["n_ok"] < ordered["n"]).to_numpy()]
        ax.plot(
            failed,
            np.full(len(failed), 1 - RUG * (row + 0.5)),
            transform=ax.get_xaxis_transform(),
            marker="x",
            color=style.color,
            markersize=4.5,
            markeredgewidth=1.4,
            linestyle="none",
            label=f"_failed {name}",
            gid=f"series{style.index}-failed",
        )
    draw_series(ax, drawn, linewidth=1.6)
    log_scale(ax, "x", *lr_limits)
    if limits is not None:
        # What failed stands at the loss before the first step, the top of the range: the rug goes above it.
        share = RUG * (table["optimizer"].nunique() + 1) if (table["n_ok"] < table["n"]).any() else 0.0
        log_scale(ax, "y", limits[0], limits[1] * (limits[1] / limits[0]) ** (share / (1 - share)))
    else:
        linear_ticks(ax, "y")
        ax.margins(y=0.08)
        ax.set_ylim(*ax.get_ylim())
    style_axes(ax, x_label="learning rate", y_label=y_label, title=title)
    label_lines(ax, ends)


def draw_best_of_k(
    table: pd.DataFrame,
    ax: Axes,
    styles: Mapping[str, Style],
    *,
    labels: Mapping[str, str] | None = None,
    limits: tuple[float, float] | None = None,
    y_label: str = "expected best loss",
    title: str = "",
) -> None:
    """Draw one line an optimizer: the expected best loss against the number of trials.

    Args:
        table: optimizer, k, expected_loss of one workload and schedule.
        ax: where to draw.
        styles: one style an optimizer of the table.
        labels: what to call them; the names themselves otherwise.
        limits: the logarithmic y axis, shared by panels beside each other; None for a linear one.
        y_label: the y axis' name.
        title: the panel's name.
    """
    labels = labels or {}
    floor = limits[0] if limits is not None else -np.inf
    ends: list[tuple[str, float, str, int]] = []
    drawn = []
    for name, rows in table.groupby("optimizer", sort=False):
        style = styles[str(name)]
        ordered = rows.sort_values("k")
        expected = np.maximum(ordered["expected_loss"].to_numpy(float), floor)
        marked = {**look(style, "line"), "marker": style.marker}
        drawn.append(Series(str(name), ordered["k"].to_numpy(float), expected, marked))
        ends.append((labels.get(str(name), str(name)), float(expected[-1]), style.color, style.index))
    draw_series(ax, drawn, linewidth=1.6, markersize=4)
    most = int(table["k"].max())
    ax.set_xlim(0.6, most + 0.4)
    linear_ticks(ax, "x", 6)
    if limits is not None:
        log_scale(ax, "y", *limits)
    else:
        linear_ticks(ax, "y")
        ax.set_ylim(*ax.get_ylim())
    style_axes(ax, x_label="trials", y_label=y_label, title=title)
    label_lines(ax, ends)


def shared_range(losses: pd.Series) -> tuple[float, float] | None:
    """Return (low, high) for a logarithmic axis over the finite losses; None if one is < 0 or none > 0."""
    finite = losses[np.isfinite(losses)]
    positive = finite[finite > 0]
    if positive.empty or (finite < 0).any():
        return None
    high = float(positive.max())
    return max(float(positive.min()), high * DEEPEST), high
