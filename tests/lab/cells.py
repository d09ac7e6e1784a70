"""A cell of given names."""

from __future__ import annotations

from optbench.cells.cell import CellSpec
from optbench.core.specs import OptimizerSpec, ScheduleSpec, WorkloadSpec


def cell(workload: str = "w", optimizer: str = "o", schedule: str = "s", seed: int = 0) -> CellSpec:
    return CellSpec(
        "study",
        WorkloadSpec(workload, "m:w"),
        OptimizerSpec(optimizer, "m:o", 0.1),
        ScheduleSpec(schedule),
        lr=0.1,
        seed=seed,
        device="cpu",
        threads=1,
        timeout_s=1.0,
        digest="01234567",
    )
