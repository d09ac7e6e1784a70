"""One finding: its fields, the table rows behind it, and its sentence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from optbench.core.floats import quotient
from optbench.findings.verdicts import mirrored
from optbench.tables.rows import Combination, row_dicts

if TYPE_CHECKING:
    import pandas as pd

Finding = dict[str, Any]

Say: TypeAlias = Callable[[Mapping[str, Any], Mapping[str, Any]], str]
"""A sentence: from a finding's fields but `claim`, and its `words`, to the claim and from nothing else.

It is called `_say_` and the name of its template, and stands beside what makes the finding.
"""

DESCRIPTION: Final = "none: a description"
"""What stands under `test` in a finding that counts or measures and compares nothing."""


def make(
    id_: str,
    section: str,
    words: Mapping[str, Any],
    row: Mapping[str, Any],
    *,
    say: Say,
    figure: str,
    rows: list[dict[str, str]],
) -> Finding:
    """One finding, its sentence filled in.

    Args:
        id_: unique in the study.
        section: of the page.
        words: what the sentence needs besides the numbers.
        row: where effect, low, high, pairs, test, p_adjusted and verdict come from.
        say: its sentence.
        figure: section/workload of the figure that shows it.
        rows: keys of the table rows that it came from.
    """
    finding: Finding = {
        "id": id_,
        "section": section,
        "template": template_of(say),
        "words": dict(words),
        **{name: as_json(row.get(name, math.nan)) for name in ("effect", "low", "high", "p_adjusted")},
        "n": int(row.get("pairs", 0)),
        "test": str(row.get("test", "")),
        "verdict": str(row.get("verdict", "")),
        "exploratory": bool(row.get("exploratory", False)),
        "figure": figure,
        "rows": rows,
        "headline": None,
    }
    return finding | {"claim": say(finding, finding["words"])}


def template_of(say: Say) -> str:
    """What a finding of this sentence has under `template`: the function's name without `_say_`."""
    return say.__name__.removeprefix("_say_")


def number_or_none(value: Any) -> float | None:  # noqa: ANN401 - a cell of a table
    """A number, None for NaN."""
    return None if value is None or math.isnan(float(value)) else float(value)


def as_json(value: Any) -> float | str | None:  # noqa: ANN401 - a cell of a table
    """A number as JSON can hold it: None for NaN, `inf` or `-inf` for an infinity."""
    known = number_or_none(value)
    return known if known is None or math.isfinite(known) else ("inf" if known > 0 else "-inf")


def oriented(row: Mapping[str, Any], first: Combination) -> dict[str, Any]:
    """The comparison seen from `first`, which is its a or its b."""
    if (row["a"], row["schedule_a"]) == first:
        return dict(row)
    ratio = row["scale"] == "ratio"

    def turned(value: float) -> float:
        if not ratio:
            return -value
        return math.inf if value == 0 else quotient(1.0, value)

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
        "verdict": mirrored(row["verdict"]),
        "wins": int(row["pairs"] - row["wins"] - row["ties"]),
    }


def distance(row: Mapping[str, Any]) -> float:
    """How far an effect lies from none."""
    effect = float(row["effect"])
    if math.isnan(effect):
        return -1.0
    if row["scale"] != "ratio":
        return abs(effect)
    return abs(math.log10(effect)) if 0 < effect < math.inf else math.inf


def key_of(table: str, row: Mapping[str, Any], *columns: str) -> dict[str, str]:
    """Where a row is found: its table and the columns that name it."""
    return {"table": table, **{column: str(row[column]) for column in columns}}


COMPARISON_KEY = ("metric", "workload", "a", "schedule_a", "b", "schedule_b")
RANKING_KEY = ("metric", "workload", "optimizer", "schedule")


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
