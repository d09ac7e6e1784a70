"""The marks that every figure is made of, each under the name of its series: lines, bands, dots, intervals.

Lines are seaborn's, all of a panel in one call. Bands are matplotlib's, since seaborn draws only those that
it computes. So are dots and intervals: docs/why/performance.md has what seaborn's would take.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import seaborn as sns

from optbench.report.figures.scales import drawable
from optbench.report.palette import LIGHT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from numpy.typing import ArrayLike, NDArray

    from optbench.report.palette import Style


@dataclass(frozen=True)
class Series:
    """One line of a panel.

    Attributes:
        label: the artist's label.
        x: shape (points,), in the order in which they are joined.
        y: shape (points,); a point that is not finite in either is left out, and its neighbours are joined.
        look: what it has of its own, as properties of matplotlib's Line2D.
    """

    label: str
    x: NDArray[Any]
    y: NDArray[Any]
    look: Mapping[str, Any]


def look(style: Style, part: str) -> dict[str, Any]:
    """Return colour, dashes and gid of one part (`line`, `share`) of what an optimizer has in a panel."""
    return {"color": style.color, "linestyle": style.linestyle, "gid": f"series{style.index}-{part}"}


def draw_series(ax: Axes, lines: Sequence[Series], **shared: Any) -> None:  # noqa: ANN401 - matplotlib's
    """Draw lines through points that are known, by one call of seaborn's `lineplot`.

    Points are put where a figure can show them (`drawable`), as those of all marks here are. To be called
    while the axes are still linear: seaborn takes points through the scale of their axis and back, which
    would shift their last digits.

    Args:
        ax: where to draw.
        lines: in the order in which they are drawn.
        shared: what all of them have, as properties of matplotlib's Line2D.
    """
    known = [np.isfinite(line.x) & np.isfinite(line.y) for line in lines]
    shown = [(line, keep) for line, keep in zip(lines, known, strict=True) if keep.any()]
    if not shown:
        return
    sides: tuple[Axis, ...] = (ax.xaxis, ax.yaxis)
    names = [axis.label.get_text() for axis in sides]
    # Where an axis has no name yet, seaborn makes all ticks to see whether it should give it one.
    for axis in sides:
        axis.label.set_text("named by the caller")
    before = len(ax.lines)
    sns.lineplot(
        x=drawable(np.concatenate([line.x[keep] for line, keep in shown])),
        y=drawable(np.concatenate([line.y[keep] for line, keep in shown])),
        units=np.repeat(range(len(shown)), [int(keep.sum()) for _, keep in shown]),
        estimator=None,
        errorbar=None,
        sort=False,
        legend=False,
        ax=ax,
        # seaborn's own choice is white edges, which none of matplotlib's marks has unless asked for.
        **{"color": LIGHT["ink"], "markeredgecolor": "auto", "markeredgewidth": 1.0, **shared},
    )
    for axis, name in zip(sides, names, strict=True):
        axis.label.set_text(name)
    for (line, _), artist in zip(shown, ax.lines[before:], strict=True):
        artist.set(label=line.label, **line.look)


def draw_band(
    ax: Axes,
    x: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    *,
    where: NDArray[np.bool_],
    style: Style,
    name: str,
    alpha: float,
    stairs: bool = False,
) -> None:
    """Shade what lies between two ends that are known, where both are; nothing where none is.

    Args:
        ax: where to draw.
        x: shape (points,).
        low: the lower end at each point.
        high: the upper end.
        where: at which points there is a band.
        style: the optimizer's.
        name: the optimizer's name.
        alpha: opacity, in (0, 1].
        stairs: whether an end holds until the next point (else lines join them).
    """
    if where.any():
        ax.fill_between(
            drawable(x), drawable(low), drawable(high), where=where.tolist(), color=style.color, alpha=alpha,
            linewidth=0, step="post" if stairs else None, label=f"_band {name}",
            gid=f"series{style.index}-band",
        )  # fmt: skip


def draw_dot(
    ax: Axes,
    x: ArrayLike,
    y: ArrayLike,
    style: Style,
    *,
    label: str,
    part: str = "dot",
    **own: Any,  # noqa: ANN401 - matplotlib's
) -> None:
    """Draw an optimizer's marker at a place or several, parted from what lies below by a paper-white edge.

    Args:
        ax: where to draw.
        x: the place, or places of shape (points,).
        y: the same.
        style: the optimizer's.
        label: the artist's label.
        part: end of the artist's gid.
        own: what this one has otherwise, as properties of matplotlib's Line2D.
    """
    ax.plot(
        np.atleast_1d(drawable(x)), np.atleast_1d(drawable(y)), **{
            "marker": style.marker, "color": style.color, "markersize": 7, "linestyle": "none",
            "markeredgecolor": LIGHT["paper"], "markeredgewidth": 0.8, "label": label,
            "gid": f"series{style.index}-{part}", **own,
        },
    )  # fmt: skip


def draw_interval(
    ax: Axes,
    x: tuple[float, float],
    y: tuple[float, float],
    style: Style,
    *,
    name: str,
    part: str = "interval",
    **own: Any,  # noqa: ANN401 - matplotlib's
) -> None:
    """Draw a bar from one end of an interval to the other.

    Args:
        ax: where to draw.
        x: both ends along x, equal for an upright bar.
        y: both ends along y.
        style: the optimizer's.
        name: the optimizer's name.
        part: end of the artist's gid.
        own: what this one has otherwise, as properties of matplotlib's Line2D.
    """
    ax.plot(
        drawable(x), drawable(y), **{
            "color": style.color, "linewidth": 2, "solid_capstyle": "butt", "label": f"_interval {name}",
            "gid": f"series{style.index}-{part}", **own,
        },
    )  # fmt: skip
