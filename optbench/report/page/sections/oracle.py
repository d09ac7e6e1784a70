"""What the oracle found, as the page tells it: a sentence and a table of predicted beside measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optbench.core.words import count, listing, number
from optbench.report.page.table import Table, TableEntry
from optbench.theory.oracle.table import AGREES

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Oracle:
    """The oracle's part of the page.

    Attributes:
        lead: its result in one sentence.
        failed: whether a fact does not agree.
        table: predicted beside measured.
    """

    lead: str
    failed: bool
    table: Table


def oracle(found: pd.DataFrame | None) -> Oracle | None:
    """Return the part, or None without a table.

    Args:
        found: as `optbench.report.tables.read_oracle` returns it.
    """
    if found is None:
        return None
    failed = [str(name) for name in found.loc[found["verdict"] != AGREES, "fact"]]
    agreeing = number(len(found) - len(failed))
    lead = f"{agreeing} of {count(len(found), 'number')} with a closed form came out as predicted."
    if failed:
        lead += f" {listing(failed, 8)} did not: the harness, a probe or a table is wrong."
    heads = ("Fact", "Quantity, closed form, source", "Predicted", "Measured", "Tolerance", "Verdict")
    caption = (
        "Predicted beside measured, from this study's own tables. docs/reference/oracle.md derives each "
        "formula; tables/oracle.csv gives the reason of each tolerance."
    )
    return Oracle(lead, bool(failed), Table("t-oracle", caption, heads, tuple(map(_row, _rows(found)))))


def _rows(found: pd.DataFrame) -> list[dict[str, object]]:
    return [{str(key): value for key, value in row.items()} for row in found.to_dict("records")]


def _row(fact: dict[str, object]) -> tuple[TableEntry, ...]:
    verdict = str(fact["verdict"])
    agrees = verdict == AGREES
    tolerance = float(str(fact["tolerance"]))
    return (
        TableEntry(str(fact["fact"])),
        TableEntry(str(fact["what"]), f"= {fact['formula']} · {fact['source']}"),
        _value(fact["predicted"]),
        _value(fact["measured"]),
        TableEntry(number(tolerance, 2), numeric=True),
        TableEntry(verdict if agrees else f"✗ {verdict}", str(fact["note"]), strong=not agrees),
    )


def _value(value: object) -> TableEntry:
    as_float = float(str(value))
    return TableEntry(number(None if math.isnan(as_float) else as_float, 6), numeric=True)
