"""One training run: everything that decides its numbers, and the versions of what it leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optbench.core.specs import OptimizerSpec, ScheduleSpec, TuningSpec, WorkloadSpec


TRACE_SCHEMA = 4
"""Version of a trace's layout (docs/reference/tables.md#traces); a change makes every cell a new one."""

TIMING_SCHEMA = 3
"""Version of a timing's layout (docs/reference/tables.md#timing); a change makes every timing a new one."""

TRACE_KEY = b"optbench-facts"
"""Key of a trace's facts in the metadata of its parquet file."""


@dataclass(frozen=True)
class CellSpec:
    """One training run: everything that decides its numbers.

    Attributes:
        study: the study's name.
        workload: what is trained.
        optimizer: by what.
        schedule: under which schedule.
        lr: the learning rate (> 0); NaN in a cell whose tuning has not been asked yet
        (`optbench.cells.search`).
        seed: fixes initialisation, data order and augmentation (>= 0).
        device: `cpu` or `cuda`.
        threads: intra-operation threads (>= 1): they decide the order of sums, hence the bits.
        timeout_s: the wall-clock limit of this cell in seconds; it decides no number, only when to give up.
        probe_every: steps to each look at the probe batch, on average (>= 1); 0 turns all probes off.
        digest: 8 hexadecimal digits over all that decides the numbers.
        tuning: the tuning that chooses its learning rate; None where the study or the optimizer gives one.
        search: 8 hexadecimal digits that name the search whose choice it waits for, "" without a tuning.
        trial: whether it is a trial of a search: it lies apart and never looks at the test split.
        code: sha256 over the code that trains it, a part of `digest`.
        identity: what `digest` is taken from, to be kept in the trace: its `settings`, a short hash of the
            `code` by part and module, its `data`.
        together: the seeds that are to be trained as one model, this one among them; empty where it is to be
            trained alone.
        step: `eager`, or `graph` where its steps are to be replayed from a CUDA graph.
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
    tuning: TuningSpec | None = None
    search: str = ""
    trial: bool = False
    code: str = ""
    identity: Mapping[str, Any] = field(default_factory=dict)
    together: tuple[int, ...] = ()
    step: str = "eager"

    @property
    def combination(self) -> str:
        """`workload/optimizer/schedule`."""
        return f"{self.workload.name}/{self.optimizer.name}/{self.schedule.name}"

    @property
    def name(self) -> str:
        """The readable name `workload/optimizer/schedule/seed`; a trial's has `lr...` before its seed."""
        rate = f"lr{self.lr:g}/" if self.trial else ""
        return f"{self.combination}/{rate}{self.seed}"
