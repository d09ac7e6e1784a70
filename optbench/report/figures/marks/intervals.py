"""Where the runs end: a dot and its interval a row, and how that moves from schedule to schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.transforms import Affine2D

from optbench.report.figures.axes import (
    POINTS_PER_INCH,
    label_lines,
    shorten,
    style_axes,
    text_width,
    write_title,
)
from optbench.report.figures.marks.series import Series, draw_dot, draw_interval, draw_series, look
from optbench.report.figures.scales import drawable, linear_scale, linear_ticks, log_scale, name_ticks
from optbench.report.palette import LIGHT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from optbench.report.palette import Style


def draw_final_losses(
    table: pd.DataFrame,
    ax: Axes,
    styles: Mapping[str, Style],
    *,
    labels: Mapping[str, str] | None = None,
    limits: tuple[float, float] | None = None,
    log: bool = True,
    x_label: str = "final validation loss",
    title: str = "",
) -> None:
    """Draw one row an optimizer: the estimate as a marker on its interval, ok/n at the right edge.

    A row without a finite estimate keeps its place and says so. An interval without an upper end runs to
    the right edge.

    Args:
        table: optimizer, estimate, low, high, n, n_ok of one workload, schedule and metric, in row order.
        ax: where to draw; its height should grow with the rows.
        styles: one style an optimizer of the table.
        labels: what to call them; the names themselves otherwise.
        limits: the x axis (positive where `log`), shared by panels beside each other.
        log: logarithmic x axis; linear where there is nothing positive to show.
        x_label: the x axis' name.
        title: the panel's name.
    """
    _set_limits(ax, limits if limits is not None else interval_range(table, log=log), log=log)
    for row, record in enumerate(table.itertuples(index=False)):
        _note(ax, row, f"{record.n_ok}/{record.n}", at=1.0, shift=6.0)
    _draw_rows(table, ax, styles, labels or {}, missing="no finite median")
    style_axes(ax, x_label=x_label, title=title, grid="x")
    ax.tick_params(axis="y", length=0)


def draw_ratios(
    table: pd.DataFrame,
    ax: Axes,
    styles: Mapping[str, Style],
    *,
    labels: Mapping[str, str] | None = None,
    limits: tuple[float, float] | None = None,
    x_label: str = "step time / the reference's",
    title: str = "",
) -> None:
    """Draw one row an optimizer: its ratio as a marker on its interval, with a line at 1.

    Args:
        table: optimizer, estimate, low, high of one workload, in row order; NaN where there is no ratio.
        ax: where to draw; its height should grow with the rows.
        styles: one style an optimizer of the table.
        labels: what to call them; the names themselves otherwise.
        limits: the logarithmic x axis, shared by panels beside each other.
        x_label: the x axis' name.
        title: the panel's name.
    """
    _set_limits(ax, limits if limits is not None else ratio_range(table), log=True)
    ax.axvline(1, color=LIGHT["muted"], linewidth=1, linestyle=(0, (1, 2)), label="_one", zorder=0.9)
    _draw_rows(table, ax, styles, labels or {}, missing="no ratio")
    style_axes(ax, x_label=x_label, title=title, grid="x")
    ax.tick_params(axis="y", length=0)


def ratio_range(table: pd.DataFrame) -> tuple[float, float]:
    """Return the range of all ratios and interval ends of `table`, with 1 in it."""
    low, high = interval_range(table) or (1.0, 1.0)
    return min(low, 1.0), max(high, 1.0)


def draw_cosines(
    table: pd.DataFrame,
    ax: Axes,
    styles: Mapping[str, Style],
    *,
    labels: Mapping[str, str] | None = None,
    x_label: str = "update cosine",
    title: str = "",
) -> None:
    """Draw one row an optimizer from -1 to 1: the estimate as a marker on its interval, a line at 0.

    A short bar across the row marks what momentum alone gives, where that is known.

    Args:
        table: optimizer, estimate, low, high, n, n_ok, baseline (NaN for unknown) of one workload and
            schedule, in row order.
        ax: where to draw; its height should grow with the rows.
        styles: one style an optimizer of the table.
        labels: what to call them; the names themselves otherwise.
        x_label: the x axis' name.
        title: the panel's name.
    """
    ax.axvline(0, color=LIGHT["muted"], linewidth=1, linestyle=(0, (1, 2)), label="_zero", zorder=0.9)
    for row, (name, baseline) in enumerate(zip(table["optimizer"], table["baseline"], strict=True)):
        if np.isfinite(baseline):
            index = styles[str(name)].index
            ax.plot(
                [baseline, baseline], [row - 0.36, row + 0.36], color=LIGHT["ink"], linewidth=1.4,
                zorder=1.5, label=f"_baseline {name}", gid=f"series{index}-baseline",
            )  # fmt: skip
    draw_final_losses(
        table, ax, styles, labels=labels, limits=(-1.0, 1.0), log=False, x_label=x_label, title=title
    )


def _set_limits(ax: Axes, limits: tuple[float, float] | None, *, log: bool) -> None:
    if limits is None:
        limits, log = (0.0, 1.0), False
    if log:
        log_scale(ax, "x", *limits)
    else:
        linear_scale(ax, "x", *limits, pad=0.06)


def _draw_rows(
    table: pd.DataFrame, ax: Axes, styles: Mapping[str, Style], labels: Mapping[str, str], *, missing: str
) -> None:
    """Draw the markers on their intervals and name the rows; the x limits are final."""
    names = [str(name) for name in table["optimizer"]]
    left, right = ax.get_xlim()
    for row, record in enumerate(table.itertuples(index=False)):
        style = styles[str(record.optimizer)]
        estimate, low, high = float(record.estimate), float(record.low), float(record.high)  # type: ignore[arg-type]
        if not np.isfinite(estimate):
            _note(ax, row, missing, at=0.02)
            continue
        if np.isfinite(low):
            # With a missing or infinite upper end the bar runs to the edge of the panel.
            upper = high if np.isfinite(high) else right
            ends = (max(low, left), min(upper, right))
            draw_interval(ax, ends, (row, row), style, name=str(record.optimizer))
        draw_dot(ax, estimate, row, style, label=str(record.optimizer))
    ax.set_ylim(len(names) - 0.4, -0.6)
    name_ticks(ax, "y", range(len(names)), [shorten(labels.get(name, name)) for name in names])


def _note(ax: Axes, row: int, text: str, *, at: float, shift: float = 0.0) -> None:
    """Write a few words into a row, `at` a share of the panel's width."""
    ax.text(
        at,
        row,
        text,
        transform=ax.get_yaxis_transform() + Affine2D().translate(shift, 0),
        va="center",
        fontsize=9,
        color=LIGHT["muted"],
    )


