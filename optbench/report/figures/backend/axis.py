"""An axis drawn from one tick: all its grid lines as one line, all its marks at once, its numbers in turn.

Matplotlib makes five artists for every tick of every axis and measures all the numbers for labels that could
collide with them; docs/why/performance.md has what that takes. What is seen is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.artist import Artist
from matplotlib.ticker import NullLocator

if TYPE_CHECKING:
    from matplotlib.axis import Axis, Tick
    from matplotlib.backend_bases import RendererBase
    from numpy.typing import NDArray

TOLERANCE = 1e-10
"""Share of an axis' length by which a tick may lie outside, as matplotlib has it."""


class SingleTickAxis(Artist):
    """Draws an axis in matplotlib's stead; the axis itself is hidden, and asked for everything.

    What it cannot draw (minor ticks, an offset beside the axis) is left to matplotlib. The axis' label must
    have a place given by `set_label_coords`.
    """

    def __init__(self, axis: Axis) -> None:
        super().__init__()
        self._axis = axis
        self.set_zorder(axis.get_zorder())
        axis.set_visible(False)

    def draw(self, renderer: RendererBase) -> None:
        """Draw grid, marks, numbers and label."""
        axis = self._axis
        places = np.asarray(axis.get_majorticklocs(), float)
        words = axis.get_major_formatter().format_ticks(places)  # type: ignore[arg-type]
        if not isinstance(axis.get_minor_locator(), NullLocator) or axis.get_major_formatter().get_offset():
            axis.set_visible(True)
            axis.draw(renderer)
            axis.set_visible(False)
            return
        low, high = sorted(axis.get_transform().transform(np.asarray(axis.get_view_interval())))
        at = axis.get_transform().transform(places)
        inside = (at >= low - TOLERANCE * (high - low)) & (at <= high + TOLERANCE * (high - low))
        if inside.any():
            shown = [word for word, keep in zip(words, inside, strict=True) if keep]
            along_x = axis is axis.axes.xaxis
            _draw_ticks(renderer, axis.get_major_ticks(1)[0], places[inside], shown, along_x=along_x)
        axis.label.draw(renderer)


def _draw_ticks(
    renderer: RendererBase, tick: Tick, places: NDArray[np.float64], words: list[str], *, along_x: bool
) -> None:
    _lay(tick, places, along_x=along_x)
    for line in (tick.gridline, tick.tick1line, tick.tick2line):
        line.draw(renderer)
    for label in (tick.label1, tick.label2):
        if label.get_visible():
            for place, word in zip(places, words, strict=True):
                (label.set_x if along_x else label.set_y)(place)
                label.set_text(word)
                label.draw(renderer)
    _lay(tick, places[:1], along_x=along_x)  # as matplotlib has it


def _lay(tick: Tick, places: NDArray[np.float64], *, along_x: bool) -> None:
    """Put a tick's lines at several places; the grid's pieces are parted by gaps."""
    gaps = np.full_like(places, np.nan)
    grid = np.column_stack([places, places, gaps]).ravel()[:-1]
    ends = np.tile([0, 1, np.nan], len(places))[:-1]
    for line, along, across in (
        (tick.gridline, grid, ends),
        (tick.tick1line, places, np.zeros_like(places)),
        (tick.tick2line, places, np.ones_like(places)),
    ):
        if line.get_visible():
            line.set_data(*((along, across) if along_x else (across, along)))
