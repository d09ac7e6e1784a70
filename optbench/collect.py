"""From traces to tables: the `collect` stage (layer 2b).

Everything that a later stage needs to know of the study stands in what this writes below
results/<study>/tables/: runs, curves and study.json.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from optbench import provenance
from optbench.files import write_atomically, write_table, write_text
from optbench.manifest import read_manifest
from optbench.matrix import cells_of, trace_path
from optbench.metrics import NAMES, measures_of
from optbench.own_metrics import own_metrics
from optbench.search import choice_path, read_choice
from optbench.side_by_side import mapped
from optbench.trace import BadTraceError, curves_of, read_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from optbench.config import Study
    from optbench.spec import CellSpec

ROW_GROUP = 200
"""Traces that one row group of the curve table holds."""

TIMES = ("train_time_s", "probe_time_s")
"""What the run table says of a cell's clock: its loop without the probes, and these."""

COLUMNS = (
    *("cell", "workload", "optimizer", "schedule", "lr", "seed", "ruleset", "status", "steps"),
    *NAMES,
    *TIMES,
    *("execution", "digest", "path", "error", "origin"),
)
"""Columns of the run table, in order; those of a study's own metrics follow. docs/metrics.md defines each."""


WORTH_A_PROCESS = 1000
"""Cells that one more process must have to read, for starting it takes as long as reading some hundreds."""


