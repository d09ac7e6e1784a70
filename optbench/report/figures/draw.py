"""The `plot` stage: the figures of every section, drawn from a study's tables into its figures folder."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from optbench.catalogue.workloads.landscapes import LANDSCAPES
from optbench.report.figure import FigureRecord, write_records
from optbench.report.figures.backend.panels import FigureWriter
from optbench.report.figures.backend.processes import draw_in_processes
from optbench.report.figures.backend.style import drawing
from optbench.report.figures.context import DrawingContext
from optbench.report.sections import SECTIONS, Section, figures_module
from optbench.report.study import read_study_view
from optbench.tables.read import read_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from optbench.catalogue.workloads.landscapes import Landscape


def draw_all(
    tables: Path,
    figures: Path,
    *,
    cores: int = 1,
    pdf: bool | None = None,
    landscapes: Mapping[str, Landscape] = LANDSCAPES,
    sections: Sequence[Section] = SECTIONS,
) -> list[FigureRecord]:
    """Write every figure of a study as SVG, where asked for as PDF too, and figures.json; return its records.

    Args:
        tables: results/<study>/tables, as `collect` and `summarize` left it.
        figures: results/<study>/figures; drawings of an earlier run are removed first.
        cores: processes that draw; they write the same files.
        pdf: whether to write PDFs; None for what the study's `report.pdf` says.
        landscapes: the surfaces that workloads may name.
        sections: of the page; their figures are drawn in this order.

    Raises:
        ValueError: a section drew a figure that stands in none of its places.
    """
    figures.mkdir(parents=True, exist_ok=True)
    for old in (*figures.glob("*.svg"), *figures.glob("*.pdf")):
        old.unlink()
    # Imported before there are several processes, so that it is done once.
    drawn = {section: import_module(figures_module(section)).draw for section in sections if section.figures}
    if pdf is None:
        facts = read_values(tables / "study.json")
        pdf = bool(facts.get("report", {}).get("pdf"))
    with drawing():
        records = draw_in_processes(
            lambda process: _draw(
                DrawingContext(
                    read_study_view(tables), FigureWriter(figures, process, pdf=pdf), tables, landscapes
                ),
                drawn,
            ),
            cores,
        )
    write_records(records, figures / "figures.json")
    return records


def _draw(
    context: DrawingContext, drawn: Mapping[Section, Callable[[DrawingContext], list[FigureRecord]]]
) -> list[FigureRecord]:
    """Draw the figures of every section in turn."""
    records: list[FigureRecord] = []
    for section, draw in drawn.items():
        of_section = draw(context)
        for record in of_section:
            if record.section not in section.figures:
                raise ValueError(
                    f"figure {record.id} says section {record.section!r}; those of the section {section.id} "
                    f"are {', '.join(section.figures)}"
                )
        records += of_section
    return records