def interval_range(table: pd.DataFrame, *, log: bool = True) -> tuple[float, float] | None:
    """Return the range of all finite estimates and interval ends, or None where there is nothing to show.

    On a logarithmic axis an interval may reach at most two decades past the estimates.
    """
    estimates = table["estimate"].to_numpy(float)
    ends = table[["low", "high"]].to_numpy(float).ravel()
    if log and (estimates[np.isfinite(estimates)] < 0).any():
        return None
    least = 0.0 if log else -np.inf
    estimates, ends = (a[np.isfinite(a) & (a > least)] for a in (estimates, ends))
    if not estimates.size:
        return None
    low, high = float(estimates.min()), float(estimates.max())
    if log:
        ends = np.clip(ends, low / 100, high * 100)
    values = np.concatenate([estimates, ends])
    return float(values.min()), float(values.max())


def draw_slopes(
    table: pd.DataFrame,
    ax: Axes,
    styles: Mapping[str, Style],
    *,
    schedules: Sequence[str],
    labels: Mapping[str, str] | None = None,
    schedule_labels: Mapping[str, str] | None = None,
    courses: Mapping[str, pd.DataFrame] | None = None,
    log: bool = True,
    y_label: str = "final validation loss",
    title: str = "",
) -> None:
    """Draw one line an optimizer through its estimates under each schedule, in the order given.

    Args:
        table: optimizer, schedule, estimate of one workload and metric.
        ax: where to draw.
        styles: one style an optimizer of the table.
        schedules: the positions on the x axis.
        labels: what to call the optimizers.
        schedule_labels: what to call the schedules.
        courses: step and share of the learning rate by schedule, drawn small below its name, where the
            panel has some 30 points to spare.
        log: logarithmic y axis; linear where an estimate is negative.
        y_label: the y axis' name.
        title: the panel's name.
    """
    labels, schedule_labels = labels or {}, schedule_labels or {}
    place = {name: index for index, name in enumerate(schedules)}
    ends: list[tuple[str, float, str, int]] = []
    drawn = []
    for name, rows in table.groupby("optimizer", sort=False):
        style = styles[str(name)]
        finite = rows[np.isfinite(rows["estimate"].to_numpy(float))]
        if finite.empty:
            continue
        points = sorted(
            (float(place[s]), float(e)) for s, e in zip(finite["schedule"], finite["estimate"], strict=True)
        )
        x, y = np.transpose(points)
        drawn.append(Series(str(name), x, y, {**look(style, "slope"), "marker": style.marker}))
        ends.append((labels.get(str(name), str(name)), points[-1][1], style.color, style.index))
    draw_series(ax, drawn, linewidth=1.6, markersize=6, markeredgecolor=LIGHT["paper"])
    bare = table.assign(low=np.nan, high=np.nan)
    limits = interval_range(bare, log=True) if log else None
    if limits is not None:
        log_scale(ax, "y", *limits)
    else:
        linear_ticks(ax, "y")
        ax.set_ylim(*ax.get_ylim())
    ax.set_xlim(-0.15, len(schedules) - 0.85 if len(schedules) > 1 else 0.15)
    name_ticks(ax, "x", range(len(schedules)), [shorten(schedule_labels.get(s, s), 14) for s in schedules])
    style_axes(ax, y_label=y_label, title=title)
    for name, course in (courses or {}).items():
        _draw_schedule_line(ax, place[name], course)
    label_lines(ax, ends)


