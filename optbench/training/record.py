"""What a running cell records, and how it becomes a trace."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from optbench.cells.trace import Trace

if TYPE_CHECKING:
    from optbench.training.probes.measures import ProbeSeries

KEPT_LOSSES = 2000
"""Batch losses that a trace keeps: all of them up to here, a fixed grid above."""

BLOW_UP = 1e6
"""A batch loss above this many times max(|first loss|, 1) counts as diverged, as a non-finite one does."""


@dataclass
class Record:
    """What a running cell has recorded so far."""

    steps: int = 0
    train_time_s: float = 0.0
    eval_time_s: float = 0.0
    probe_time_s: float = 0.0
    losses: np.ndarray = field(default_factory=lambda: np.empty(0))
    rows: list[tuple[int, str, str, float]] = field(default_factory=list)
    columns: list[ProbeSeries] = field(default_factory=list)

    def to_trace(self, facts: dict[str, Any], times: dict[str, Any]) -> Trace:
        """The trace, with `facts` and `times` of the cell; long series of batch losses are thinned out."""
        n = len(self.losses)
        kept = np.arange(n)
        budget = facts.get("workload_facts", {}).get("budget", n)
        if budget > KEPT_LOSSES:
            grid = np.unique(np.round(np.linspace(0, budget - 1, KEPT_LOSSES)).astype(int))
            kept = grid[grid < n]
        steps, splits, metrics, values = zip(*self.rows, strict=True) if self.rows else ((), (), (), ())
        probed = [column.metric for column in self.columns for _ in column.steps]
        return Trace(
            facts=facts,
            times=times,
            step=np.concatenate(
                [kept + 1, np.array(steps, int), *(column.steps for column in self.columns)], dtype=np.int32
            ),
            split=["train"] * len(kept) + list(splits) + ["probe"] * len(probed),
            metric=["batch_loss"] * len(kept) + list(metrics) + probed,
            value=np.concatenate(
                [self.losses[kept], np.array(values, float), *(column.values for column in self.columns)]
            ),
        )

    def cut_at_blow_up(self, since: int) -> str | None:
        """Cuts the record after its first bad loss from step `since` on; None where all are good."""
        limit = BLOW_UP * max(abs(self.losses[0]), 1.0)
        sizes = np.abs(self.losses[since:])
        if sizes.max() <= limit:  # so none of them is NaN
            return None
        self.steps = since + int(np.argmin(sizes <= limit)) + 1
        self.losses = self.losses[: self.steps]
        return f"batch loss {self.losses[-1]:g} at step {self.steps}"
