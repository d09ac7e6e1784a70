"""The `plot` stage: the figures of every section, drawn from a study's tables into its figures folder."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from optbench.catalogue.workloads.landscapes import LANDSCAPES
from optbench.core.errors import UserError
from optbench.core.folders import make_folder
from optbench.report.figure import FigureRecord, write_records
from optbench.report.figures.backend.panels import FigureWriter
from optbench.report.figures.backend.processes import DrawingProcess, draw_in_processes
from optbench.report.figures.backend.style import drawing
from optbench.report.figures.context import DrawingContext
from optbench.report.sections import SECTIONS, Section, figures_module
from optbench.report.study import read_study_view
from optbench.tables.read import read_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from optbench.catalogue.workloads.landscapes import Landscape
    from optbench.report.figures.backend.panels import OnFailure


def draw_all(
    tables: Path,
    figures: Path,
    *,
    cores: int = 1,
    pdf: bool | None = None,
    landscapes: Mapping[str, Landscape] = LANDSCAPES,
    sections: Sequence[Section] = SECTIONS,
    on_failure: OnFailure | None = None,
) -> list[FigureRecord]:
    """Write every figure of a study as SVG, where asked for as PDF too, and figures.json; return its records.

    Args:
        tables: results/<study>/tables, as `collect` and `summarize` left it.
        figures: results/<study>/figures; drawings of an earlier run are replaced, and those that are no
            longer among them are removed in the end.
        cores: processes that draw; they write the same files.
        pdf: whether to write PDFs; None for what the study's `report.pdf` says.
        landscapes: the surfaces that workloads may name.
        sections: of the page; their figures are drawn in this order.
        on_failure: is told of a section or a figure that cannot be drawn, and why; the others are drawn,
            and no file of an earlier run is removed. Left out: the first one ends it.

    Raises:
        CorruptFileError: a table is none; or `figures` is no folder, or a link out of the results.
        OSError: a file cannot be read or written.
        ValueError: a section drew a figure that stands in none of its places.
    """
    make_folder(figures, figures.parent)
    # Imported before there are several processes, so that it is done once.
    drawn = {section: import_module(figures_module(section)).draw for section in sections if section.figures}
    if pdf is None:
        facts = read_values(tables / "study.json")
        pdf = bool(facts.get("report", {}).get("pdf"))
    writer = FigureWriter(figures, pdf=pdf, on_failure=on_failure)
    context = DrawingContext(read_study_view(tables), writer, tables, landscapes)
    context.read_all()
    failures: dict[str, Exception] = {}

    def plan(process: DrawingProcess) -> list[FigureRecord]:
        writer.process = process
        return _draw(context, drawn, None if on_failure is None else failures)

    with drawing():
        records = draw_in_processes(plan, cores)
    write_records(records, figures / "figures.json")
    # All processes plan the same, so that this one knows of each failure there, and tells it once.
    for section, problem in failures.items():
        if on_failure is not None:
            on_failure(f"section {section}", problem)
    if not failures:
        _remove_others(figures, records)
    return records


def _remove_others(figures: Path, records: Sequence[FigureRecord]) -> None:
    """Remove the drawings that none of the records names."""
    named = {panel.svg for record in records for panel in record.panels} | {record.pdf for record in records}
    for old in (*figures.glob("*.svg"), *figures.glob("*.pdf")):
        if old.name not in named and (old.is_symlink() or not old.is_dir()):
            old.unlink()


def _draw(
    context: DrawingContext,
    drawn: Mapping[Section, Callable[[DrawingContext], list[FigureRecord]]],
    failures: dict[str, Exception] | None,
) -> list[FigureRecord]:
    """Draw the figures of every section in turn; what fails is kept in `failures`, or raised without."""
    records: list[FigureRecord] = []
    for section, draw in drawn.items():
        try:
            of_section = draw(context)
        except (UserError, OSError):  # of a table that it reads, or of the disk
            raise
        except Exception as problem:
            if failures is None:
                raise
            failures[section.id] = problem
            context.writer.forget()
            continue
        for record in of_section:
            if record.section not in section.figures:
                raise ValueError(
                    f"figure {record.id} says section {record.section!r}; those of the section {section.id} "
                    f"are {', '.join(section.figures)}"
                )
        records += of_section
    return records
