"""Writes finished figures: each as SVG, and where asked for, all of a caption's as the pages of one PDF."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from matplotlib.backends.backend_pdf import PdfPages

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.figure import Figure


def to_svg(figure: Figure) -> str:
    """Return a figure as matplotlib's SVG document, without a date.

    Args:
        figure: drawn inside `optbench.report.figures.backend.style.drawing`, which keeps text as text.
    """
    document = io.StringIO()
    # In SVG the reader's font draws what matplotlib's lacks.
    with warnings.catch_warnings(action="ignore", category=UserWarning):
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
        warnings.catch_warnings(action="ignore", category=UserWarning),
        PdfPages(file, metadata=undated) as pages,
    ):
        for figure in figures:
            pages.savefig(figure)
