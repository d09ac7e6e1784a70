"""Where the plans put finished panels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from optbench.report.figure import Panel, Stems
from optbench.report.figures.axes import panel
from optbench.report.figures.backend.processes import Painter
from optbench.report.figures.backend.renderer import to_svg, write_pdf
from optbench.report.figures.backend.svg import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

Draw: TypeAlias = "Callable[[Axes], None]"
"""Draws on the axes that it is given."""


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
    """Draws panels into a folder, each under a name of its own; `pdf` asks for PDFs beside the SVGs."""

    def __init__(self, folder: Path, painter: Painter | None = None, *, pdf: bool = False) -> None:
        self.folder = folder
        self.pdf = pdf
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
        """Draw the panels put since the last call, each as SVG; return their id and their PDF's name.

        That name is "" where PDFs are not asked for.
        """
        stem = self.name(*names)
        sheets, self._open = self._open, []
        pdf = f"{stem}.pdf" if self.pdf else ""
        self._painter.do(lambda: _write(sheets, self.folder, pdf))
        return stem, pdf


def _write(sheets: Sequence[Sheet], folder: Path, pdf: str) -> None:
    figures = []
    for sheet in sheets:
        figure, ax = panel(**sheet.size)
        sheet.draw(ax)
        figures.append(figure)
    for sheet, figure in zip(sheets, figures, strict=True):
        text = clean(to_svg(figure), sheet.prefix, sheet.title, sheet.alt)
        (folder / sheet.svg).write_text(text, encoding="utf-8")
    if pdf:
        write_pdf(figures, folder / pdf)
