"""What traces give the tables: rows of the run table, and their curves (layer 2b).

Apart from `optbench.collect`, for processes of their own read traces and need nothing else of it.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from optbench.matrix import trace_path
from optbench.metrics import NAMES, measures_of
from optbench.search import choice_path, read_choice
from optbench.trace import BadTraceError, curves_of, read_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from optbench.spec import CellSpec

TIMES = ("train_time_s", "probe_time_s")
"""What the run table says of a cell's clock: its loop without the probes, and these."""

_NAMES = pa.dictionary(pa.int32(), pa.string())
CURVES = pa.schema(
    [("cell", _NAMES), ("step", pa.int32()), ("split", _NAMES), ("metric", _NAMES), ("value", pa.float64())]
)


class Group(NamedTuple):
    """What some cells have for the tables; small, for it goes from one process to another.

    Attributes:
        rows: of the run table.
        curves: their rows of the curve table, without the names of the cells; none where there is no trace.
        lengths: how many of these each cell has, by its name, in order.
        origins: where the traces come from, by cell.
        ways: how they were trained and why so, counted.
        workload_facts: what the first trace of each workload says of it.
    """

    rows: list[dict[str, Any]]
    curves: pa.Table
    lengths: dict[str, int]
    origins: dict[str, str]
    ways: Counter[tuple[str, str]]
    workload_facts: dict[str, dict[str, Any]]

    def curves_apart(self) -> dict[str, pa.Table]:
        """Each cell's rows of the curve table, of the cells that have a trace."""
        starts = accumulate(self.lengths.values(), initial=0)
        found = zip(self.lengths.items(), starts, strict=False)
        return {cell: self.curves.slice(start, length) for (cell, length), start in found}

    def named_curves(self) -> pa.Table:
        """The rows of the curve table, with the names of the cells."""
        cells = np.repeat(np.arange(len(self.lengths), dtype=np.int32), list(self.lengths.values()))
        named = pa.DictionaryArray.from_arrays(pa.array(cells), pa.array(list(self.lengths), pa.string()))
        return self.curves.add_column(0, "cell", named).cast(CURVES)


def read_group(cells: Iterable[CellSpec]) -> Group:
    """What the traces of some cells have for the tables."""
    rows: list[dict[str, Any]] = []
    shown: dict[str, pa.Table] = {}
    origins: dict[str, str] = {}
    ways: Counter[tuple[str, str]] = Counter()
    workload_facts: dict[str, dict[str, Any]] = {}
    for cell in cells:
        row, table, facts = _read(cell)
        rows.append(row)
        if table is not None:
            shown[cell.name] = _shown(table)
            origins[cell.name] = _origin(facts)
            ways[row["execution"], facts.get("execution", {}).get("why", "")] += 1
            workload_facts.setdefault(cell.workload.name, facts.get("workload_facts", {}))
    curves = pa.concat_tables([*shown.values()] or [pa.table({})])
    lengths = {name: len(table) for name, table in shown.items()}
    return Group(rows, curves, lengths, origins, ways, workload_facts)


def _read(cell: CellSpec) -> tuple[dict[str, Any], pa.Table | None, dict[str, Any]]:
    """One row of the run table, and what the trace recorded with its facts."""
    path = trace_path(cell)
    choice = read_choice(choice_path(cell)) if cell.tuning else None
    row: dict[str, Any] = {
        "cell": cell.name,
        "workload": cell.workload.name,
        "optimizer": cell.optimizer.name,
        "schedule": cell.schedule.name,
        "lr": choice["lr"] if choice else cell.lr,
        "seed": cell.seed,
        "ruleset": _ruleset(cell),
    }
    rest = {"execution": "", "digest": cell.digest, "path": path.as_posix()}
    nothing: dict[str, Any] = {
        "status": "missing",
        "steps": 0,
        **dict.fromkeys((*NAMES, *TIMES), math.nan),
    }
    if not path.exists():
        return {**row, **nothing, **rest, "error": ""}, None, {}
    try:
        table, facts, times = _own_table(path, cell)
    except BadTraceError as problem:
        path.replace(path.with_name(f"{path.name}.bad"))
        aside = f"{problem}; it is set aside as {path.name}.bad, and the next run trains the cell again"
        print(f"optbench: {aside}", file=sys.stderr)  # noqa: T201
        return {**row, **nothing, **rest, "error": aside}, None, {}
    row |= {"lr": facts.get("lr", row["lr"]), "status": facts["status"], "steps": facts["steps"]}
    row |= measures_of(facts, curves_of(table))
    row |= {name: times.get(name, math.nan) for name in TIMES}
    row |= {**rest, "execution": execution_of(facts), "error": facts["error"]}
    return row, table, facts


def _shown(table: pa.Table) -> pa.Table:
    """The rows without the paths of single coordinates.

    They are the material of one measure; among the curves they would outnumber all.
    """
    table = table.replace_schema_metadata(None).combine_chunks()
    if not len(table):
        return table
    # Arrow's own functions on purpose: making an array of numpy's imports pandas, a second a process.
    metric = table["metric"].chunk(0)
    return table.filter(pc.invert(pc.starts_with(metric.dictionary, "coordinate_")).take(metric.indices))


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
    if facts.get("digest") != cell.digest:
        raise BadTraceError(f"{path} is the trace of {facts.get('cell')}, not of {cell.name}")
    return table, facts, times


ORIGIN = ("versions", "machine", "commit", "dirty", "device", "gpu", "threads", "kernels")
"""The facts that say where a trace comes from; a run's column `origin` counts the different ones from 0."""


def _origin(facts: dict[str, Any]) -> str:
    return json.dumps({key: facts.get(key) for key in ORIGIN}, sort_keys=True)
