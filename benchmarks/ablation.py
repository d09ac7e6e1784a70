"""What each piece of drawing is worth that stands in plain matplotlib's stead, and what seaborn's marks take.

    python benchmarks/ablation.py [--cells 200 10000] [--repeats 3] [--figures 40]

A fabricated study is drawn and its page rendered. Then some of its figures, spread evenly over the page, are
drawn and written once more in several ways: as they are; without a piece that saves time (the axis drawn from
one tick gives way to matplotlib's own, garbage collected once a figure to the collector's own times); lines
and shares without seaborn; rows and points by the seaborn marks that are not in use. What PDFs add is told
too. The ways take turns at every figure. A ratio is of the processor time of the page, in one process: of all
its figures, in proportion to the panels of those drawn again, with planning and rendering, which no way
changes.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.artist import Artist

from lab.fabricate import fabricate, large
from optbench.report.figures import axes
from optbench.report.figures.backend import panels
from optbench.report.figures.draw import draw_all
from optbench.report.figures.marks import intervals, points
from optbench.report.page.build import render
from results import Row, record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from matplotlib.axes import Axes

TENTH = 1.1
"""A piece stays where the page takes at least this much longer without it, at one of the sizes; a mark is
seaborn's where the page takes at most this much longer with it, at both."""


@contextmanager
def _own_axes() -> Iterator[None]:
    with patch.object(axes, "SingleTickAxis", lambda _axis: Artist()):
        yield


@contextmanager
def _own_collector() -> Iterator[None]:
    gc.unfreeze()
    gc.enable()
    try:
        yield
    finally:
        gc.disable()


def _lines_by_matplotlib(*, stairs: bool) -> AbstractContextManager[object]:
    """Takes the place of seaborn's `lineplot` for lines that are stairs, or for those that are not."""
    lineplot = sns.lineplot

    def lines(*, x: Any, y: Any, units: Any, ax: Axes, **named: Any) -> None:  # noqa: ANN401
        if (named.get("drawstyle") == "steps-post") != stairs:
            lineplot(x=x, y=y, units=units, ax=ax, **named)
            return
        for option in ("estimator", "errorbar", "sort", "legend"):
            named.pop(option)
        for unit in range(units[-1] + 1):
            ax.plot(x[units == unit], y[units == unit], **named)

    return patch.object(sns, "lineplot", lines)


def _rows_by(
    draw: Callable[[pd.DataFrame, dict[str, Any]], None], left_out: Sequence[str]
) -> AbstractContextManager[object]:
    """Takes the place of the rows of markers; `left_out` names the marks that `draw` draws instead."""
    own = intervals._draw_rows

    def rows(table: pd.DataFrame, ax: Axes, styles: Mapping[str, Any], *rest: Any, **named: Any) -> None:  # noqa: ANN401
        with ExitStack() as stack:
            for mark in left_out:
                stack.enter_context(patch.object(intervals, mark, lambda *_, **__: None))
            own(table, ax, styles, *rest, **named)
        names = [str(name) for name in table["optimizer"]]
        kept = table.assign(row=range(len(table)))[np.isfinite(table["estimate"].to_numpy(float))]
        words = [axis.label.get_text() for axis in (ax.xaxis, ax.yaxis)]
        for axis in (ax.xaxis, ax.yaxis):
            axis.label.set_text("named by the caller")  # else seaborn makes all ticks
        if len(kept):
            colors = {name: styles[name].color for name in names}
            draw(kept, {"y": "row", "hue": "optimizer", "palette": colors, "orient": "h", "legend": False,
                        "native_scale": True, "hue_order": names, "ax": ax})  # fmt: skip
        for axis, word in zip((ax.xaxis, ax.yaxis), words, strict=True):
            axis.label.set_text(word)

    return patch.object(intervals, "_draw_rows", rows)


def _pointplot(rows: pd.DataFrame, look: dict[str, Any]) -> None:
    # The median of an estimate and both its ends is the estimate, and their range is the interval.
    ends = [rows.assign(value=rows[column]) for column in ("low", "estimate", "high")]
    known = pd.concat(ends, ignore_index=True)
    known = known[np.isfinite(known["value"].to_numpy(float))]
    sns.pointplot(known, x="value", estimator="median", errorbar=("pi", 100), linestyle="none", **look)


def _stripplot(rows: pd.DataFrame, look: dict[str, Any]) -> None:
    sns.stripplot(rows, x="estimate", jitter=False, size=7, **look)


