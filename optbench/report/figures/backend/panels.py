"""Where the plans put finished panels."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from optbench.core.errors import UserError
from optbench.core.files import set_aside, write_atomically
from optbench.core.text import escaped
from optbench.report.figure import Panel, UniqueIds
from optbench.report.figures.axes import panel, scales_of
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

OnFailure: TypeAlias = "Callable[[str, Exception], None]"
"""Is told what cannot be drawn, and why."""


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
    """Draws panels into a folder, each under a name of its own; `pdf` asks for PDFs beside the SVGs.

    Attributes:
        folder: where they go.
        pdf: whether PDFs are asked for.
        process: which of those that draw this one is.
        on_failure: is told of a figure that cannot be drawn, and why; left out: that ends it all.
    """

    def __init__(self, folder: Path, *, pdf: bool = False, on_failure: OnFailure | None = None) -> None:
        self.folder = folder
        self.pdf = pdf
        self.process = DrawingProcess()
        self.on_failure = on_failure
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
        self.process.do(lambda: self._write(stem, panels, pdf))
        return stem, pdf

    def forget(self) -> None:
        """Forget the panels put since the last figure, which is not to be."""
        self._open = []

    def _write(self, stem: str, panels: Sequence[PendingPanel], pdf: str) -> None:
        try:
            _write(panels, self.folder, pdf)
        except (UserError, OSError):  # of a table that it reads, or of the disk
            raise
        except Exception as problem:
            if self.on_failure is None:
                raise
            # What lies there is of other numbers: it must not stand for them.
            for name in (*(one.svg for one in panels), *filter(None, [pdf])):
                if os.path.lexists(self.folder / name):
                    set_aside(self.folder / name)
            self.on_failure(f"{self.folder / stem}", problem)


def _write(panels: Sequence[PendingPanel], folder: Path, pdf: str) -> None:
    figures = []
    for pending in panels:
        figure, ax = panel(**pending.size)
        pending.draw(ax)
        figures.append(figure)
    for pending, figure in zip(panels, figures, strict=True):
        # A name may hold what is no XML; it is shown as an escape.
        drawing = clean(to_svg(figure), pending.prefix, pending.title, pending.alt, scales_of(figure.axes[0]))
        text = escaped(drawing, lines=True)
        try:
            check_picture(text)
        except PictureError as problem:  # one drawing must not cost the page
            print(f"optbench: {folder / pending.svg} is not written: it {problem}", file=sys.stderr)  # noqa: T201
            if os.path.lexists(folder / pending.svg):
                set_aside(folder / pending.svg)
            continue
        with write_atomically(folder / pending.svg, synced=False) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    if pdf:
        with write_atomically(folder / pdf, synced=False) as unfinished:
            write_pdf(figures, unfinished)
