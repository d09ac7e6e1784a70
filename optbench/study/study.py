"""A study that has been read: its specs, and which of them meet."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.core.specs import ExecutionSpec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from optbench.core.specs import (
        DatasetSpec,
        MetricSpec,
        OptimizerSpec,
        RaceSpec,
        ScheduleSpec,
        TuningSpec,
        WorkloadSpec,
    )


@dataclass(frozen=True)
class ResolvedBlock:
    """One block of the matrix with its lists filled in.

    `lr` maps optimizer names to learning rates, None for one that is tuned.
    """

    workloads: tuple[str, ...]
    optimizers: tuple[str, ...]
    schedules: tuple[str, ...]
    seeds: tuple[int, ...]
    lr: Mapping[str, float | None]

    @property
    def size(self) -> int:
        """How many cells it has."""
        return len(self.workloads) * len(self.optimizers) * len(self.schedules) * len(self.seeds)


@dataclass(frozen=True)
class Study:
    """A study that has been read: its name, its specs and which of them meet.

    Attributes:
        name: results/<name>, reports/<name>.
        file: the study file; plug-ins are importable from its folder.
        text: the study file as it was read.
        device: `cpu` or `cuda`, no longer `auto`.
        cells_per_job: cells that a Snakemake job trains, or None to choose by the cores.
        data_folder: where prepared data lies.
        probe_every: steps to each look at the probe batch, 0 to measure nothing inside training.
        report: rules of the page's comparisons: threshold, error, equal_within, reference (`reference_of`),
            rates (where given learning rates come from), seed; language: of the page; pdf: figures
            as PDF too.
        timing_s: seconds that timing one workload may take, None to time nothing.
        oracle: whether its tables are compared with the oracle's closed forms.
        tuning: how learning rates are searched, None where none is.
        race: the looks after which seeds are added where it is needed; None where every combination has all
            seeds.
        execution: how cells are to be trained.
        blocks: the matrix, each block complete.
    """

    name: str
    title: str
    question: str
    file: Path
    text: str
    seeds: tuple[int, ...]
    device: str
    threads: int
    timeout_s: float
    cells_per_job: int | None
    probe_every: int
    report: Mapping[str, Any]
    timing_s: float | None
    oracle: bool
    data_folder: Path
    workloads: Mapping[str, WorkloadSpec]
    optimizers: Mapping[str, OptimizerSpec]
    schedules: Mapping[str, ScheduleSpec]
    metrics: tuple[MetricSpec, ...]
    blocks: tuple[ResolvedBlock, ...]
    tuning: TuningSpec | None = None
    race: RaceSpec | None = None
    execution: ExecutionSpec = field(default_factory=ExecutionSpec)

    @property
    def folder(self) -> Path:
        """Where the study file lies; its plug-ins import from here."""
        return self.file.resolve().parent

    @property
    def results(self) -> Path:
        """The study's results, below the current folder."""
        return Path("results") / self.name

    @property
    def datasets(self) -> dict[str, DatasetSpec]:
        """The data sets that its workloads need, by name."""
        return {w.dataset.name: w.dataset for w in self.workloads.values() if w.dataset}
