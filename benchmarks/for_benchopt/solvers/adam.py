"""Adam."""

import torch
from benchmark_utils.solver import TorchSolver


class Solver(TorchSolver):
    """torch.optim.Adam."""

    name = "adam"
    parameters = {"lr": [0.003, 0.01, 0.03]}  # noqa: RUF012  (benchopt's way)
    optimizer = torch.optim.Adam
