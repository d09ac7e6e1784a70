"""What traces give the tables: rows of the run table, and their curves.

Apart from `optbench.tables.collect`, for processes of their own read traces and need nothing else of it.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from optbench.cells.paths import trace_path
from optbench.cells.search import choice_if_whole, choice_path
from optbench.cells.trace import (
    OF_A_TRACE,
    BadTraceError,
    check_facts,
    coded,
    curves_of,
    numbers,
    read_table,
)
from optbench.cells.why import Folders, trained_again
from optbench.core.files import put_aside
from optbench.core.provenance import origin_of
from optbench.core.status import MISSING
from optbench.core.text import escaped
from optbench.tables.curves import CURVE_SCHEMA
from optbench.tables.metrics import MEASURE_NAMES, is_coordinate, measures_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from optbench.cells.cell import CellSpec
    from optbench.cells.trace import Curve, Curves

CELL_TIMES = ("train_time_s", "probe_time_s")
"""What the run table says of a cell's clock: its loop without the probes, and these."""


class TraceTables(NamedTuple):
    """What some cells have for the tables; small, for it goes from one process to another.

    Attributes:
        rows: of the run table.
        curves: tables of the curve table's schema, one for each (split, metric), in the order of these; the
            rows of a cell stand together, in order of step.
        origins: where the traces come from, by cell.
        executions: how they were trained and why so, counted.
        workload_facts: what the first trace of each workload says of it.
    """

    rows: list[dict[str, Any]]
    curves: list[pa.Table]
    origins: dict[str, str]
    executions: Counter[tuple[str, str]]
    workload_facts: dict[str, dict[str, Any]]


def read_group(cells: Iterable[CellSpec]) -> TraceTables:
    """What the traces of some cells have for the tables."""
    rows: list[dict[str, Any]] = []
    curves: dict[tuple[str, str], dict[str, Curve]] = {}
    origins: dict[str, str] = {}
    ways: Counter[tuple[str, str]] = Counter()
    workload_facts: dict[str, dict[str, Any]] = {}
    read: list[tuple[dict[str, Any], tuple[dict[str, Any], Curves]]] = []
    folders = Folders()
    for cell in cells:
        row, facts, recorded = _read(cell, folders)
        rows.append(row)
        if facts:
            read.append((row, (facts, recorded)))
            origins[cell.name] = json.dumps(origin_of(facts), sort_keys=True)
            ways[row["execution"], facts.get("execution", {}).get("why", "")] += 1
            workload_facts.setdefault(cell.workload.name, facts.get("workload_facts", {}))
        for name, curve in recorded.items():
            # Paths of single coordinates are the material of one measure; here they would outnumber all.
            if not is_coordinate(*name):
                curves.setdefault(name, {})[cell.name] = curve
    for (row, _), measures in zip(read, measures_of([run for _, run in read]), strict=True):
        row.update(measures)
    tables = [_table(*name, of_cells) for name, of_cells in sorted(curves.items())]
    return TraceTables(rows, tables, origins, ways, workload_facts)


def _table(split: str, metric: str, of_cells: dict[str, Curve]) -> pa.Table:
    """The rows of the curve table that one curve of each of some cells makes."""
    lengths = [len(steps) for steps, _ in of_cells.values()]
    steps, values = map(np.concatenate, zip(*of_cells.values(), strict=True))
    only = np.zeros(len(steps))
    columns = (
        coded(np.repeat(np.arange(len(lengths)), lengths), list(of_cells)),
        numbers(steps, np.int32),
        coded(only, [split]),
        coded(only, [metric]),
        numbers(values, np.float64),
    )
    return pa.Table.from_arrays(columns, schema=CURVE_SCHEMA)


def _read(cell: CellSpec, folders: Folders) -> tuple[dict[str, Any], dict[str, Any], Curves]:
    """One row of the run table without its measures, the trace's facts and what it recorded.

    The row of a cell without a trace is whole, and the others are empty.
    """
    path = trace_path(cell)
    choice = choice_if_whole(choice_path(cell)) if cell.tuning else None
    row: dict[str, Any] = {
        "cell": cell.name,
        "workload": cell.workload.name,
        "optimizer": cell.optimizer.name,
        "schedule": cell.schedule.name,
        "lr": choice["lr"] if choice else cell.lr,
        "seed": cell.seed,
        "ruleset": _ruleset(cell),
    }
    rest = {"execution": "", "digest": cell.digest, "path": path.as_posix(), "trained_again": ""}
    nothing: dict[str, Any] = {
        "status": MISSING.name,
        "steps": 0,
        **dict.fromkeys((*MEASURE_NAMES, *CELL_TIMES), math.nan),
    }
    if not os.path.lexists(path):
        return {**row, **nothing, **rest, "error": ""}, {}, {}
    try:
        table, facts, times = _own_table(path, cell)
    except (BadTraceError, PermissionError) as problem:
        if isinstance(problem, BadTraceError):
            told = put_aside(problem, "made anew by the next run")
        else:
            told = f"{path} cannot be read ({problem.strerror})"
        print(f"optbench: {told}", file=sys.stderr)  # noqa: T201
        return {**row, **nothing, **rest, "error": told}, {}, {}
    row |= {"lr": facts.get("lr", row["lr"]), "status": facts["status"], "steps": facts["steps"]}
    row |= {name: times.get(name, math.nan) for name in CELL_TIMES}
    row |= {**rest, "execution": execution_of(facts), "error": escaped(facts["error"], lines=True)}
    row["trained_again"] = trained_again(cell, facts, times, folders)
    return row, facts, {name: _once(*curve) for name, curve in curves_of(table).items()}


def _once(steps: NDArray[np.int32], values: NDArray[np.float64]) -> Curve:
    """A curve with one value a step, the first: a metric called `loss` once stood beside the loss itself."""
    again = np.flatnonzero(steps[1:] == steps[:-1]) + 1
    return (np.delete(steps, again), np.delete(values, again)) if len(again) else (steps, values)


def execution_of(facts: Mapping[str, Any]) -> str:
    """How a trace's cell was trained: `alone` or `batched`, and `graph` where its steps were replayed.

    Empty where its process died.
    """
    made = facts.get("execution")
    return f"{made['seeds']}{', graph' if made['step'] == 'graph' else ''}" if made else ""


def _ruleset(cell: CellSpec) -> str:
    """Who decided the learning rate: `tuned`, the `default` one beside a tuned one, or the study: `fixed`."""
    return "tuned" if cell.tuning else "default" if cell.optimizer.default_of else "fixed"


def _own_table(path: Path, cell: CellSpec) -> tuple[pa.Table, dict[str, Any], dict[str, Any]]:
    table, facts, times = read_table(path)
    check_facts(path, facts, OF_A_TRACE)
    if facts.get("digest") != cell.digest:
        raise BadTraceError(path, f"is the trace of {facts.get('cell')}, not of {cell.name}")
    return table, facts, times
