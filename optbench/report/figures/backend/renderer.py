"""Writes finished figures: each as SVG, and where asked for, all of a caption's as the pages of one PDF."""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from matplotlib.backends.backend_pdf import PdfPages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure


@contextmanager
def _silent_about_glyphs() -> Iterator[None]:
    """Nobody is told that matplotlib's font lacks a letter; any other warning is a fault of ours."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ ", category=UserWarning)
        yield


def to_svg(figure: Figure) -> str:
    """Return a figure as matplotlib's SVG document, without a date.

    Args:
        figure: drawn inside `optbench.report.figures.backend.style.drawing`, which keeps text as text.
    """
    document = io.StringIO()
    # In SVG the reader's font draws what matplotlib's lacks.
    with _silent_about_glyphs():
        figure.savefig(document, format="svg", metadata={"Date": None, "Creator": None})
    return document.getvalue()


def write_pdf(figures: Sequence[Figure], file: Path) -> None:
    """Write figures as the pages of one PDF, its fonts embedded, without a date.

    Args:
        figures: drawn inside `optbench.report.figures.backend.style.drawing`.
        file: where to.
    """
    undated = {"CreationDate": None, "Creator": None, "Producer": None}
    with (
        _silent_about_glyphs(),
        PdfPages(file, metadata=undated) as pages,
    ):
        for figure in figures:
            pages.savefig(figure)
