"""Measures of the user's own: a study file names a function from a curve to a number.

They are computed in processes of their own, one for each module that they come from: what they do to their
process reaches neither the tables nor each other, and one that crashes or never returns costs its own values.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from traceback import format_exception_only
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from optbench.core.errors import UserError
from optbench.core.factories import load_factory
from optbench.core.processes import Apart
from optbench.core.status import MISSING, OK
from optbench.core.text import escaped
from optbench.study.plugins import plugins_importable_from
from optbench.tables.curves import CURVE_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    import pandas as pd

    from optbench.core.specs import MetricSpec
    from optbench.study.study import Study


LIMIT_S = 60.0
"""How long a measure may take for one cell, and its module to import."""

LONGEST_PROBLEM = 500
"""Characters of an exception's text that a line tells."""

MOST_ENDS = 3
"""Cells over which a measure may crash or run out of time before it is not tried on others."""


class _Module:
    """The process that computes the measures of one module of the user's."""

    def __init__(self, folder: Path, factories: Sequence[str]) -> None:
        self._wanted = (folder, tuple(factories))
        self._ends: Counter[str] = Counter()
        self._process = self._start()

    def _start(self) -> Apart:
        process = Apart()
        try:
            problem = process.call(_load, self._wanted, LIMIT_S)
        except TimeoutError:
            problem = f"importing {_module_of(self._wanted[1][0])!r} took more than {LIMIT_S:g} s"
        except EOFError:
            problem = f"the process that imports {_module_of(self._wanted[1][0])!r} ended over it"
        if problem:
            process.close()
            raise UserError(problem)
        return process

    def measure(self, factory: str, frame: pd.DataFrame) -> tuple[float, str]:
        """A measure of one curve, and why there is none."""
        if self._ends[factory] == MOST_ENDS:
            return math.nan, f"not tried after it failed to return {MOST_ENDS} times"
        try:
            return self._process.call(_value, (factory, frame), LIMIT_S)
        except TimeoutError:
            problem = f"it took more than {LIMIT_S:g} s"
        except EOFError:
            problem = "the process that computes it ended over it"
        self._ends[factory] += 1
        self._process.close()
        try:
            self._process = self._start()
        except UserError as gone:  # it was imported before
            self._ends[factory] = MOST_ENDS
            problem = f"{problem}; {gone}"
        return math.nan, problem

    def close(self) -> None:
        self._process.close()


def _load(wanted: tuple[Path, tuple[str, ...]]) -> str:
    """Imports what is named, in the process that will compute it; returns what is wrong with it."""
    folder, factories = wanted
    plugins_importable_from(folder)
    for factory in factories:
        _seed()
        try:
            load_factory(factory)
        except UserError as problem:
            return str(problem)
        except BaseException as problem:
            return f"factory {factory!r} cannot be imported: {_told(problem)}"
    return ""


def _value(asked: tuple[str, pd.DataFrame]) -> tuple[float, str]:
    """One value, and why there is none; whatever a plug-in raises is the latter."""
    factory, frame = asked
    _seed()
    try:
        return float(load_factory(factory)(frame)), ""
    except BaseException as problem:
        return math.nan, _told(problem)


def _seed() -> None:
    """Makes what a measure draws, or its module, the same in every table."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002


def _told(problem: BaseException) -> str:
    said = "".join(format_exception_only(problem)).strip()  # its own text may fail to be made
    return escaped(said[:LONGEST_PROBLEM])  # and may hold anything


@dataclass
class OwnMetrics:
    """The study's own measures, and what went wrong in them.

    Attributes:
        specs: the measures.
        modules: what computes them, by the module of their factory.
        missing: why there is nothing that computes them, by that module.
        problems: cells without a value and why, by the measure's name.
    """

    specs: Sequence[MetricSpec]
    modules: Mapping[str, _Module] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=dict)

    def added_to(self, rows: Sequence[dict[str, Any]], curves: Sequence[pa.Table]) -> list[dict[str, Any]]:
        """Rows of the run table with the study's own measures of these cells.

        Args:
            rows: of some cells.
            curves: their rows of the curve table.
        """
        if not self.specs:
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
        values = dict.fromkeys((spec.name for spec in self.specs), math.nan)
        if row["status"] == MISSING.name:
            return values
        frame = curve.drop(columns="cell").reset_index(drop=True)
        for spec in self.specs:
            if row["status"] != OK.name and spec.direction != "none":
                continue
            module = self.modules.get(_module(spec))
            if module is None:
                continue
            values[spec.name], problem = module.measure(spec.factory, frame)
            if problem:
                self.problems.setdefault(spec.name, []).append(f"{row['cell']}: {problem}")
        return values

    def failures(self) -> Iterator[str]:
        """One line for each measure that failed somewhere."""
        for spec in self.specs:
            if _module(spec) in self.missing:
                yield f"metrics.{spec.name}: it has no values: {self.missing[_module(spec)]}"
        for name, problems in self.problems.items():
            yield f"metrics.{name}: no value for {len(problems)} cells, the first {problems[0]}"


def _module(spec: MetricSpec) -> str:
    return _module_of(spec.factory)


def _module_of(factory: str) -> str:
    return factory.partition(":")[0]


@contextmanager
def own_metrics(study: Study, taken: Container[str]) -> Iterator[OwnMetrics]:
    """The study's own measures, imported from the study file's folder.

    One whose module does not import has no values, and its line among `OwnMetrics.failures`.

    Args:
        study: the study.
        taken: columns that the run table has anyway.

    Raises:
        UserError: a name is taken.
    """
    for spec in study.metrics:
        if spec.name in taken:
            raise UserError(f"{study.file}: metrics.{spec.name}: the run table has a column of that name")
    modules: dict[str, _Module] = {}
    missing: dict[str, str] = {}
    try:
        for name in dict.fromkeys(map(_module, study.metrics)):
            factories = [spec.factory for spec in study.metrics if _module(spec) == name]
            try:
                modules[name] = _Module(study.folder, factories)
            except UserError as problem:
                missing[name] = str(problem)
        yield OwnMetrics(study.metrics, modules, missing)
    finally:
        for module in modules.values():
            module.close()
