"""What one timing is asked to measure (standard library only)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optbench.core.specs import OptimizerSpec, WorkloadSpec

SECONDS = 2.5
"""How long one workload's rounds are timed unless a study says otherwise."""

MOST_SECONDS = 10**8
"""Three years: a longer limit is none, and a scheduler's whole number of minutes must hold it."""


@dataclass(frozen=True)
class TimingSpec:
    """Optimizers that are timed beside each other on one workload, in one process.

    Attributes:
        study: the study's name.
        workload: what is trained while the clock runs.
        optimizers: who is timed, each at its own learning rate.
        reference: the name among `optimizers` to which the others' times are ratios.
        device: `cpu` or `cuda`.
        threads: intra-operation threads (>= 1).
        of: how many optimizers of the study are timed on this workload, in this process and in others.
        digest: 8 hexadecimal digits over all that decides what is measured.
        identity: what `digest` is taken from, as in a cell.
    """

    study: str
    workload: WorkloadSpec
    optimizers: tuple[OptimizerSpec, ...]
    reference: str
    device: str
    threads: int
    of: int
    digest: str = ""
    identity: Mapping[str, object] = field(default_factory=dict)

    def seconds(self, workload_s: float) -> float:
        """This timing's part of the seconds that a workload's rounds are timed.

        Every optimizer has as long as if all were timed in one process, and so has the reference, which is
        timed twice in each.
        """
        return workload_s * (len(self.optimizers) + 1) / (self.of + 1)
