"""The study of `benchmarks/peer.py` as benchopt has it: a small model, its loss on all of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from benchopt import BaseObjective
from benchopt.stopping_criterion import NoCriterion

if TYPE_CHECKING:
    from benchmark_utils.problem import Problem


class Objective(BaseObjective):
    """Loss on the training data; of a classifier also loss and accuracy on the validation data."""

    name = "loss"
    min_benchopt_version = "1.10"
    sampling_strategy = "callback"
    # Every cell takes its whole budget, as optbench's do.
    stopping_criterion = NoCriterion(strategy="callback")

    def set_data(self, problem: Problem) -> None:
        """Takes what a data set gives."""
        self.problem = problem

    def get_objective(self) -> dict:
        """Return what a solver is given."""
        return {"problem": self.problem}

    def evaluate_result(self, model: torch.nn.Module) -> dict:
        """Return the losses, and the accuracy or where the point lies."""
        with torch.no_grad():
            return self.problem.evaluate(model)

    def get_one_result(self) -> dict:
        """Return a model that nobody has trained."""
        return {"model": self.problem.model()}
