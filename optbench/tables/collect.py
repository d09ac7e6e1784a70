"""From traces to tables: the `collect` stage.

Everything that a later stage needs to know of the study stands in what this writes below
results/<study>/tables/: runs, curves and study.json.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pandas as pd

from optbench.catalogue.datasets.manifest import read_manifest
from optbench.catalogue.workloads.entries import draws, kind_of
from optbench.cells.race import planned_cells
from optbench.core import provenance
from optbench.core.errors import CorruptFileError
from optbench.core.files import write_atomically, write_table, write_text
from optbench.core.processes import map_in_processes
from optbench.tables.curves import curve_writer
from optbench.tables.metrics import MEASURE_NAMES
from optbench.tables.own_metrics import own_metrics
from optbench.tables.traces import CELL_TIMES, read_group

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from optbench.cells.cell import CellSpec
    from optbench.study.study import Study

ROW_GROUP = 200
"""Traces that are read together; a row group of the curve table holds one (split, metric) of theirs."""

RUN_COLUMNS = (
    *("cell", "workload", "optimizer", "schedule", "lr", "seed", "ruleset", "status", "steps"),
    *MEASURE_NAMES,
    *CELL_TIMES,
    *("execution", "digest", "path", "error", "origin", "trained_again"),
)
"""Columns of the run table, in order; those of a study's own metrics follow (docs/reference/tables.md)."""


TRACES_WORTH_A_PROCESS = 1000
"""Cells that one more process must have to read, for starting it takes as long as reading about as many."""


def collect(study: Study, cores: int = 1) -> Counter[str]:
    """Writes tables/runs (parquet, csv), curves (parquet) and study.json from the traces that exist.

    A cell without a trace stands in the run table as `missing`. So does one whose trace cannot be read,
    its content has changed since it was written for one: it is named and set aside under the name
    TRACE.corrupt, so that the next run trains the cell again.
    Measures of the study's own are columns too; one that fails on a cell is missing there and told on
    standard error.

    Args:
        study: the study.
        cores: processes that may read traces at a time; they change no byte of the tables.

    Returns:
        How many cells there are of each status.
    """
    folder = study.results / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    origin_of: dict[str, str] = {}
    workload_facts: dict[str, dict[str, Any]] = {}
    ways: Counter[tuple[str, str]] = Counter()
    with (
        write_atomically(folder / "curves.parquet") as unfinished,
        curve_writer(unfinished) as writer,
        own_metrics(study, RUN_COLUMNS) as own,
    ):
        most = sum(block.size for block in study.blocks)  # a cell may stand in two
        processes = max(1, min(cores, most // TRACES_WORTH_A_PROCESS))
        for group in map_in_processes(read_group, _groups(study), processes):
            rows += own.added_to(group.rows, group.curves)
            origin_of |= group.origins
            ways.update(group.executions)
            workload_facts = group.workload_facts | workload_facts
            for curve in group.curves:
                writer.write_table(curve)
    for failure in own.failures():
        print(f"optbench: {study.file}: {failure}", file=sys.stderr)  # noqa: T201
    origins = sorted(set(origin_of.values()))
    runs = pd.DataFrame(rows, columns=[*RUN_COLUMNS, *(metric.name for metric in study.metrics)])
    places = {name: origins.index(origin) for name, origin in origin_of.items()}
    runs["origin"] = runs["cell"].map(places).astype("Int64")
    write_table(runs, folder / "runs")
    described = describe(study, workload_facts, [json.loads(origin) for origin in origins])
    described["execution"] = [
        {"how": how, "why": why, "cells": count} for (how, why), count in sorted(ways.items()) if how
    ]
    write_text(folder / "study.json", json.dumps(described, indent=1, sort_keys=True))
    return Counter(runs["status"])


def _groups(study: Study) -> Iterator[Sequence[CellSpec]]:
    """The cells of a study, some at a time; not before they are asked for, for readers start meanwhile."""
    cells = planned_cells(study)
    for start in range(0, len(cells), ROW_GROUP):
        yield cells[start : start + ROW_GROUP]


def describe(
    study: Study, workload_facts: Mapping[str, Mapping[str, Any]], origins: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """What the page says of the study besides its numbers, and what its tests were declared to be.

    Args:
        study: the study.
        workload_facts: what traces say of each workload.
        origins: where the traces come from, each kind once.
    """
    return {
        "study": study.name,
        "title": study.title,
        "question": study.question,
        "config_path": study.file.as_posix(),
        "config_text": study.text,
        "seeds": list(study.seeds),
        "report": dict(study.report),
        "oracle": study.oracle,
        "tuning": asdict(study.tuning) if study.tuning else None,
        "race": asdict(study.race) if study.race else None,
        "workloads": {
            name: {
                "label": spec.label or name,
                "factory": spec.factory,
                "settings": dict(spec.settings),
                "overrides": dict(spec.overrides),
                "dataset": spec.dataset.name if spec.dataset else None,
                "kind": kind_of(spec),
                "draws": draws(spec),
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
        "datasets": {name: _manifest(name, study.data_folder) for name in study.datasets},
        "provenance": {
            **(origins[0] if origins else provenance.origin_of({})),
            "threads": study.threads,
            "device": study.device,
            "report_versions": provenance.versions(),
            "command": f"snakemake --cores all --configfile {shlex.quote(study.file.as_posix())}",
        },
        "origins": origins,
        "mixed": _mixed(origins),
    }


def _manifest(name: str, data_folder: Path) -> dict[str, Any]:
    try:
        return read_manifest(name, data_folder)
    except CorruptFileError as problem:
        print(f"optbench: {problem}; the next run prepares it again", file=sys.stderr)  # noqa: T201
        return {"name": name, "status": "unavailable", "reason": str(problem)}


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


def _facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    named = {**facts, "steps": facts.get("budget")}
    return {name: named[name] for name in _FACTS if name in named}


def _mixed(origins: Sequence[dict[str, Any]]) -> list[str]:
    """One sentence for each thing in which the traces differ and by which numbers can differ."""
    sentences = []
    for fact in provenance.PROVENANCE:
        if not fact.kinds:
            continue
        # A cell whose process died knows neither its card nor its kernels.
        kinds = {
            (origin["device"], json.dumps(origin[fact.name], sort_keys=True))
            for origin in origins
            if origin[fact.name] is not None
        }
        most = max(Counter(device for device, _ in kinds).values(), default=0)
        if most > 1:
            sentences.append(f"The traces come from {most} different {fact.kinds}.")
    return sentences
