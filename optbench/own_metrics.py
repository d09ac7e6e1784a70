"""Measures of the user's own: a study file names a function from a curve to a number (layer 2b)."""

from __future__ import annotations

import math
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from optbench.errors import UserError
from optbench.plugins import load

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    import pandas as pd
    import pyarrow as pa

    from optbench.config import Study
    from optbench.spec import MetricSpec


@dataclass
class OwnMetrics:
    """The study's own measures, and what went wrong in them.

    Attributes:
        functions: each spec with what it names.
        problems: cells without a value and why, by the measure's name.
    """

    functions: Sequence[tuple[MetricSpec, Callable[[pd.DataFrame], float]]]
    problems: dict[str, list[str]] = field(default_factory=dict)

    def measure(self, cell: str, status: str, curve: pa.Table | None) -> dict[str, float]:
        """The values of one cell by name; NaN where a function raises or does not return a number.

        A measure that judges has no value for a run that did not end `ok`: a curve that breaks off would
        be compared with whole ones.

        Args:
            cell: its readable name.
            status: what became of it.
            curve: its rows of the curve table, without the cell; None where there is no trace.
        """
        values = {spec.name: math.nan for spec, _ in self.functions}
        if not values or curve is None:
            return values
        frame = curve.to_pandas()
        for spec, function in self.functions:
            if status != "ok" and spec.direction != "none":
                continue
            try:
                values[spec.name] = float(function(frame))
            except Exception as problem:  # a plug-in's mistake must not cost the tables
                told = f"{cell}: {type(problem).__name__}: {problem}"
                self.problems.setdefault(spec.name, []).append(told)
        return values

    def complaints(self) -> Iterator[str]:
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
        yield OwnMetrics([(spec, load(spec.factory)) for spec in study.metrics])
    finally:
        sys.path.remove(str(study.folder))
