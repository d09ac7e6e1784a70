"""The textbook's tiny sigmoid network, three examples and targets it can't reach."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import nn

from optbench.catalogue.workloads.workload import Workload

if TYPE_CHECKING:
    from torch import Tensor

    from optbench.catalogue.workloads.workload import Batch


def tiny_sigmoid() -> Workload:
    """Return the 2-3-2-12-2 network, sigmoid after every layer, on three examples; 100 full-batch steps.

    Targets reach 123 while an output stays below 1, so the squared error falls to a floor and not to 0:
    with every output at its best end of (0, 1) the mean over 3 x 2 entries is
    (0 + 1 + 0 + 4 + 0 + 122^2) / 6 = 2481.5, the infimum given as `optimum`. What there is to learn lies in
    the last tens of about 2520; compare losses above that floor, not their ratios.
    """
    inputs = torch.tensor([[0.5, 0.1], [0.05, 0.18], [0.05, 0.31]])
    targets = torch.tensor([[1.0, 2.0], [0.0, 3.0], [1.0, 123.0]])
    return Workload(
        model=_network,
        loss=_squared_error,
        train=(inputs, targets),
        steps=100,
        eval_every=1,
        optimum=2481.5,
    )


def _network() -> nn.Module:
    widths = (2, 3, 2, 12, 2)
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out), nn.Sigmoid()]
    return nn.Sequential(*layers)


def _squared_error(model: nn.Module, batch: Batch) -> Tensor:
    x, y = batch
    return nn.functional.mse_loss(model(x), y)
