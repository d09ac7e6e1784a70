"""What a figure is once drawn: its files, its words and the table behind it."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from optbench.core.errors import CorruptFileError, one_line
from optbench.core.files import write_text
from optbench.tables.read import ANEW, read_values

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
    write_text(file, text + "\n")


def read_records(file: Path) -> list[FigureRecord]:
    """Return what `write_records` wrote; no record where there is no file.

    Raises:
        CorruptFileError: it is something else: names of files that lead elsewhere, for one.
        OSError: it may not be read.
    """
    try:
        found = read_values(file, list)
    except FileNotFoundError:
        return []
    try:
        return [_record(value) for value in found]
    except (TypeError, KeyError, ValueError) as problem:
        raise CorruptFileError(file, f"is not a list of figures: {one_line(problem)} ({ANEW})") from None


def _record(value: dict[str, Any]) -> FigureRecord:
    panels = tuple(Panel(**_texts(panel)) for panel in value["panels"])
    texts = _texts({key: value[key] for key in ("id", "section", "workload", "title", "caption", "pdf")})
    for id_ in (texts["id"], *(panel.id for panel in panels)):
        if not _ID.fullmatch(id_):
            raise ValueError(f"{id_!r} is no id")
    for name in (*(panel.svg for panel in panels), *filter(None, [texts["pdf"]])):
        if not _FILE.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a drawing")
    rows = [list(row) for row in value["rows"]]
    if not all(one is None or isinstance(one, str | int | float) for row in rows for one in row):
        raise TypeError("a table holds something else than words and numbers")
    return FigureRecord(
        **texts,
        panels=panels,
        columns=tuple(_texts(dict(enumerate(value["columns"]))).values()),
        rows=tuple(tuple(row) for row in rows),
    )


def _texts(values: dict[Key, Any]) -> dict[Key, str]:
    for key, value in values.items():
        if not isinstance(value, str):
            raise TypeError(f"{key} is no text")
    return values


Key = TypeVar("Key", str, int)
_ID = re.compile(r"[A-Za-z0-9_-]+")
_FILE = re.compile(r"[A-Za-z0-9_-]+\.(?:svg|pdf)")
"""What `as_id` makes, and the files that are called so: plain names, of this folder."""
