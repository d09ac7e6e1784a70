"""Writes finished figures as SVG and as one PDF in a single drawing.

Most of the time of writing a figure goes into working out what stands where: ticks, layouts of text,
transformed paths. `figure.savefig` does it again for each format; `Both` does it once and hands every mark to
matplotlib's writers of both.
"""

# Matplotlib's writers have no types.
# mypy: disable-error-code="no-untyped-call, no-any-return"

from __future__ import annotations

import io
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_pdf import PdfFile, RendererPdf, pdfRepr
from matplotlib.backends.backend_svg import RendererSVG

from optbench.figures.axes import POINTS_PER_INCH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties


def to_svg_and_pdf(figures: Sequence[Figure]) -> tuple[list[str], bytes]:
    """Return each figure as matplotlib's SVG document, and all of them as the pages of one PDF.

    The PDF has its fonts embedded and no date. Making the font's subset takes ten times as long as drawing a
    panel, and a file needs it once.

    Args:
        figures: at `POINTS_PER_INCH` dots an inch, drawn inside `optbench.figures.style.drawing`, which keeps
            text as text.

    Raises:
        ValueError: a figure of another resolution.
    """
    stream = io.BytesIO()
    pages = Pages(stream, metadata={"CreationDate": None, "Creator": None, "Producer": None})
    # In SVG the reader's font draws what matplotlib's lacks.
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        documents = [_draw(figure, pages) for figure in figures]
        pages.finalize()
    pages.close()
    return documents, stream.getvalue()


def _draw(figure: Figure, pages: Pages) -> str:
    """Draw a figure as a further page; return it as SVG."""
    if figure.dpi != POINTS_PER_INCH:
        raise ValueError(f"a figure of {figure.dpi} dots an inch; {POINTS_PER_INCH:g} are one a point")
    width, height = figure.get_size_inches()
    document = io.StringIO()
    pages.newPage(width, height)
    pdf = PageRenderer(pages, POINTS_PER_INCH, height, width)
    svg = RendererSVG(
        width * POINTS_PER_INCH,
        height * POINTS_PER_INCH,
        document,
        metadata={"Date": None, "Creator": None},
    )
    figure.draw(Both(svg, pdf))
    svg.finalize()
    pdf.finalize()
    pages.endStream()
    return document.getvalue()


class Pages(PdfFile):
    """A PDF file that can take down what is written to it."""

    def __init__(self, *args: Any, **named: Any) -> None:  # noqa: ANN401
        self._tape: list[bytes] | None = None
        super().__init__(*args, **named)
        self.texts: dict[tuple[Any, ...], bytes] = {}

    def write(self, data: bytes) -> None:
        """Write, or take down while `record` runs."""
        if self._tape is None:
            super().write(data)
        else:
            self._tape.append(data)

    def record(self, draw: Callable[[], None]) -> bytes:
        """Return what `draw` would have written."""
        self._tape = []
        try:
            draw()
            return b"".join(self._tape)
        finally:
            self._tape = None


class PageRenderer(RendererPdf):
    """A page of `Pages`: a text that stands in the file already is not laid out again."""

    def draw_text(
        self,
        gc: Any,  # noqa: ANN401
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        ismath: Any = False,  # noqa: ANN401 - as matplotlib has it
        mtext: Any = None,  # noqa: ANN401
    ) -> None:
        """Write a text that begins at (x, y); the same bytes as matplotlib's."""

        def draw(x: float, y: float) -> None:
            super(PageRenderer, self).draw_text(gc, x, y, s, prop, angle, ismath, mtext)

        if ismath:
            draw(x, y)
            return
        self.check_gc(gc, gc._rgb)
        key = (s, prop.copy(), angle)
        if key not in self.file.texts:
            self.file.texts[key] = self.file.record(lambda: draw(0, 0))
        begin, origin, rest = self.file.texts[key].partition(b" 0 0 cm\n")
        if origin:
            self.file.write(begin + b" %s %s cm\n" % (pdfRepr(x), pdfRepr(y)) + rest)
        else:  # an empty text
            draw(x, y)


class Both(RendererBase):
    """A renderer that writes every mark twice; text is laid out by the SVG writer's measures.

    Matplotlib draws with a subclass of `RendererBase` and with nothing else. The marks that the figures of
    this package are made of are here; images, gradients and rasterized parts are not.
    """

    def __init__(self, svg: RendererSVG, pdf: RendererPdf) -> None:
        super().__init__()
        self._svg = svg
        self._pdf = pdf

    def new_gc(self) -> Any:  # noqa: ANN401 - GraphicsContextPdf, which the SVG writer reads as well
        """The PDF writer keeps more in its graphics contexts."""
        return self._pdf.new_gc()

    def flipy(self) -> bool:
        """Heights are counted from the top, as SVG does."""
        return True

    def get_canvas_width_height(self) -> tuple[float, float]:
        """In points."""
        return float(self._svg.width), float(self._svg.height)

    def get_text_width_height_descent(
        self,
        s: str,
        prop: FontProperties,
        ismath: Any,  # noqa: ANN401 - a bool or "TeX"
    ) -> tuple[float, float, float]:
        """The size of a text; the same few words stand in hundreds of panels."""
        return _measure(s, prop.copy(), ismath)

    def open_group(self, s: str, gid: str | None = None) -> None:
        """Groups are SVG's alone."""
        self._svg.open_group(s, gid)

    def close_group(self, s: str) -> None:
        """Groups are SVG's alone."""
        self._svg.close_group(s)

    def draw_path(self, gc: Any, path: Any, transform: Any, rgbFace: Any = None) -> None:  # noqa: ANN401, N803
        """Write a path."""
        self._svg.draw_path(gc, path, transform, rgbFace)
        self._pdf.draw_path(gc, path, transform, rgbFace)

    def draw_markers(self, gc: Any, *args: Any, **named: Any) -> None:  # noqa: ANN401
        """Write a path at many places."""
        self._svg.draw_markers(gc, *args, **named)
        self._pdf.draw_markers(gc, *args, **named)

    def draw_path_collection(self, gc: Any, *args: Any, **named: Any) -> None:  # noqa: ANN401
        """Write many paths."""
        self._svg.draw_path_collection(gc, *args, **named)
        self._pdf.draw_path_collection(gc, *args, **named)

    def draw_text(self, gc: Any, x: float, y: float, *args: Any, **named: Any) -> None:  # noqa: ANN401
        """Write a text; the PDF writer counts heights from the bottom."""
        self._svg.draw_text(gc, x, y, *args, **named)
        self._pdf.draw_text(gc, x, self._svg.height - y, *args, **named)


@lru_cache(maxsize=4096)
def _measure(text: str, font: FontProperties, ismath: Any) -> tuple[float, float, float]:  # noqa: ANN401
    width, height, descent = RendererBase().get_text_width_height_descent(text, font, ismath)
    return float(width), float(height), float(descent)
