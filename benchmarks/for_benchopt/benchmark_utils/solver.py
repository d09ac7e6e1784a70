"""What the solvers share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from benchopt import BaseSolver

from .problem import train

if TYPE_CHECKING:
    from collections.abc import Callable

    from .problem import Problem


class TorchSolver(BaseSolver):
    """Trains with an optimizer of torch, on one thread, from a seed of its repetition."""

    def optimizer(self, parameters: list) -> torch.optim.Optimizer:
        """Return the optimizer over `parameters`."""
        raise NotImplementedError

    def set_objective(self, problem: Problem) -> None:
        """Takes what the objective gives."""
        self.problem = problem
        self.seed = self.get_seed(use_dataset=True, use_repetition=True)
        torch.set_num_threads(1)

    def run(self, callback: Callable) -> None:
        """Trains one cell."""
        torch.manual_seed(self.seed)
        self.model = self.problem.model()
        train(self.problem, self.model, self.optimizer(list(self.model.parameters())), callback)

    def get_next(self, stop_val: int) -> int:
        """Return the next call that is evaluated: every one."""
        return stop_val + 1

    def get_result(self) -> dict:
        """Return what is evaluated."""
        return {"model": self.model}
