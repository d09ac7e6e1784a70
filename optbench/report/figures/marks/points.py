"""Points in a plane with their names beside them: what one gives up for the other."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from optbench.report.figures.axes import EDGE, POINTS_PER_INCH, shorten, style_axes, text_width
from optbench.report.figures.marks.intervals import draw_ratios
from optbench.report.figures.marks.series import Series, draw_dot, draw_interval, draw_series
from optbench.report.figures.scales import drawable, linear_ticks, log_scale
from optbench.report.palette import LIGHT
from optbench.tables.rows import row_dicts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.text import Text
    from numpy.typing import ArrayLike, NDArray

    from optbench.report.palette import Style

Frame: TypeAlias = tuple[float, float, float, float]
"""Left, lower, right and upper end in pixels."""

SIZE = 9.5
"""Of the names, in points."""


def draw_points(
    table: pd.DataFrame,
    ax: Axes,
    styles: Mapping[str, Style],
    *,
    limits: tuple[tuple[float, float], tuple[float, float]],
    labels: Mapping[str, str] | None = None,
    x_label: str = "",
    y_label: str = "",
    title: str = "",
) -> None:
    """Draw one marker an optimizer with its intervals, both axes logarithmic; a line joins the front.

    Args:
        table: optimizer, x, x_low, x_high, y, y_low, y_high, front; rows with a coordinate that is not
            finite and positive are not drawn.
        ax: where to draw.
        styles: one style an optimizer of the table.
        limits: the x and the y axis, positive.
        labels: what to call the optimizers.
        x_label: the x axis' name.
        y_label: the y axis' name.
        title: the panel's name.
    """
    labels = labels or {}
    shown = table[_drawable(table["x"]) & _drawable(table["y"])]
    front = shown[shown["front"].astype(bool)].sort_values(["x", "y"])
    if len(front) > 1:
        dashed = {"color": LIGHT["muted"], "linestyle": (0, (3, 2))}
        corners = Series("_front", front["x"].to_numpy(float), front["y"].to_numpy(float), dashed)
        draw_series(ax, [corners], linewidth=1, drawstyle="steps-post", zorder=1)
    for which, (low, high) in zip("xy", limits, strict=True):
        log_scale(ax, which, low, high)
    left, right = ax.get_xlim()
    bottom, top = ax.get_ylim()
    named = []
    first = [*row_dicts(shown[shown["front"].astype(bool)]), *row_dicts(shown[~shown["front"].astype(bool)])]
    for record in first:
        name = str(record["optimizer"])
        style = styles[name]
        x, y = drawable([record["x"], record["y"]]).tolist()
        for (low, high), (least, most), fixed, sideways in (
            ((record["x_low"], record["x_high"]), (left, right), y, True),
            ((record["y_low"], record["y_high"]), (bottom, top), x, False),
        ):
            if not np.isfinite(float(low)):
                continue
            span, still = (max(float(low), least), min(float(high), most)), (fixed, fixed)
            across, up = (span, still) if sideways else (still, span)
            draw_interval(ax, across, up, style, name=name, linewidth=1.2, alpha=0.6)
        draw_dot(ax, x, y, style, label=name, part="point", markersize=7.5, zorder=3)
        named.append((x, y, labels.get(name, name), style.index))
    style_axes(ax, x_label=x_label, y_label=y_label, title=title, grid="both")
    label_points(ax, named, stairs=list(zip(drawable(front["x"]), drawable(front["y"]), strict=True)))


def _drawable(values: pd.Series) -> NDArray[np.bool_]:
    numbers = values.to_numpy(float)
    return np.asarray((numbers > 0) & np.isfinite(numbers))


def label_points(
    ax: Axes,
    points: Sequence[tuple[float, float, str, int]],
    stairs: Sequence[tuple[float, float]] = (),
    obstacles: Sequence[Frame] = (),
) -> None:
    """Write each point's name beside it where it covers the least of other names, points and lines.

    A name for which only places on another name, or outside of the panel, are left is not written: the
    point's colour and shape, the list of optimizers and the table behind the figure have it.

    Args:
        ax: axes whose limits and scales are final.
        points: (x, y, text, series index) a point; the first ones choose first.
        stairs: corners of a line that goes right, then up or down, from each to the next.
        obstacles: what else stands there, in pixels; what is as tall as a name counts as one.
    """
    box = ax.get_window_extent()
    places = [tuple(ax.transData.transform((x, y))) for x, y, _, _ in points]
    tall = SIZE * 1.15
    right = ax.get_figure().get_figwidth() * POINTS_PER_INCH - EDGE  # type: ignore[union-attr]
    inside = (box.x0, box.y0, right, box.y1 + EDGE)
    named = [frame for frame in obstacles if frame[3] - frame[1] >= tall / 2]
    taken = [*obstacles, *((px - 5, py - 5, px + 5, py + 5) for px, py in places)]
    corners = [tuple(ax.transData.transform(corner)) for corner in stairs]
    for (ax0, ay0), (ax1, ay1) in itertools.pairwise(corners):
        taken.append((ax0, ay0 - 2, ax1, ay0 + 2))
        taken.append((ax1 - 2, min(ay0, ay1), ax1 + 2, max(ay0, ay1)))
    for (px, py), (x, y, text, series) in zip(places, points, strict=True):
        words = shorten(text, 18)
        wide = text_width(words) * SIZE / 10
        best: tuple[float, Frame, tuple[float, float]] | None = None
        for order, (dx, dy) in enumerate(_around(wide, tall)):
            frame = (px + dx, py + dy - tall / 2, px + dx + wide, py + dy + tall / 2)
            if _shared(frame, inside) < 0.99 * wide * tall or any(_shared(frame, other) for other in named):
                continue
            cost = sum(_shared(frame, other) for other in taken) + order * 0.4
            if best is None or cost < best[0]:
                best = cost, frame, (dx, dy)
        if best is None:
            continue
        _, frame, place = best
        named.append(frame)
        taken.append(frame)
        ax.annotate(
            words, xy=(x, y), xytext=place, textcoords="offset points", va="center", fontsize=SIZE,
            color=LIGHT["ink"], parse_math=False, annotation_clip=False, gid=f"series{series}-label",
        )  # fmt: skip


def _around(wide: float, tall: float) -> list[tuple[float, float]]:
    """Left edge and middle of a name relative to its point: beside, above and below, then further off."""
    near = [(8.0, 0.0), (-wide - 8, 0.0), (-wide / 2, tall), (-wide / 2, -tall)]
    corners = [(6.0, tall * 0.8), (6.0, -tall * 0.8), (-wide - 6, tall * 0.8), (-wide - 6, -tall * 0.8)]
    far = [(8.0, k * tall) for k in (1.6, -1.6, 2.4, -2.4)] + [(-wide - 8, k * tall) for k in (1.6, -1.6)]
    return near + corners + far


def _shared(a: Frame, b: Frame) -> float:
    """The area that two frames (x0, y0, x1, y1) have in common."""
    wide, tall = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return wide * tall if wide > 0 and tall > 0 else 0.0


def draw_schedule_effects(
    table: pd.DataFrame,
    ax: Axes,
    styles: Mapping[str, Style],
    *,
    rows: Sequence[str],
    limits: tuple[float, float],
    labels: Mapping[str, str] | None = None,
    x_label: str = "final validation loss / under the first schedule",
    title: str = "",
) -> None:
    """Draw one row an optimizer: what a schedule did to its loss; dashed, the median over the optimizers.

    Args:
        table: optimizer, estimate, low, high, common (the same for all rows).
        ax: where to draw.
        styles: one style an optimizer of the table.
        rows: optimizers from top to bottom.
        limits: the logarithmic x axis.
        labels: what to call the optimizers.
        x_label: the x axis' name.
        title: the panel's name.
    """
    ordered = table.set_index("optimizer", drop=False).loc[list(rows)]
    draw_ratios(ordered, ax, styles, labels=labels, limits=limits, x_label=x_label, title=title)
    common = float(ordered["common"].iloc[0])
    if np.isfinite(common) and common > 0:
        ax.axvline(
            common, color=LIGHT["ink"], linewidth=1.2, linestyle=(0, (4, 2)), label="_common", zorder=0.95
        )


MOST_NAMED = 12
"""Marks of a rate map that are named in it."""


def draw_rate_map(
    grid: tuple[np.ndarray, np.ndarray, np.ndarray],
    cells: pd.DataFrame,
    ax: Axes,
    styles: Mapping[str, Style],
    *,
    edge: np.ndarray,
    labels: Mapping[str, str] | None = None,
    title: str = "",
) -> None:
    """Draw lines of equal rate over learning rate and momentum, and where the measured cells lie on them.

    Up to `MOST_NAMED` marks have their names beside them: of a whole sweep the axes say more.

    Args:
        grid: lr (n,), momentum (m,) and rate (m, n).
        cells: optimizer, lr, momentum, diverged; one row a mark.
        ax: where to draw.
        styles: one style an optimizer of the cells.
        edge: the learning rate beyond which the iteration diverges, (m,).
        labels: what to call the optimizers.
        title: the panel's name.
    """
    labels = labels or {}
    lr, momentum, rates = grid
    ax.set_xscale("log")
    ax.fill_betweenx(
        momentum,
        edge,
        np.full(len(edge), lr[-1]),
        where=edge < lr[-1],
        color=LIGHT["hue-1"],
        alpha=0.18,
        linewidth=0,
    )
    levels = [0.86, 0.9, 0.95, 0.98, 0.99, 0.999]
    lines = ax.contour(
        lr, momentum, np.where(rates < 1, rates, np.nan), levels=levels, colors=LIGHT["muted"], linewidths=0.9
    )
    ax.plot(edge, momentum, color=LIGHT["ink"], linewidth=1.4, label="_edge")
    levels_written = ax.clabel(lines, fmt=lambda level: f"{level:g}", fontsize=8.5, inline=True)
    log_scale(ax, "x", float(lr[0]), float(lr[-1]))
    ax.set_xlim(float(lr[0]), float(lr[-1]))
    ax.set_ylim(float(momentum[0]), float(momentum[-1]))
    linear_ticks(ax, "y", 5)
    named = []
    for record in row_dicts(cells):
        name = str(record["optimizer"])
        style = styles[name]
        x, y = drawable([record["lr"], record["momentum"]]).tolist()
        crossed = {"marker": "x", "markeredgecolor": style.color, "markeredgewidth": 2}
        draw_dot(
            ax, x, y, style, label=name, part="cell", markersize=8, clip_on=False, zorder=4,
            **(crossed if record["diverged"] else {}),
        )  # fmt: skip
        named.append((x, y, labels.get(name, name), style.index))
    style_axes(ax, x_label="learning rate", y_label="momentum", title=title, grid="none")
    if len(named) <= MOST_NAMED:
        paths = [path.vertices for path in lines.get_paths()] + [np.column_stack([edge, momentum])]
        drawn = [frame for vertices in paths for frame in _along(ax, vertices)]
        label_points(ax, named, obstacles=[*(_frame(ax, text) for text in levels_written), *drawn])


def _frame(ax: Axes, text: Text) -> Frame:
    """The frame of a text that is centred on its place, at any angle."""
    x, y = ax.transData.transform(text.get_position())
    tall = float(text.get_fontsize())
    wide = text_width(text.get_text()) * tall / 10
    turn = np.radians(text.get_rotation())
    cos, sin = abs(float(np.cos(turn))), abs(float(np.sin(turn)))
    across, up = (cos * wide + sin * tall) / 2, (sin * wide + cos * tall) / 2
    return float(x) - across, float(y) - up, float(x) + across, float(y) + up


def _along(ax: Axes, vertices: ArrayLike) -> Iterator[Frame]:
    """Small frames along a line, (n, 2) in data units."""
    for x, y in ax.transData.transform(vertices)[::2]:
        yield float(x) - 2, float(y) - 2, float(x) + 2, float(y) + 2
