"""What the solvers share."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import torch
from benchopt import BaseSolver

from .problem import train

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .problem import Problem


class TorchSolver(BaseSolver):
    """Trains with a class of torch and its settings, on one thread, from a seed of its repetition."""

    optimizer: type[torch.optim.Optimizer]
    settings: Mapping[str, float] = MappingProxyType({})

    def set_objective(self, problem: Problem) -> None:
        """Takes what the objective gives."""
        self.problem = problem
        self.seed = self.get_seed(use_dataset=True, use_repetition=True)
        torch.set_num_threads(1)

    def run(self, callback: Callable) -> None:
        """Trains one cell."""
        torch.manual_seed(self.seed)
        self.model = self.problem.model()
        optimizer = self.optimizer(self.model.parameters(), lr=self.lr, **self.settings)
        train(self.problem, self.model, optimizer, callback)

    def get_next(self, stop_val: int) -> int:
        """Return the next call that is evaluated: every one."""
        return stop_val + 1

    def get_result(self) -> dict:
        """Return what is evaluated."""
        return {"model": self.model}
