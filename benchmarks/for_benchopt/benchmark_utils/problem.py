"""What is trained, and how: the same models, batches, budgets and evaluations as in optbench's study."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Batch = tuple[Tensor, ...]


@dataclass(frozen=True)
class Problem:
    """A model with its loss, its budget and what is evaluated.

    Attributes:
        model: builds a fresh model from torch's global generator.
        loss: of a model on a batch.
        evaluate: the values that are recorded of a model.
        train: the training data, empty for a formula.
        steps: the budget.
        eval_every: steps between two evaluations; the start and the end are evaluated too.
    """

    model: Callable[[], nn.Module]
    loss: Callable[[nn.Module, Batch], Tensor]
    evaluate: Callable[[nn.Module], dict[str, float]]
    train: Batch
    steps: int
    eval_every: int


def train(problem: Problem, model: nn.Module, optimizer: torch.optim.Optimizer, callback: Callable) -> None:
    """Takes the problem's steps; the callback is called wherever there is an evaluation."""
    batches = _batches(problem)
    callback()
    for step in range(1, problem.steps + 1):
        optimizer.zero_grad()
        problem.loss(model, next(batches)).backward()
        optimizer.step()
        if step % problem.eval_every == 0 or step == problem.steps:
            callback()


def _batches(problem: Problem, size: int = 64) -> Iterator[Batch]:
    if not problem.train:
        while True:
            yield ()
    x, y = problem.train
    while True:
        for part in torch.randperm(len(x)).split(size):
            yield x[part], y[part]


class _Point(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.tensor([-2.4, 0.2], dtype=torch.float64))

    def forward(self) -> Tensor:
        return self.position


def ravine() -> Problem:
    """Return x^2/16 + 9 y^2 from (-2.4, 0.2): 100 steps, each evaluated."""

    def loss(model: nn.Module, _: Batch = ()) -> Tensor:
        x, y = model().unbind()
        return x**2 / 16 + 9 * y**2

    def evaluate(model: nn.Module) -> dict[str, float]:
        x, y = model().tolist()
        return {"value": float(loss(model)), "x": x, "y": y}

    return Problem(_Point, loss, evaluate, (), steps=100, eval_every=1)


@cache
def _digits() -> tuple[Batch, Batch]:
    """Training and validation data, read once in a process: three fifths and one fifth of the digits."""
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    images = torch.tensor((x / 16 - 0.5) / 0.5, dtype=torch.float32)
    labels = torch.tensor(y, dtype=torch.int64)
    train, validation = np.split(order, [1079, 1438])[:2]
    return (images[train], labels[train]), (images[validation], labels[validation])


def digits() -> Problem:
    """Return a 64-32-10 network on the digits: batches of 64, 300 steps, each tenth evaluated."""
    train_data, validation = _digits()

    def loss(model: nn.Module, batch: Batch) -> Tensor:
        x, y = batch
        return functional.cross_entropy(model(x), y)

    def evaluate(model: nn.Module) -> dict[str, float]:
        x, y = validation
        logits = model(x)
        return {
            "value": float(loss(model, train_data)),
            "validation_loss": float(functional.cross_entropy(logits, y)),
            "accuracy": float((logits.argmax(dim=1) == y).float().mean()),
        }

    def model() -> nn.Module:
        return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))

    return Problem(model, loss, evaluate, train_data, steps=300, eval_every=10)
