"""What a study is made of, as plain frozen values (layer 0: standard library only).

These are the words of the whole package. A study file is read into them once (`optbench.config`), the
matrix of cells is made of them (`optbench.matrix`) and everything downstream receives them as arguments.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Scalar: TypeAlias = str | int | float | bool | None
Setting: TypeAlias = "Scalar | list[Setting] | dict[str, Setting]"
"""A value that YAML can write and that a factory takes as a keyword argument."""

TRACE_SCHEMA = 2
"""Version of a trace's layout (docs/traces.md); a change makes every cell a new one."""

TRACE_KEY = b"optbench-facts"
"""Key of a trace's facts in the metadata of its parquet file."""

PROBE_EVERY = 10
"""Steps to each look at the probe batch, on average, where a study says nothing else."""

STATUSES = ("ok", "diverged", "error", "killed", "timeout")
"""What can become of a cell that ran; a table adds `missing` for one that did not."""


@dataclass(frozen=True)
class DatasetSpec:
    """Where a data set comes from.

    Attributes:
        name: the key in `data/<name>/`.
        root: a folder of the user's that holds the raw files, or None for the embedded or downloaded ones.
        download: whether the raw files may be fetched from their publisher.
        fingerprint: sha256 of the raw files where `root` is given, else "" (the published hash holds).
    """

    name: str
    root: str | None = None
    download: bool = True
    fingerprint: str = ""


@dataclass(frozen=True)
class WorkloadSpec:
    """A workload as a study names it: model + data + loss + budget + target.

    Attributes:
        name: how the study calls it.
        factory: `module:name` of a function that returns a `Workload`.
        settings: keyword arguments of the factory.
        overrides: fields of the returned `Workload` that the study sets (batch_size, steps, epochs,
            eval_every, target).
        dataset: the data set handed to the factory as its first argument, or None.
        label: the name in the page.
    """

    name: str
    factory: str
    settings: Mapping[str, Setting] = field(default_factory=dict)
    overrides: Mapping[str, Setting] = field(default_factory=dict)
    dataset: DatasetSpec | None = None
    label: str = ""


@dataclass(frozen=True)
class OptimizerSpec:
    """An optimizer as a study names it.

    Attributes:
        name: how the study calls it.
        factory: `module:name` of a class or function called as `factory(params, lr=lr, **settings)`.
        lr: its own learning rate, used where none is tuned and no block of the matrix gives another.
        settings: the other keyword arguments.
        label: the name in the page.
    """

    name: str
    factory: str
    lr: float
    settings: Mapping[str, Setting] = field(default_factory=dict)
    label: str = ""


@dataclass(frozen=True)
class ScheduleSpec:
    """A learning-rate schedule as a study names it.

    Attributes:
        name: how the study calls it.
        factory: `module:name` called as `factory(optimizer, **settings)`; "" means a constant lr.
        settings: keyword arguments; `"30%"` is a share of the budget in steps, `"30 epochs"` that many
            epochs in steps and `"lr"` the cell's learning rate (see `optbench.schedules.resolve`).
        label: the name in the page.
    """

    name: str
    factory: str = ""
    settings: Mapping[str, Setting] = field(default_factory=dict)
    label: str = ""


@dataclass(frozen=True)
class MetricSpec:
    """A measure of the user's own, taken from a cell's curve when the tables are made.

    Attributes:
        name: the column of the run table.
        factory: `module:name` of a function called as `name(curve)`.
        direction: whether `lower` or `higher` is better, or `none`: it describes and does not judge.
        label: the name in the page.
    """

    name: str
    factory: str
    direction: str = "none"
    label: str = ""


@dataclass(frozen=True)
class CellSpec:
    """One training run: everything that decides its numbers.

    Attributes:
        study: the study's name.
        workload: what is trained.
        optimizer: by what.
        schedule: under which schedule.
        lr: the learning rate (> 0).
        seed: fixes initialisation, data order and augmentation (>= 0).
        device: `cpu` or `cuda`.
        threads: intra-operation threads (>= 1): they decide the order of sums, hence the bits.
        timeout_s: the wall-clock limit of this cell in seconds; it decides no number, only when to give up.
        probe_every: steps to each look at the probe batch, on average (>= 1); 0 turns all probes off.
        digest: 8 hexadecimal digits over all that decides the numbers.
    """

    study: str
    workload: WorkloadSpec
    optimizer: OptimizerSpec
    schedule: ScheduleSpec
    lr: float
    seed: int
    device: str
    threads: int
    timeout_s: float
    probe_every: int = 0
    digest: str = ""

    @property
    def name(self) -> str:
        """The readable name `workload/optimizer/schedule/seed`."""
        return f"{self.workload.name}/{self.optimizer.name}/{self.schedule.name}/{self.seed}"