def collect(study: Study, cores: int = 1) -> Counter[str]:
    """Writes tables/runs (parquet, csv), curves (parquet) and study.json from the traces that exist.

    A cell without a trace stands in the run table as `missing`. So does one whose trace cannot be read,
    although its frame looked whole: it is named and set aside under the name TRACE.bad, so that the next run
    trains the cell again.
    Measures of the study's own are columns too; one that fails on a cell is missing there and told on
    standard error.

    Args:
        study: the study.
        cores: processes that may read traces at a time; they change no byte of the tables.

    Returns:
        How many cells there are of each status.
    """
    cells = cells_of(study)
    folder = study.results / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    origin_of: dict[str, str] = {}
    workload_facts: dict[str, dict[str, Any]] = {}
    ways: Counter[tuple[str, str]] = Counter()
    with write_atomically(folder / "curves.parquet") as unfinished:
        writer = pq.ParquetWriter(unfinished, _CURVES, compression="zstd")
        with writer, own_metrics(study, COLUMNS) as own:
            processes = max(1, min(cores, len(cells) // WORTH_A_PROCESS))
            for group in mapped(_read_group, _grouped(cells), processes):
                tables: dict[str, pa.Table] = {}
                for cell, row, table, facts in group:
                    shown = _shown(table) if own.functions and table is not None else None
                    rows.append(row | own.measure(cell.name, row["status"], shown))
                    if table is not None:
                        tables[cell.name] = table
                        origin_of[cell.name] = _origin(facts)
                        ways[row["execution"], facts.get("execution", {}).get("why", "")] += 1
                        workload_facts.setdefault(cell.workload.name, facts.get("workload_facts", {}))
                if tables:
                    writer.write_table(_joined(tables))
    for complaint in own.complaints():
        print(f"optbench: {complaint}", file=sys.stderr)  # noqa: T201
    origins = sorted(set(origin_of.values()))
    runs = pd.DataFrame(rows, columns=[*COLUMNS, *(metric.name for metric in study.metrics)])
    places = {name: origins.index(origin) for name, origin in origin_of.items()}
    runs["origin"] = runs["cell"].map(places).astype("Int64")
    write_table(runs, folder / "runs")
    described = _describe(study, workload_facts, [json.loads(origin) for origin in origins])
    described["execution"] = [
        {"how": how, "why": why, "cells": count} for (how, why), count in sorted(ways.items()) if how
    ]
    write_text(folder / "study.json", json.dumps(described, indent=1, sort_keys=True))
    return Counter(runs["status"])


_NAMES = pa.dictionary(pa.int32(), pa.string())
_CURVES = pa.schema(
    [("cell", _NAMES), ("step", pa.int32()), ("split", _NAMES), ("metric", _NAMES), ("value", pa.float64())]
)


def _grouped(cells: Sequence[CellSpec]) -> Iterator[Sequence[CellSpec]]:
    for start in range(0, len(cells), ROW_GROUP):
        yield cells[start : start + ROW_GROUP]


def _read_group(
    cells: Sequence[CellSpec],
) -> list[tuple[CellSpec, dict[str, Any], pa.Table | None, dict[str, Any]]]:
    return [(cell, *_read(cell)) for cell in cells]


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
    keep = []
    for chunk in table["metric"].chunks:
        path = [name.startswith("coordinate_") for name in chunk.dictionary.to_pylist()]
        keep.append(~np.array(path, bool)[chunk.indices.to_numpy()])
    return table.filter(pa.array(np.concatenate(keep))) if keep else table


def _joined(tables: dict[str, pa.Table]) -> pa.Table:
    """Rows of the curve table, of the traces by the names of their cells."""
    cells = np.repeat(np.arange(len(tables), dtype=np.int32), [len(table) for table in tables.values()])
    joined = pa.concat_tables(table.replace_schema_metadata(None) for table in tables.values())
    named = pa.DictionaryArray.from_arrays(pa.array(cells), pa.array(list(tables), pa.string()))
    return _shown(joined.add_column(0, "cell", named)).cast(_CURVES)


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


def _describe(
    study: Study, workload_facts: dict[str, dict[str, Any]], origins: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """What the page says of the study besides its numbers."""
    return {
        "study": study.name,
        "title": study.title,
        "question": study.question,
        "config_path": study.file.as_posix(),
        "config_text": study.text,
        "seeds": list(study.seeds),
        "threshold": study.report["threshold"],
        "report": dict(study.report),
        "oracle": study.oracle,
        "tuning": asdict(study.tuning) if study.tuning else None,
        "workloads": {
            name: {
                "label": spec.label or name,
                "factory": spec.factory,
                "settings": dict(spec.settings),
                "overrides": dict(spec.overrides),
                "dataset": spec.dataset.name if spec.dataset else None,
                **dict.fromkeys(_FACTS),
                **_facts(workload_facts.get(name, {})),
            }
            for name, spec in study.workloads.items()
        },
        "optimizers": {
            name: {
                "label": spec.label or name,
                "factory": spec.factory,
                "lr": spec.lr,
                "settings": dict(spec.settings),
                "search": {key: list(values) for key, values in spec.search.items()},
                "default_of": spec.default_of,
            }
            for name, spec in study.optimizers.items()
        },
        "schedules": {
            name: {"label": spec.label or name, "factory": spec.factory, "settings": dict(spec.settings)}
            for name, spec in study.schedules.items()
        },
        "metrics": {
            spec.name: {"label": spec.label, "factory": spec.factory, "direction": spec.direction}
            for spec in study.metrics
        },
        "datasets": {name: read_manifest(name, study.data_folder) for name in study.datasets},
        "provenance": {
            **(origins[0] if origins else {"versions": {}, "machine": {}, "commit": "", "dirty": False}),
            "threads": study.threads,
            "device": study.device,
            "report_versions": provenance.versions(),
            "command": f"snakemake --cores all --configfile {study.file.as_posix()}",
        },
        "origins": origins,
        "mixed": _mixed(origins),
    }


_FACTS = (
    "steps",
    "batch_size",
    "steps_per_epoch",
    "n_train",
    "n_validation",
    "n_test",
    "n_parameters",
    "target",
    "optimum",
    "eval_every",
    "coordinates",
    "landscape",
)


def _facts(facts: dict[str, Any]) -> dict[str, Any]:
    named = {**facts, "steps": facts.get("budget")}
    return {name: named[name] for name in _FACTS if name in named}


ORIGIN = ("versions", "machine", "commit", "dirty", "device", "gpu", "threads", "kernels")
"""The facts that say where a trace comes from; a run's column `origin` counts the different ones from 0."""


def _origin(facts: dict[str, Any]) -> str:
    return json.dumps({key: facts.get(key) for key in ORIGIN}, sort_keys=True)


def _mixed(origins: Sequence[dict[str, Any]]) -> list[str]:
    """One sentence for each thing in which the traces differ and by which numbers can differ."""
    sentences = []
    for key, what in (
        ("versions", "versions of the software"),
        ("machine", "machines"),
        ("gpu", "GPUs"),
        ("kernels", "sets of torch's kernels (libraries, instruction sets)"),
        ("commit", "commits of optbench"),
    ):
        # A cell whose process died knows neither its card nor its kernels.
        kinds = {
            (origin["device"], json.dumps(origin[key], sort_keys=True))
            for origin in origins
            if origin[key] is not None
        }
        most = max(Counter(device for device, _ in kinds).values(), default=0)
        if most > 1:
            sentences.append(f"The traces come from {most} different {what}.")
    return sentences
