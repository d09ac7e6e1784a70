"""Plain descent."""

import torch
from benchmark_utils.solver import TorchSolver


class Solver(TorchSolver):
    """torch.optim.SGD."""

    name = "sgd"
    parameters = {"lr": [0.03, 0.05, 0.1]}  # noqa: RUF012  (benchopt's way)
    optimizer = torch.optim.SGD
