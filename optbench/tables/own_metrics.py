"""Measures of the user's own: a study file names a function from a curve to a number."""

from __future__ import annotations

import math
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from traceback import format_exception_only
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from optbench.core.errors import UserError
from optbench.core.factories import load_factory
from optbench.core.status import MISSING, OK
from optbench.core.text import escaped
from optbench.tables.curves import CURVE_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence

    import pandas as pd

    from optbench.core.specs import MetricSpec
    from optbench.study.study import Study


LONGEST_PROBLEM = 500
"""Characters of an exception's text that a line tells."""


@dataclass
class OwnMetrics:
    """The study's own measures, and what went wrong in them.

    Attributes:
        functions: each spec with what it names.
        problems: cells without a value and why, by the measure's name.
    """

    functions: Sequence[tuple[MetricSpec, Callable[[pd.DataFrame], float]]]
    problems: dict[str, list[str]] = field(default_factory=dict)

    def added_to(self, rows: Sequence[dict[str, Any]], curves: Sequence[pa.Table]) -> list[dict[str, Any]]:
        """Rows of the run table with the study's own measures of these cells.

        Args:
            rows: of some cells.
            curves: their rows of the curve table.
        """
        if not self.functions:
            return list(rows)
        whole = pa.concat_tables(curves or [CURVE_SCHEMA.empty_table()]).to_pandas()
        apart = dict(iter(whole.groupby("cell", observed=True, sort=False)))
        nothing = whole.iloc[:0]
        return [row | self._measure(row, apart.get(row["cell"], nothing)) for row in rows]

    def _measure(self, row: Mapping[str, Any], curve: pd.DataFrame) -> dict[str, float]:
        """The values of one cell by name; NaN where a function raises or does not return a number.

        A measure that judges has no value for a run that did not end `ok`: a curve that breaks off would
        be compared with whole ones.
        """
        values = {spec.name: math.nan for spec, _ in self.functions}
        if row["status"] == MISSING.name:
            return values
        frame = curve.drop(columns="cell").reset_index(drop=True)
        for spec, function in self.functions:
            if row["status"] != OK.name and spec.direction != "none":
                continue
            try:
                values[spec.name] = float(function(frame))
            except Exception as problem:  # a plug-in's mistake must not cost the tables
                # Its own text may fail to be made, and may hold anything.
                said = "".join(format_exception_only(problem)).strip()
                told = f"{row['cell']}: {escaped(said[:LONGEST_PROBLEM])}"
                self.problems.setdefault(spec.name, []).append(told)
        return values

    def failures(self) -> Iterator[str]:
        """One line for each measure that failed somewhere."""
        for name, problems in self.problems.items():
            yield f"metrics.{name}: no value for {len(problems)} cells, the first {problems[0]}"


@contextmanager
def own_metrics(study: Study, taken: Container[str]) -> Iterator[OwnMetrics]:
    """The study's own measures, imported from the study file's folder.

    Args:
        study: the study.
        taken: columns that the run table has anyway.

    Raises:
        UserError: a name is taken, or a function does not import.
    """
    for spec in study.metrics:
        if spec.name in taken:
            raise UserError(f"{study.file}: metrics.{spec.name}: the run table has a column of that name")
    if not study.metrics:
        yield OwnMetrics(())
        return
    sys.path.insert(0, str(study.folder))
    try:
        yield OwnMetrics([(spec, load_factory(spec.factory)) for spec in study.metrics])
    finally:
        sys.path.remove(str(study.folder))
