"""A matrix of ratios with the numbers printed in it."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, Final

import numpy as np
import seaborn as sns
from matplotlib.colors import ListedColormap, to_rgb

from optbench.core.words import in_powers, number
from optbench.report.figures.axes import shorten, write_title
from optbench.report.figures.scales import name_ticks
from optbench.report.palette import LIGHT
from optbench.tables.rows import row_dicts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from optbench.report.palette import Style

FULL: Final = 2.0
"""A ratio of this much, or of its inverse, has the deepest colour."""

DEEPEST: Final = 0.42
"""Opacity of that colour: text in `ink` keeps a contrast of 4.5:1 on it, on either page."""

SHADES: Final = 129
"""Colours of the scale, an odd number: the middle one is clear."""

LOWER: Final = "hue-0"
HIGHER: Final = "hue-1"


def ratio_text(ratio: float) -> str:
    """Return a ratio in six characters or so: `0.95`, `1.03`, `12`, `0.0036`, `3×10⁻⁷`, `∞`."""
    if math.isfinite(ratio) and ratio > 0 and not -3 < math.log10(ratio) < 4:  # noqa: PLR2004 - what is written out
        return in_powers(ratio)
    return number(ratio, 3 if 1 <= ratio < 10 else 2)  # noqa: PLR2004 - two decimals on either side of 1


def place(ratio: float) -> float:
    """Return where on the scale a ratio stands: -1 from `1 / FULL` down, 0 at 1 or none, 1 from `FULL` up."""
    if math.isnan(ratio):
        return 0.0
    if ratio in (0, math.inf):
        return 1.0 if ratio else -1.0
    return min(max(math.log(ratio) / math.log(FULL), -1.0), 1.0)


def scale() -> ListedColormap:
    """Return the colours from -1 to 1: two hues, each the more opaque the farther from the middle.

    They are made of opacity, not mixed with white, so that the dark page can put its own hues below.
    """
    steps = np.linspace(-1, 1, SHADES)
    hues = (to_rgb(LIGHT[LOWER if step < 0 else HIGHER]) for step in steps)
    return ListedColormap([(*hue, DEEPEST * abs(step)) for hue, step in zip(hues, steps, strict=True)])


def wrapped(label: str, length: int = 14) -> str:
    """Return a label on up to three lines of at most `length` characters."""
    line = shorten(label, 4 * length)
    return "\n".join(textwrap.wrap(line, length, max_lines=3, placeholder="…"))


def draw_heat(
    table: pd.DataFrame,
    ax: Axes,
    styles: Mapping[str, Style],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    down: str = "optimizer",
    across: str = "workload",
    labels: Mapping[str, str] | None = None,
    column_labels: Mapping[str, str] | None = None,
    title: str = "",
) -> None:
    """Draw a coloured square with its number for every ratio, optimizers down and workloads across.

    Below 1 and above 1 have a hue each. In brackets: the interval holds 1. What was not planned stays empty;
    what has no ratio shows a dash.

    Args:
        table: `down`, `across`, estimate, low, high, is_reference; at most one row a square.
        ax: where to draw, no margins inside.
        styles: one style an optimizer, for the marks beside the rows; of other rows none.
        rows: from top to bottom.
        columns: from left to right.
        down: the table's column that names the rows.
        across: the table's column that names the columns.
        labels: what to call the rows.
        column_labels: what to call the columns.
        title: the panel's name.
    """
    labels, column_labels = labels or {}, column_labels or {}
    column = {name: index for index, name in enumerate(columns)}
    row = {name: index for index, name in enumerate(rows)}
    places = np.full((len(rows), len(columns)), np.nan)
    words = np.full(places.shape, "", dtype=object)
    for record in row_dicts(table):
        i, j = row[str(record[down])], column[str(record[across])]
        ratio, low, high = float(record["estimate"]), float(record["low"]), float(record["high"])
        places[i, j] = place(ratio)
        same = math.isfinite(low) and low <= 1 <= high
        words[i, j] = (
            "ref" if record["is_reference"] else f"({ratio_text(ratio)})" if same else ratio_text(ratio)
        )
    sns.heatmap(
        places, ax=ax, vmin=-1, vmax=1, cmap=scale(), cbar=False, annot=words, fmt="",
        annot_kws={"color": LIGHT["ink"], "fontsize": 10, "parse_math": False},
        xticklabels=False, yticklabels=False, linewidths=3, linecolor=LIGHT["paper"],
    )  # fmt: skip
    for name, i in row.items():
        style = styles.get(name)
        if style is None:
            continue
        ax.plot(
            [-0.09], [i + 0.5], marker=style.marker, color=style.color, markersize=6, linestyle="none",
            clip_on=False, label=name, gid=f"series{style.index}-row",
        )  # fmt: skip
    ax.set_xlim(0, len(columns))
    ax.set_ylim(len(rows), 0)
    name_ticks(
        ax,
        "x",
        [j + 0.5 for j in range(len(columns))],
        [wrapped(column_labels.get(c, c)) for c in columns],
    )
    name_ticks(ax, "y", [i + 0.5 for i in range(len(rows))], [shorten(labels.get(r, r)) for r in rows])
    ax.tick_params(length=0, pad=17, axis="y")
    ax.tick_params(
        length=0, axis="x", top=True, labeltop=True, bottom=False, labelbottom=False, labelsize=9.5
    )
    sns.despine(ax=ax, left=True, bottom=True)
    if title:
        write_title(ax, title, pad=44)
