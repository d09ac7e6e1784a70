"""What each piece of drawing is worth that stands in plain matplotlib's or in seaborn's stead.

    python benchmarks/ablation.py [--cells 200 10000] [--repeats 3]

A fabricated study is drawn and its page rendered, with everything and with one piece at a time switched off:
the axis drawn from one tick gives way to matplotlib's own, garbage collected once a figure to the collector's
own times, and curves, stairs and rows of markers to seaborn's lineplot, ecdfplot and pointplot, each called
once a panel on the same precomputed rows. What PDFs add is told too. The ways take turns within each repeat,
and a ratio is of the processor time of both stages, in one process: of two neighbours on one machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack, nullcontext
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import numpy as np
import seaborn as sns
from lab.fabricate import fabricate, large
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from results import Row, record

from optbench.figures import axes, painters, plan, plan_shares
from optbench.report.page.build import render

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

LIMIT = 1.1
"""A piece stays where the page takes at least this much longer without it, at one of the sizes."""

Ways = dict[str, list[tuple[object, str, object]]]


def _leaving_out(draw: Callable[..., None], part: str, instead: Callable[..., None]) -> Callable[..., None]:
    """Return `draw` without its lines whose gid ends in `part`; `instead` draws those."""
    plot = Axes.plot

    def skipping(self: Axes, *args: Any, **named: Any) -> Any:  # noqa: ANN401 - as matplotlib's
        return [] if str(named.get("gid", "")).endswith(part) else plot(self, *args, **named)

    def drawn(table: pd.DataFrame, ax: Axes, styles: Mapping[str, Any], **named: Any) -> None:  # noqa: ANN401
        with patch.object(Axes, "plot", skipping):
            draw(table, ax, styles, **named)
        names = [str(name) for name in table["optimizer"].unique()]
        colors = {name: styles[name].color for name in names}
        instead(table, ax, names, {"hue": "optimizer", "palette": colors, "legend": False, "ax": ax})

    return drawn


def _lines(table: pd.DataFrame, _ax: Axes, _names: list[str], look: dict[str, Any]) -> None:
    finite = table[np.isfinite(table["median"])]
    sns.lineplot(finite, x="step", y="median", estimator=None, errorbar=None, linewidth=1.8, **look)


def _stairs(table: pd.DataFrame, _ax: Axes, _names: list[str], look: dict[str, Any]) -> None:
    jumps = table.groupby("optimizer", sort=False)["share"].diff().fillna(table["share"])
    sns.ecdfplot(table.assign(jump=jumps), x="x", weights="jump", stat="count", linewidth=1.8, **look)


def _rows(table: pd.DataFrame, ax: Axes, names: list[str], look: dict[str, Any]) -> None:
    finite = table[np.isfinite(table["estimate"])]
    if finite.empty:
        return
    ticks = ax.yaxis.get_major_locator(), ax.yaxis.get_major_formatter()
    sns.pointplot(finite, x="estimate", y="optimizer", order=names, hue_order=names, linestyle="none",
                  errorbar=None, **look)  # fmt: skip
    ax.yaxis.set_major_locator(ticks[0])
    ax.yaxis.set_major_formatter(ticks[1])


class _NoCollecting:
    """Stands for the module `gc` where nobody collects by hand."""

    @staticmethod
    def collect(_generation: int) -> int:
        return 0


PIECES: Ways = {
    "an axis drawn from one tick": [(axes, "Ruler", lambda _axis: Artist())],
    "garbage collected once a figure": [
        (painters, "_collecting_by_hand", nullcontext), (painters, "gc", _NoCollecting),
    ],
}  # fmt: skip
"""What is switched off."""

MARKS: Ways = {
    "curves by seaborn.lineplot": [
        (plan, "draw_convergence", _leaving_out(plan.draw_convergence, "-line", _lines))
    ],
    "shares by seaborn.ecdfplot": [
        (plan_shares, "draw_shares", _leaving_out(plan_shares.draw_shares, "-share", _stairs))
    ],
    "rows by seaborn.pointplot": [
        (plan, "draw_final_losses", _leaving_out(plan.draw_final_losses, "-dot", _rows))
    ],
}
"""What is drawn otherwise."""


def _taken_s(results: Path, reports: Path, way: list[tuple[object, str, object]], *, pdf: bool) -> float:
    """Return the processor time of drawing and rendering with `way` put in place."""
    with ExitStack() as stack:
        for module, name, value in way:
            stack.enter_context(patch.object(module, name, value))
        start = time.process_time()
        plan.draw_all(results / "tables", results / "figures", pdf=pdf)
        render(results, reports)
        return time.process_time() - start


def measure(cells: int, repeats: int) -> list[Row]:
    """Return what each piece is worth on a page of about `cells` cells."""
    fake = large(cells)
    ways: Ways = {"": [], **PIECES, **MARKS, "PDFs": []}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        results = fabricate(Path(folder) / "results/large", fake)
        _taken_s(results, Path(folder) / "reports", [], pdf=False)  # the first one finds the fonts
        for _ in range(repeats):
            for name, way in ways.items():
                taken[name].append(_taken_s(results, Path(folder) / "reports", way, pdf=name == "PDFs"))
    rows = [Row(f"{fake.cells:,} cells", "draw + render, processor time", median(taken[""]), "s")]
    for name in [name for name in ways if name]:
        ratios = sorted(with_it / without for with_it, without in zip(taken[name], taken[""], strict=True))
        kind, limit = ("without: ", LIMIT) if name in PIECES else ("with: ", None)
        rows.append(
            Row(f"{fake.cells:,} cells", kind + name, median(ratios), low=ratios[0], high=ratios[-1],
                limit=limit, side="at least")
        )  # fmt: skip
    return rows


def main() -> None:
    """Measures and records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, nargs="+", default=[200, 10_000])
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    record("ablation", [row for cells in given.cells for row in measure(cells, given.repeats)])


if __name__ == "__main__":
    main()
