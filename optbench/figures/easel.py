"""What the plans share: the study's names and styles, and where finished panels are put."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from optbench.figures.axes import panel
from optbench.figures.output import to_svg_and_pdf
from optbench.figures.painters import Painter
from optbench.figures.record import Entry, Panel, Stems
from optbench.figures.style import Style, assign_styles
from optbench.figures.svg import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

Draw: TypeAlias = "Callable[[Axes], None]"
"""Draws on the axes that it is given."""

LINES = 10
"""Lines that one panel labels directly (their names take three quarters of its height); more of them go to
further panels."""


@dataclass(frozen=True)
class Study:
    """What the figures need to know of a study.

    Attributes:
        facts: study.json as it stands.
        runs: the run table.
        workloads: names in the study's order.
        optimizers: names in the study's order.
        schedules: names in the study's order.
        styles: one style an optimizer, for every figure.
    """

    facts: dict[str, Any]
    runs: pd.DataFrame
    workloads: tuple[str, ...]
    optimizers: tuple[str, ...]
    schedules: tuple[str, ...]
    styles: dict[str, Style]

    def label(self, kind: str, name: str) -> str:
        """Return what the page calls a workload, optimizer or schedule (`kind` is the plural)."""
        return str(self.fact(kind, name, "label") or name)

    def labels(self, kind: str) -> dict[str, str]:
        """Return all labels of a kind by name."""
        names: tuple[str, ...] = getattr(self, kind)
        return {name: self.label(kind, name) for name in names}

    def fact(self, kind: str, name: str, key: str) -> Any:  # noqa: ANN401 - a JSON value
        """Return a fact of study.json, None where it is absent."""
        return ((self.facts.get(kind) or {}).get(name) or {}).get(key)


def read_study(tables: Path) -> Study:
    """Return the study of a tables folder; the order of names is that of the run table."""
    facts = json.loads((tables / "study.json").read_text(encoding="utf-8"))
    runs = pd.read_parquet(tables / "runs.parquet")
    names = {
        kind: tuple(str(name) for name in runs[column].unique())
        for kind, column in (
            ("workloads", "workload"), ("optimizers", "optimizer"), ("schedules", "schedule"),
        )
    }  # fmt: skip
    return Study(facts=facts, runs=runs, styles=assign_styles(names["optimizers"]), **names)


def read_curves(file: Path, split: str, cells: set[str]) -> pd.DataFrame:
    """Return one split's rows of some cells from the curve table."""
    chosen = (pc.field("split") == split) & pc.field("cell").isin(sorted(cells))
    rows = pq.read_table(file, filters=chosen).to_pandas()
    frame: pd.DataFrame = rows.astype({"cell": str, "metric": str})
    return frame


def first_runs(study: Study, workload: str, schedule: str) -> pd.DataFrame:
    """Return the first seed's run of every optimizer."""
    runs = study.runs
    here = runs[(runs["workload"] == workload) & (runs["schedule"] == schedule)]
    return here.sort_values("seed", kind="stable").groupby("optimizer", sort=False).head(1)


@dataclass(frozen=True)
class Sheet:
    """A panel that is still to be drawn."""

    draw: Draw
    size: dict[str, float]
    svg: str
    prefix: str
    title: str
    alt: str


class Easel:
    """Draws panels into a folder, each under a name of its own."""

    def __init__(self, folder: Path, painter: Painter | None = None) -> None:
        self.folder = folder
        self._painter = painter or Painter()
        self._stems = Stems()
        self._open: list[Sheet] = []
        self._count = 0

    def name(self, *names: str) -> str:
        """Return an unused id for a figure or a panel."""
        return self._stems.unique(*names)

    def put(self, draw: Draw, names: Sequence[str], title: str, alt: str, **size: float) -> Panel:
        """Keep a panel for `bind` to draw.

        Args:
            draw: draws on the axes that it is given.
            names: what to call it.
            title: what it is, in a phrase.
            alt: what it shows, for those who do not see it.
            size: lengths in points that `panel` takes.
        """
        stem = self.name(*names)
        self._count += 1
        self._open.append(Sheet(draw, size, f"{stem}.svg", f"p{self._count}", title, alt))
        return Panel(id=stem, title=title, alt=alt, svg=f"{stem}.svg")

    def bind(self, *names: str) -> tuple[str, str]:
        """Draw the panels put since the last call, each as SVG and all as one PDF; return id and PDF."""
        stem = self.name(*names)
        sheets, self._open = self._open, []
        self._painter.do(lambda: _write(sheets, self.folder, f"{stem}.pdf"))
        return stem, f"{stem}.pdf"


def _write(sheets: Sequence[Sheet], folder: Path, pdf: str) -> None:
    figures = []
    for sheet in sheets:
        figure, ax = panel(**sheet.size)
        sheet.draw(ax)
        figures.append(figure)
    documents, pages = to_svg_and_pdf(figures)
    for sheet, document in zip(sheets, documents, strict=True):
        text = clean(document, sheet.prefix, sheet.title, sheet.alt)
        (folder / sheet.svg).write_text(text, encoding="utf-8")
    (folder / pdf).write_bytes(pages)


def by_schedule(study: Study, rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each schedule that has rows with them, one an optimizer, both in the study's order."""
    for schedule in study.schedules:
        here = rows[rows["schedule"] == schedule].set_index("optimizer", drop=False)
        here = here.loc[[name for name in study.optimizers if name in here.index]]
        if not here.empty:
            yield schedule, here


def chunks(names: Sequence[str], size: int = LINES) -> Iterator[list[str]]:
    """Yield the names in runs of nearly equal length, at most `size`."""
    count = math.ceil(len(names) / size)
    for index in range(count):
        yield list(names[index * len(names) // count : (index + 1) * len(names) // count])


def entry(value: object) -> Entry:
    """Return a value as JSON can hold it: None for NaN, a sign for an infinity."""
    if isinstance(value, float):
        if math.isnan(value):
            return None
        if math.isinf(value):
            return "∞" if value > 0 else "−∞"
        return value
    if value is None or isinstance(value, (str, int)):
        return value
    return entry(float(value)) if hasattr(value, "__float__") else str(value)


def spoken(value: float) -> str:
    """Return a number for a sentence, four significant digits."""
    if math.isnan(value):
        return "not available"
    if math.isinf(value):
        return "infinite (diverged)"
    return f"{value:.4g}"


def interval_words(coverage: Sequence[float], n: int) -> str:
    """Return what a band or bar is: the interval of a median over `n` seeds with its actual coverage."""
    known = sorted({round(100 * c, 1) for c in coverage if math.isfinite(c) and c > 0})
    seeds = f"{n} seed{'' if n == 1 else 's'}"
    if n < 2 or not known:  # noqa: PLR2004 - one run has no spread
        return f"{seeds}: too few for an interval"
    low, high = known[0], known[-1]
    share = f"{high:g}%" if low == high else f"{low:g} to {high:g}%"
    return f"interval of the median over {seeds} from order statistics, which covers {share}"
