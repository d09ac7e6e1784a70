"""Trials without training: losses by a formula."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

import numpy as np

from optbench.cells.cell import CellSpec
from optbench.cells.paths import trace_path
from optbench.cells.trace import Trace, cell_facts, write_trace

STUDY = """
    study: t
    seeds: [0, 1, 2]
    device: cpu
    workloads: {line: {factory: "plugin:line"}}
    optimizers:
      sgd:
      heavy_ball: {search: {momentum: [0.5, 0.9]}}
    tuning: {seeds: 2, low: 0.01, high: 1, per_decade: 3, widen: 1}
    """

Loss = Callable[[CellSpec], float]


class Trainer:
    """Writes traces whose final loss is a function of the cell; counts what it trained."""

    def __init__(self, loss: Loss) -> None:
        self.loss = loss
        self.rounds: list[list[CellSpec]] = []

    def __call__(self, left: Sequence[CellSpec], trials: Sequence[CellSpec]) -> None:
        assert set(map(trace_path, left)) <= set(map(trace_path, trials))
        self.rounds.append(list(left))
        for cell in left:
            final = self.loss(cell)
            ok = np.isfinite(final)
            write_trace(
                trace_path(cell),
                Trace(
                    {
                        **cell_facts(cell),
                        "status": "ok" if ok else "diverged" if final == inf else "error",
                        "error": "",
                        "steps": 1,
                    },
                    step=np.array([0, 1], np.int32)[: 1 + ok],
                    split=["validation"] * (1 + ok),
                    metric=["loss"] * (1 + ok),
                    value=np.array([10.0, final])[: 1 + ok],
                ),
            )

    @property
    def count(self) -> int:
        return sum(map(len, self.rounds))
