"""The `oracle` stage: predicted beside measured, with a verdict, from a study's own tables."""

from __future__ import annotations

from math import isfinite, nan
from typing import TYPE_CHECKING, Final, NamedTuple

import pandas as pd

from optbench.core.errors import CorruptFileError, UserError
from optbench.core.files import write_table
from optbench.tables.read import read_frame, read_values
from optbench.theory.oracle import dynamics, steps
from optbench.theory.oracle.runs import read_runs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from optbench.theory.oracle.fact import Fact
    from optbench.theory.oracle.runs import Runs

FACTS: Final = (*dynamics.FACTS, *steps.FACTS)
"""Every fact, topic by topic."""

AGREES: Final = "agrees"
DIFFERS: Final = "differs"
NOT_MEASURED: Final = "not measured"
"""Verdicts. The last two fail: a fact that nothing was measured for proves nothing."""


class FactRow(NamedTuple):
    """One row of tables/oracle.

    Attributes:
        fact: its id.
        topic: what it stands beside.
        what: the quantity, in words.
        formula: the closed form, in plain text.
        predicted: by the closed form, from the settings.
        measured: from the tables; NaN where they have nothing.
        tolerance: the largest difference that agrees, in units of the quantity.
        deviation: |measured - predicted|.
        verdict: `agrees`, `differs` or `not measured`.
        where: the combinations it was measured on.
        reason: why the tolerance isn't smaller.
        source: who says so.
        note: why it was not measured.
    """

    fact: str
    topic: str
    what: str
    formula: str
    predicted: float
    measured: float
    tolerance: float
    deviation: float
    verdict: str
    where: str
    reason: str
    source: str
    note: str


def write_oracle(tables: Path, facts: Sequence[Fact] = FACTS) -> pd.DataFrame:
    """Write tables/oracle (parquet, csv) and return it: one row a fact, in their order.

    Args:
        tables: results/<study>/tables, as `collect` left it.
        facts: what must come out.

    Raises:
        UserError: the study does not ask for it.
    """
    if not read_values(tables / "study.json").get("oracle"):
        raise UserError(f"{tables.parent}: the study asks for no oracle; its file would say 'oracle: true'")
    runs = read_runs(tables, dict.fromkeys(name for fact in facts for name in fact.where))
    table = pd.DataFrame([judge(fact, runs) for fact in facts], columns=FactRow._fields)
    file = tables / "oracle.parquet"
    # Its modification time means a change: comparing once more must not make the page stale.
    if not _holds(file, table):
        write_table(table, tables / "oracle")
    return table


def _holds(file: Path, table: pd.DataFrame) -> bool:
    try:
        return read_frame(file).equals(table)
    except (FileNotFoundError, CorruptFileError):  # it is written anew
        return False


def judge(fact: Fact, runs: Mapping[str, Runs]) -> FactRow:
    """Return a fact's row; a measurement that cannot be made is `not measured`, with the reason."""
    predicted, measured, note = nan, nan, ""
    absent = [name for name in fact.where if name not in runs]
    if absent:
        note = f"the tables hold no run of {', '.join(absent)}"
    else:
        found = [runs[name] for name in fact.where]
        try:
            predicted = float(fact.predict(found[0]))
            measured = float(fact.measure(*found))
        except (ArithmeticError, LookupError, TypeError, ValueError) as problem:
            note = f"{type(problem).__name__}: {problem}"
    deviation = abs(measured - predicted)
    tolerance = fact.tolerance * (abs(predicted) or 1.0)
    if isfinite(deviation):
        verdict = AGREES if deviation <= tolerance else DIFFERS
    else:
        verdict = NOT_MEASURED
        note = note or "the measurement is no number"
    return FactRow(
        fact.id,
        fact.topic,
        fact.what,
        fact.formula,
        predicted,
        measured,
        tolerance,
        deviation,
        verdict,
        ", ".join(fact.where),
        fact.reason,
        fact.source,
        note,
    )
