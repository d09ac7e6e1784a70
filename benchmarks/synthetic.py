"""Studies of any size whose traces are made up: the material of benchmarks/scale.py.

Two real cells are trained, one on the ravine and one on the digits MLP. Every other trace repeats the rows of
one of them with its losses multiplied by a factor of its combination and one of its seed, so that files,
tables and comparisons have the size and the shape of a real study's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from optbench.catalogue.datasets.prepare import prepare
from optbench.cells.matrix import cells_of
from optbench.cells.paths import trace_path
from optbench.cells.trace import cell_facts, write_trace
from optbench.study.resolve import read_study
from optbench.training.loop import train_cell

if TYPE_CHECKING:
    from pathlib import Path

    from optbench.cells.cell import CellSpec
    from optbench.cells.trace import Trace
    from optbench.study.study import Study

SCHEDULES = ("constant", "cosine", "step", "polynomial")


@dataclass(frozen=True)
class Size:
    """How many of each make up a study."""

    workloads: int
    optimizers: int
    schedules: int
    seeds: int

    @property
    def cells(self) -> int:
        """How many cells that makes."""
        return self.workloads * self.optimizers * self.schedules * self.seeds


SIZES = {1_000: Size(5, 10, 2, 10), 10_000: Size(10, 10, 4, 25)}
"""Studies that grow in every direction at once."""


def write_study(file: Path, size: Size) -> Study:
    """Writes a study file of `size` and reads it: copies of the ravine, the digits MLP and of Adam."""
    lines = [f"study: {file.stem}", "device: cpu", f"seeds: {size.seeds}", "timing: false", "workloads:"]
    lines += ["  workload_0: {like: ravine}"]
    lines += [f"  workload_{i}: {{like: digits_mlp}}" for i in range(1, size.workloads)]
    lines += ["optimizers:"]
    lines += [f"  optimizer_{i}: {{like: adam, lr: {0.001 * (i + 1):g}}}" for i in range(size.optimizers)]
    lines += [f"schedules: [{', '.join(SCHEDULES[: size.schedules])}]"]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_study(file)


def write_traces(study: Study) -> int:
    """Writes a trace of every cell of `study` below the current folder; returns the bytes of them all."""
    for dataset in study.datasets.values():
        prepare(dataset, study.data_folder)
    templates: dict[str, Trace] = {}
    written = 0
    for cell in cells_of(study):
        kind = cell.workload.factory
        if kind not in templates:
            templates[kind] = train_cell(cell, study.data_folder)
        path = trace_path(cell)
        write_trace(path, _varied(templates[kind], cell))
        written += path.stat().st_size
    return written


def _varied(template: Trace, cell: CellSpec) -> Trace:
    """The template as this cell's own: a factor on its losses, and noise that no two traces share."""
    place = int(cell.optimizer.name.rpartition("_")[2]) + 10 * SCHEDULES.index(cell.schedule.name)
    draw = np.random.default_rng([int(cell.digest, 16)])
    factor = (1 + 0.02 * place) * np.exp(0.05 * draw.standard_normal())
    loss = np.array([metric in {"loss", "batch_loss"} for metric in template.metric])
    noise = np.exp(1e-3 * draw.standard_normal(len(loss)))
    first = np.array(template.step) == 0  # every cell of a seed starts from the same loss
    value = np.where(loss & ~first, template.value * factor * noise, template.value * noise)
    return replace(template, facts={**template.facts, **cell_facts(cell)}, value=value)