def _points_by_scatterplot() -> AbstractContextManager[object]:
    def dot(ax: Axes, x: float, y: float, style: Any, *, label: str, part: str, **own: Any) -> None:  # noqa: ANN401
        sns.scatterplot(
            x=[x], y=[y], color=style.color, marker=style.marker, label=label, legend=False,
            s=own["markersize"] ** 2, gid=f"series{style.index}-{part}", ax=ax, zorder=own.get("zorder", 2),
        )  # fmt: skip

    return patch.object(points, "draw_dot", dot)


WAYS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "without the axis drawn from one tick": _own_axes,
    "without garbage collected once a figure": _own_collector,
    "lines without seaborn": lambda: _lines_by_matplotlib(stairs=False),
    "shares without seaborn": lambda: _lines_by_matplotlib(stairs=True),
    "rows by seaborn.pointplot": lambda: _rows_by(_pointplot, ("draw_dot", "draw_interval")),
    "rows by seaborn.stripplot": lambda: _rows_by(_stripplot, ("draw_dot",)),
    "points by seaborn.scatterplot": _points_by_scatterplot,
    "with PDFs": ExitStack,
}
"""What is otherwise than on the page."""

SEABORN = {
    "lines without seaborn": "lines by seaborn.lineplot",
    "shares without seaborn": "shares by seaborn.lineplot",
}
"""Ways that say what a mark in use costs: the ratio is the other way round, under this name."""


class Redrawing:
    """Draws some figures again in every way, and keeps what each took.

    Attributes:
        taken: processor time by way, then by repeat.
        panels: how many panels were drawn again.
        spent_s: processor time in all, untimed parts included.
    """

    def __init__(self, every: int, repeats: int) -> None:
        self.taken = {name: [0.0] * repeats for name in ("", *WAYS)}
        self.panels = 0
        self.spent_s = 0.0
        self._every, self._repeats = every, repeats
        self._met = 0
        self._write = panels._write

    def __call__(self, pending: Sequence[panels.PendingPanel], folder: Path, _pdf: str) -> None:
        """Take the place of what draws and writes one figure."""
        self._met += 1
        if self._met % self._every:
            return
        start = time.process_time()
        self.panels += len(pending)
        for repeat in range(self._repeats):
            for name in self.taken:
                with WAYS[name]() if name else ExitStack():
                    begun = time.process_time()
                    self._write(pending, folder, "again.pdf" if name == "with PDFs" else "")
                    if gc.isenabled():
                        self.taken[name][repeat] += time.process_time() - begun
                    else:
                        gc.collect(0)
                        self.taken[name][repeat] += time.process_time() - begun
                if name == "without garbage collected once a figure":
                    gc.collect()
                    gc.freeze()
        self.spent_s += time.process_time() - start


def measure(cells: int, repeats: int, figures: int) -> list[Row]:
    """Return what each way is worth on a page of about `cells` cells, from about `figures` of its figures."""
    fake = large(cells)
    with tempfile.TemporaryDirectory() as folder:
        results = fabricate(Path(folder) / "results/large", fake)
        start = time.process_time()
        records = draw_all(results / "tables", results / "figures")
        drawn = time.process_time()
        render(results, Path(folder) / "reports")
        page_s, render_s = time.process_time() - start, time.process_time() - drawn
        again = Redrawing(max(len(records) // figures, 1), repeats)
        with patch.object(panels, "_write", again):
            start = time.process_time()
            draw_all(results / "tables", results / "figures")
            rest = time.process_time() - start - again.spent_s + render_s
    count = sum(len(record.panels) for record in records)
    times = count / again.panels
    pages = {name: [rest + times * each for each in taken] for name, taken in again.taken.items()}
    case = f"{fake.cells:,} cells"
    rows = [
        Row(case, "draw + render, processor time", page_s, "s"),
        Row(case, f"panels drawn in each way, of {count}", again.panels),
    ]
    for name in WAYS:
        ratios = sorted(way / base for way, base in zip(pages[name], pages[""], strict=True))
        shown, limit, side = name, TENTH, "at least"
        if name in SEABORN:
            shown, side, ratios = SEABORN[name], "at most", sorted(1 / ratio for ratio in ratios)
        if name == "with PDFs":
            limit = None
        rows.append(Row(case, shown, median(ratios), low=ratios[0], high=ratios[-1], limit=limit, side=side))
    return rows


def main() -> None:
    """Measures and records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, nargs="+", default=[200, 10_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--figures", type=int, default=40)
    parser.add_argument("--note", default="", help="what stands above the table")
    given = parser.parse_args()
    rows = [row for cells in given.cells for row in measure(cells, given.repeats, given.figures)]
    record("ablation", rows, given.note)


if __name__ == "__main__":
    main()
