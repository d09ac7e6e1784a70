"""What a figure is once drawn: its files, its words and the table behind it."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TableValue: TypeAlias = str | float | int | None
"""A value in a table behind a figure; None where there is none."""


@dataclass(frozen=True)
class Panel:
    """One drawing of a figure.

    Attributes:
        id: unique in the study; also the stem of its file.
        title: what it is, in a phrase.
        alt: what it shows, for those who do not see it.
        svg: the file's name in the figures folder.
    """

    id: str
    title: str
    alt: str
    svg: str


@dataclass(frozen=True)
class FigureRecord:
    """Panels that stand beside each other under one caption.

    Attributes:
        id: unique in the study.
        section: where in the page it belongs, one of the names that a section's `figures` lists
            (`optbench.report.sections`).
        workload: the workload it shows, or "" for none.
        title: the heading.
        caption: what the marks mean, with n and the meaning of the interval filled in.
        panels: the drawings, in order.
        pdf: the name of the file that holds them as its pages, "" where none was asked for.
        columns: heads of the table behind it.
        rows: that table, None where there is no value.
    """

    id: str
    section: str
    workload: str
    title: str
    caption: str
    panels: tuple[Panel, ...]
    pdf: str
    columns: tuple[str, ...]
    rows: tuple[tuple[TableValue, ...], ...]


def as_id(*names: str) -> str:
    """Return a short file stem of ASCII letters, digits, `_` and `-`; different names can share one."""
    return "-".join(re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")[:32] or "x" for name in names)


class UniqueIds:
    """Hands out file stems and never the same twice, whatever the case of a file system."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def unique(self, *names: str) -> str:
        """Return a stem for `names` that was not handed out before."""
        stem = wanted = as_id(*names)
        count = 1
        while stem.lower() in self._taken:
            count += 1
            stem = f"{wanted}-{count}"
        self._taken.add(stem.lower())
        return stem


def write_records(records: Sequence[FigureRecord], file: Path) -> None:
    """Write figures.json."""
    text = json.dumps([asdict(record) for record in records], indent=1, ensure_ascii=False, allow_nan=False)
    file.write_text(text + "\n", encoding="utf-8")


def read_records(file: Path) -> list[FigureRecord]:
    """Return what `write_records` wrote; no record where there is no file."""
    if not file.exists():
        return []
    return [
        FigureRecord(
            **{
                **record,
                "panels": tuple(Panel(**panel) for panel in record["panels"]),
                "columns": tuple(record["columns"]),
                "rows": tuple(tuple(row) for row in record["rows"]),
            }
        )
        for record in json.loads(file.read_text(encoding="utf-8"))
    ]
