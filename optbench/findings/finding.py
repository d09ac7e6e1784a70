"""One finding: its fields, the table rows behind it, and its sentence (layer 2b)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from optbench.findings.samples import Combination
from optbench.findings.sentences import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

Finding = dict[str, Any]

RESOLVED: Final = ("better", "worse")

DESCRIPTION: Final = "none: a description"
"""What stands under `test` in a finding that counts or measures and compares nothing."""


def make(
    id_: str,
    section: str,
    template: str,
    words: Mapping[str, Any],
    row: Mapping[str, Any],
    *,
    figure: str,
    rows: list[dict[str, str]],
) -> Finding:
    """One finding, its sentence filled in.

    Args:
        id_: unique in the study.
        section: of the page.
        template: of the sentence.
        words: what the sentence needs besides the numbers.
        row: where effect, low, high, pairs, test, p_adjusted and verdict come from.
        figure: section/workload of the figure that shows it.
        rows: keys of the table rows that it came from.
    """
    finding: Finding = {
        "id": id_,
        "section": section,
        "template": template,
        "words": dict(words),
        **{name: as_json(row.get(name, math.nan)) for name in ("effect", "low", "high", "p_adjusted")},
        "n": int(row.get("pairs", 0)),
        "test": str(row.get("test", "")),
        "verdict": str(row.get("verdict", "")),
        "figure": figure,
        "rows": rows,
        "headline": None,
    }
    return finding | {"claim": sentence(finding)}


def number_or_none(value: Any) -> float | None:  # noqa: ANN401 - a cell of a table
    """A number, None for NaN."""
    return None if value is None or math.isnan(float(value)) else float(value)


def as_json(value: Any) -> float | str | None:  # noqa: ANN401 - a cell of a table
    """A number as JSON can hold it: None for NaN, `inf` or `-inf` for an infinity."""
    known = number_or_none(value)
    return known if known is None or math.isfinite(known) else ("inf" if known > 0 else "-inf")


def row_dicts(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as mappings."""
    return table.to_dict("records")  # type: ignore[return-value]


def oriented(row: Mapping[str, Any], first: Combination) -> dict[str, Any]:
    """The comparison seen from `first`, which is its a or its b."""
    if (row["a"], row["schedule_a"]) == first:
        return dict(row)
    ratio = row["scale"] == "ratio"

    def turned(value: float) -> float:
        if not ratio:
            return -value
        return math.inf if value == 0 else 1 / value

    mirror = {"better": "worse", "worse": "better"}
    return {
        **row,
        "a": row["b"],
        "schedule_a": row["schedule_b"],
        "b": row["a"],
        "schedule_b": row["schedule_a"],
        "lr_a": row["lr_b"],
        "lr_b": row["lr_a"],
        "effect": turned(row["effect"]),
        "low": turned(row["high"]),
        "high": turned(row["low"]),
        "verdict": mirror.get(row["verdict"], row["verdict"]),
    }


def key_of(table: str, row: Mapping[str, Any], *columns: str) -> dict[str, str]:
    """Where a row is found: its table and the columns that name it."""
    return {"table": table, **{column: str(row[column]) for column in columns}}


WHO = ("metric", "workload", "a", "schedule_a", "b", "schedule_b")
STANDS = ("metric", "workload", "optimizer", "schedule")


def against(table: pd.DataFrame, workload: str, one: Combination) -> dict[Combination, dict[str, Any]]:
    """The comparisons of a combination on a workload by whom it is compared with, whichever stands first."""
    here = table[table["workload"] == workload]
    a = (here["a"] == one.optimizer) & (here["schedule_a"] == one.schedule)
    b = (here["b"] == one.optimizer) & (here["schedule_b"] == one.schedule)
    return {
        Combination(row["b"], row["schedule_b"])
        if (row["a"], row["schedule_a"]) == one
        else Combination(row["a"], row["schedule_a"]): row
        for row in row_dicts(here[a | b])
    }
