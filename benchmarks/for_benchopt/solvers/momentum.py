"""The heavy ball."""

import torch
from benchmark_utils.solver import TorchSolver


class Solver(TorchSolver):
    """torch.optim.SGD."""

    name = "momentum"
    parameters = {"lr": [0.01, 0.03, 0.1]}  # noqa: RUF012  (benchopt's way)
    optimizer = torch.optim.SGD
    settings = {"momentum": 0.9}  # noqa: RUF012
