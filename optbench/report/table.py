"""Tables of the page as values: what a template writes out without deciding anything."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optbench.report.text import NONE, interval, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Entry:
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
    rows: tuple[tuple[Entry, ...], ...]


@dataclass(frozen=True)
class Measure:
    """An estimate over seeds, as the summary table holds it.

    Attributes:
        estimate: the median.
        low: lower end of its interval; NaN where there is none.
        high: upper end.
    """

    estimate: float
    low: float
    high: float

    def bounds(self, *, higher_is_worse: bool) -> tuple[float, float] | None:
        """Return the interval with its open end filled in, or None where there is no interval."""
        low, high = self.low, self.high
        if math.isnan(low) and math.isnan(high):
            return None
        worse = math.inf if higher_is_worse else -math.inf
        if higher_is_worse:
            return (-worse if math.isnan(low) else low, worse if math.isnan(high) else high)
        return (worse if math.isnan(low) else low, -worse if math.isnan(high) else high)


def leading(measures: Mapping[str, Measure], *, higher_is_worse: bool = True) -> tuple[str, frozenset[str]]:
    """Return the key with the best finite estimate and all keys whose interval overlaps its interval.

    This describes the intervals; it is no test. The first key is "" where no estimate is finite, and the
    set is empty where the best has no interval (one seed).
    """
    finite = {key: m.estimate for key, m in measures.items() if math.isfinite(m.estimate)}
    if not finite:
        return "", frozenset()
    best = (min if higher_is_worse else max)(finite, key=lambda key: finite[key])
    bounds = measures[best].bounds(higher_is_worse=higher_is_worse)
    if bounds is None:
        return best, frozenset()
    low, high = bounds
    overlapping = set()
    for key in finite:
        other = measures[key].bounds(higher_is_worse=higher_is_worse)
        if other is not None and other[0] <= high and other[1] >= low:
            overlapping.add(key)
    return best, frozenset(overlapping)


def measure_entry(
    measure: Measure | None, *, strong: bool = False, higher_is_worse: bool = True, missing: str = NONE
) -> Entry:
    """Return an estimate with its interval as a table entry."""
    if measure is None or math.isnan(measure.estimate):
        return Entry(missing, numeric=True)
    note = interval(measure.low, measure.high, higher_is_worse=higher_is_worse)
    if math.isinf(measure.estimate):
        return Entry(missing if missing != NONE else number(measure.estimate), note, numeric=True)
    return Entry(number(measure.estimate), note, strong=strong, numeric=True)


def plain_table(table_id: str, caption: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """Return a table of plain values; numbers are formatted and aligned, None is a dash."""
    return Table(table_id, caption, tuple(heads), tuple(tuple(_entry(v) for v in row) for row in rows))


def _entry(value: object) -> Entry:
    if value is None:
        return Entry(NONE, numeric=True)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Entry(number(value), numeric=True)
    return Entry(str(value))
