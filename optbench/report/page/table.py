"""Tables of the page as values: what a template writes out without deciding anything."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optbench.core.words import NONE, interval, number

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class TableEntry:
    """One entry of a table.

    Attributes:
        text: what it says.
        note: said after it in a lighter tone (an interval, a share).
        strong: whether `text` is set in bold.
        numeric: whether it is aligned as a number.
    """

    text: str
    note: str = ""
    strong: bool = False
    numeric: bool = False


@dataclass(frozen=True)
class Table:
    """A table with a caption.

    Attributes:
        id: unique in the page.
        caption: what it holds.
        heads: column heads.
        rows: entries, as many as heads; the first one heads its row.
    """

    id: str
    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[TableEntry, ...], ...]


@dataclass(frozen=True)
class Estimate:
    """An estimate over seeds, as the summary table holds it.

    Attributes:
        estimate: the median.
        low: lower end of its interval; NaN where there is none.
        high: upper end.
    """

    estimate: float
    low: float
    high: float


def estimate_entry(
    measure: Estimate | None, *, strong: bool = False, higher_is_worse: bool = True, missing: str = NONE
) -> TableEntry:
    """Return an estimate with its interval as a table entry."""
    if measure is None or math.isnan(measure.estimate):
        return TableEntry(missing, numeric=True)
    note = interval(measure.low, measure.high, higher_is_worse=higher_is_worse)
    if math.isinf(measure.estimate):
        return TableEntry(missing if missing != NONE else number(measure.estimate), note, numeric=True)
    return TableEntry(number(measure.estimate), note, strong=strong, numeric=True)


def plain_table(table_id: str, caption: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """Return a table of plain values; numbers are formatted and aligned, None is a dash."""
    return Table(table_id, caption, tuple(heads), tuple(tuple(_entry(v) for v in row) for row in rows))


def _entry(value: object) -> TableEntry:
    if value is None:
        return TableEntry(NONE, numeric=True)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return TableEntry(number(value), numeric=True)
    return TableEntry(str(value))
