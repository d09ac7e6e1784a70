"""What every panel shares: its size, its axes, and labels that do not collide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter

from optbench.core.text import escaped
from optbench.report.figures.backend.axis import SingleTickAxis
from optbench.report.figures.scales import drawable
from optbench.report.palette import LIGHT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

POINTS_PER_INCH: Final = 72.0
LABEL_LENGTH: Final = 24
AXIS_LABEL: Final = 56
X_LABEL: Final = 22.0
"""Points from the x axis down to its label: ticks and their numbers lie between."""

Y_LABEL: Final = 15.0
"""Points from a panel's left edge to the foot of the y axis' label."""

TITLE: Final = 1.2
"""Size of a panel's name over that of its text."""

EDGE: Final = 2.0
"""Points that stay free beside a panel's name."""


def panel(
    width: float = 360,
    height: float = 240,
    *,
    left: float = 56,
    right: float = 14,
    top: float = 28,
    bottom: float = 44,
) -> tuple[Figure, Axes]:
    """Return a figure with one Axes; all lengths in points (one CSS pixel each in the page).

    The margins and the places of the axes' labels are given, not computed, so that panels beside each
    other line up and the same data is laid out alike whatever the ticks say.
    """
    figure = Figure(figsize=(width / POINTS_PER_INCH, height / POINTS_PER_INCH), dpi=POINTS_PER_INCH)
    box = (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    ax = figure.add_axes(box)
    ax.xaxis.set_label_coords(0.5, -X_LABEL / (height - top - bottom))
    ax.yaxis.set_label_coords(-max(left - Y_LABEL, 0) / (width - left - right), 0.5)
    for axis in (ax.xaxis, ax.yaxis):
        ax.add_artist(SingleTickAxis(axis))
    return figure, ax


def scales_of(ax: Axes) -> dict[str, str]:
    """Return where a panel's axes have which values, for a page that says what lies under the pointer.

    By axis, `x` and `y`, four numbers and a word: the pixels of its ends, from the left and from the top, the
    values there, and `log` or `linear`. An axis of names has none.
    """
    box = ax.get_window_extent()
    tall = ax.get_figure().get_figheight() * POINTS_PER_INCH  # type: ignore[union-attr]
    ends = {"x": (box.x0, box.x1), "y": (tall - box.y0, tall - box.y1)}
    limits = {"x": ax.get_xlim(), "y": ax.get_ylim()}
    scales = {"x": ax.get_xscale(), "y": ax.get_yscale()}
    axes = {"x": ax.xaxis, "y": ax.yaxis}
    return {
        name: " ".join(f"{round(end, 1):g}" for end in ends[name])
        + " "
        + " ".join(f"{end:.6g}" for end in limits[name])
        + f" {scales[name]}"
        for name, axis in axes.items()
        if not isinstance(axis.get_major_formatter(), FixedFormatter)
    }


def shorten(name: str, length: int = LABEL_LENGTH) -> str:
    """Return a name as one printable line of at most `length` characters, an ellipsis for the rest."""
    text = escaped(name[: 10 * LABEL_LENGTH])
    line = "".join(character if character.isprintable() else " " for character in text).strip() or "?"
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def style_axes(ax: Axes, *, x_label: str = "", y_label: str = "", title: str = "", grid: str = "y") -> None:
    """Write the labels (never as formulas, whatever they hold), draw a light grid and take off two spines."""
    sns.despine(ax=ax)
    ax.set_xlabel(shorten(x_label, AXIS_LABEL) if x_label else "", parse_math=False)
    ax.set_ylabel(shorten(y_label, AXIS_LABEL) if y_label else "", parse_math=False)
    if title:
        write_title(ax, title)
    if grid in ("x", "y", "both"):
        ax.grid(visible=True, axis=grid, linewidth=0.8, clip_on=False)  # type: ignore[arg-type]


def write_title(ax: Axes, title: str, pad: float = 6.0) -> None:
    """Write a panel's name above its axes, from further left where it is too long to begin at theirs.

    Args:
        ax: its axes.
        title: the name; cut where the whole panel is too narrow for it.
        pad: points between the axes and it.
    """
    whole = ax.get_figure().get_figwidth() * POINTS_PER_INCH  # type: ignore[union-attr]
    box = ax.get_position()
    left = box.x0 * whole
    line = shorten(title, 60)
    while TITLE * text_width(line) > whole - 2 * EDGE and len(line) > 1:
        line = shorten(line, len(line) - 1)
    start = min(left, whole - EDGE - TITLE * text_width(line))
    ax.set_title(line, loc="left", parse_math=False, x=(start - left) / (box.width * whole), pad=pad)


def space_apart(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return positions moved as little as needed to lie `gap` apart, in the same order, inside [low, high].

    Where they cannot all fit, they are spaced evenly over the whole range.
    """
    count = len(positions)
    if not count:
        return []
    if gap * (count - 1) > high - low:
        gap = (high - low) / max(count - 1, 1)
    order = sorted(range(count), key=lambda i: (positions[i], i))
    # Blocks of touching labels, each (centre, members), stand at the mean of where their members want to be.
    blocks: list[tuple[float, int]] = []
    for index in order:
        blocks.append(_inside(positions[index], 1, gap, low, high))
        while len(blocks) > 1 and _end(blocks[-2], gap) + gap > _end(blocks[-1], -gap):
            (centre_b, n_b), (centre_a, n_a) = blocks.pop(), blocks.pop()
            mean = (centre_a * n_a + centre_b * n_b) / (n_a + n_b)
            blocks.append(_inside(mean, n_a + n_b, gap, low, high))
    flat = [centre + gap * (i - (n - 1) / 2) for centre, n in blocks for i in range(n)]
    result = [0.0] * count
    for index, value in zip(order, flat, strict=True):
        result[index] = value
    return result


def _inside(centre: float, count: int, gap: float, low: float, high: float) -> tuple[float, int]:
    """A block moved so that all its members lie in [low, high]."""
    half = gap * (count - 1) / 2
    return min(max(centre, low + half), high - half), count


def _end(block: tuple[float, int], gap: float) -> float:
    """Where a block's last member stands; its first one for a negative gap."""
    centre, count = block
    return centre + gap * (count - 1) / 2


def label_margin(labels: Iterable[str]) -> float:
    """Return the points that `label_lines` needs at the right of a panel for these names."""
    return 20 + max((text_width(shorten(label)) for label in labels), default=0.0)


def text_width(text: str) -> float:
    """About how many points a text of size 10 takes in a wide sans-serif."""
    widths = {**dict.fromkeys("mwMW@%…—", 10.0), **dict.fromkeys("ijl.,:;'|!()[] ", 4.0)}
    return sum(widths.get(c, 6.6 if c.isascii() else 10.5) for c in text)


def label_lines(ax: Axes, labels: Sequence[tuple[str, float, str, int]], *, room: float = 3.0) -> None:
    """Write names at the right edge, at the height where each line ends, spread so that none overlap.

    Args:
        ax: axes whose y limits and scale are final.
        labels: (text, y in data units, colour, series index) a line.
        room: points between the axes and the text.
    """
    box = ax.get_window_extent()
    to_pixels = ax.transData.transform
    heights = drawable([y for _, y, _, _ in labels])
    wanted = [float(to_pixels((ax.get_xlim()[1], y))[1]) for y in heights]
    size = 10.0
    placed = space_apart(wanted, size * 1.25, box.y0 + 2, box.y1 - 2)
    for (text, y, color, series), height, want in zip(labels, placed, wanted, strict=True):
        share = (height - box.y0) / box.height
        ax.annotate(
            shorten(text), xy=(1.0, share), xycoords="axes fraction", xytext=(room + 8, 0),
            textcoords="offset points", va="center", fontsize=size, color=LIGHT["ink"], parse_math=False,
            annotation_clip=False, gid=f"series{series}-label",
        )  # fmt: skip
        start = min(max((want - box.y0) / box.height, 0.0), 1.0)
        ax.plot(
            [1.0, 1.0 + (room + 5) / box.width], [start, share], transform=ax.transAxes, color=color,
            linewidth=1.4, clip_on=False, gid=f"series{series}-leader", label=f"_leader {y:g}",
        )  # fmt: skip
