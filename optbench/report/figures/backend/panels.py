"""Where the plans put finished panels."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from optbench.core.text import escaped
from optbench.report.figure import Panel, UniqueIds
from optbench.report.figures.axes import panel
from optbench.report.figures.backend.processes import DrawingProcess
from optbench.report.figures.backend.renderer import to_svg, write_pdf
from optbench.report.figures.backend.svg import clean
from optbench.report.pictures import PictureError, check_picture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

Draw: TypeAlias = "Callable[[Axes], None]"
"""Draws on the axes that it is given."""


@dataclass(frozen=True)
class PendingPanel:
    """A panel that is still to be drawn."""

    draw: Draw
    size: dict[str, float]
    svg: str
    prefix: str
    title: str
    alt: str


class FigureWriter:
    """Draws panels into a folder, each under a name of its own; `pdf` asks for PDFs beside the SVGs."""

    def __init__(self, folder: Path, process: DrawingProcess | None = None, *, pdf: bool = False) -> None:
        self.folder = folder
        self.pdf = pdf
        self._process = process or DrawingProcess()
        self._stems = UniqueIds()
        self._open: list[PendingPanel] = []
        self._count = 0

    def name(self, *names: str) -> str:
        """Return an unused id for a figure or a panel."""
        return self._stems.unique(*names)

    def add_panel(self, draw: Draw, names: Sequence[str], title: str, alt: str, **size: float) -> Panel:
        """Keep a panel for `write_figure` to draw.

        Args:
            draw: draws on the axes that it is given.
            names: what to call it.
            title: what it is, in a phrase.
            alt: what it shows, for those who do not see it.
            size: lengths in points that `panel` takes.
        """
        stem = self.name(*names)
        self._count += 1
        title, alt = escaped(title), escaped(alt)
        self._open.append(PendingPanel(draw, size, f"{stem}.svg", f"p{self._count}", title, alt))
        return Panel(id=stem, title=title, alt=alt, svg=f"{stem}.svg")

    def write_figure(self, *names: str) -> tuple[str, str]:
        """Draw the panels put since the last call, each as SVG; return their id and their PDF's name.

        That name is "" where PDFs are not asked for.
        """
        stem = self.name(*names)
        panels, self._open = self._open, []
        pdf = f"{stem}.pdf" if self.pdf else ""
        self._process.do(lambda: _write(panels, self.folder, pdf))
        return stem, pdf


def _write(panels: Sequence[PendingPanel], folder: Path, pdf: str) -> None:
    figures = []
    for pending in panels:
        figure, ax = panel(**pending.size)
        pending.draw(ax)
        figures.append(figure)
    for pending, figure in zip(panels, figures, strict=True):
        # A name may hold what is no XML; it is shown as an escape.
        text = escaped(clean(to_svg(figure), pending.prefix, pending.title, pending.alt), lines=True)
        try:
            check_picture(text)
        except PictureError as problem:  # one drawing must not cost the page
            print(f"optbench: {folder / pending.svg} is not written: it {problem}", file=sys.stderr)  # noqa: T201
            continue
        (folder / pending.svg).write_text(text, encoding="utf-8")
    if pdf:
        write_pdf(figures, folder / pdf)