def _draw_schedule_line(ax: Axes, place: int, course: pd.DataFrame) -> None:
    """Draw a learning rate over the budget, 40 points by 14, under a position of the x axis."""
    box = ax.get_window_extent()
    left, right = ax.get_xlim()
    wide, tall, below = 40 / box.width * (right - left), 14 / box.height, 40 / box.height
    step, share = course["step"].to_numpy(float), course["share"].to_numpy(float)
    length, top = max(float(step.max()), 1.0), max(float(share.max()), 1.0)
    ax.fill_between(
        place + (step / length - 0.5) * wide, -below, -below + np.clip(share / top, -1, 1) * tall,
        color=LIGHT["contour"], transform=ax.get_xaxis_transform(), clip_on=False, linewidth=0,
        label="_course",
    )  # fmt: skip


def draw_by_schedule(
    table: pd.DataFrame,
    ax: Axes,
    styles: Mapping[str, Style],
    *,
    schedules: Sequence[str],
    labels: Mapping[str, str] | None = None,
    schedule_labels: Mapping[str, str] | None = None,
    x_label: str = "final validation loss",
    title: str = "",
) -> None:
    """Draw one row a schedule with a mark an optimizer: what `draw_slopes` shows, of any number of schedules.

    Args:
        table: optimizer, schedule, estimate of one workload and metric.
        ax: where to draw, with some 60 points above it for the names of the optimizers; its height should
            grow with the schedules.
        styles: one style an optimizer of the table.
        schedules: the rows from top to bottom.
        labels: what to call the optimizers.
        schedule_labels: what to call the schedules.
        x_label: the x axis' name.
        title: the panel's name.
    """
    labels, schedule_labels = labels or {}, schedule_labels or {}
    limits = interval_range(table.assign(low=np.nan, high=np.nan))
    _set_limits(ax, limits or interval_range(table, log=False), log=limits is not None)
    row = {name: index for index, name in enumerate(schedules)}
    for optimizer, rows in table.groupby("optimizer", sort=False):
        style = styles[str(optimizer)]
        known = rows[np.isfinite(rows["estimate"].to_numpy(float))]
        places = [row[str(name)] for name in known["schedule"]]
        draw_dot(
            ax, drawable(known["estimate"]), places, style, label=str(optimizer), markersize=5,
            linestyle="none",
        )  # fmt: skip
    ax.set_ylim(len(schedules) - 0.4, -0.6)
    names = [shorten(schedule_labels.get(name, name)) for name in schedules]
    name_ticks(ax, "y", range(len(names)), names)
    style_axes(ax, x_label=x_label, grid="both")
    ax.tick_params(axis="y", length=0)
    if title:
        write_title(ax, title, pad=48)
    _write_key(
        ax, [(labels.get(str(name), str(name)), styles[str(name)]) for name in table["optimizer"].unique()]
    )


KEY_ROWS: Final = 3
"""Lines that the names of the optimizers take above a panel."""


def _write_key(ax: Axes, entries: Sequence[tuple[str, Style]]) -> None:
    """Write marks with their names above a panel, in columns over its whole width."""
    box = ax.get_window_extent()
    columns = -(-len(entries) // KEY_ROWS)
    left = -box.x0 + 8
    wide = (ax.get_figure().get_figwidth() * POINTS_PER_INCH - 16) / columns  # type: ignore[union-attr]
    for index, (text, style) in enumerate(entries):
        x, y = left + index // KEY_ROWS * wide, box.height + 44 - 15 * (index % KEY_ROWS)
        ax.plot(
            [(x + 4) / box.width], [y / box.height], marker=style.marker, color=style.color, markersize=5,
            linestyle="none", transform=ax.transAxes, clip_on=False, label=f"_key {text}",
            gid=f"series{style.index}-key",
        )  # fmt: skip
        name = shorten(text)
        while len(name) > 1 and text_width(name) > wide - 14:
            name = shorten(name, len(name) - 1)
        ax.text(
            (x + 12) / box.width, y / box.height, name, transform=ax.transAxes, va="center", fontsize=9.5,
            color=LIGHT["ink"], parse_math=False, gid=f"series{style.index}-label",
        )  # fmt: skip
