"""The textbook's tiny network."""

import pytest
import torch
from torch import nn

from lab.workloads import train
from optbench.catalogue.workloads import tiny


def test_tiny_network_is_the_textbooks():
    workload = tiny.tiny_sigmoid()
    model = workload.model()
    assert [tuple(p.shape) for p in model.parameters()] == [
        (3, 2), (3,), (2, 3), (2,), (12, 2), (12,), (2, 12), (2,),
    ]  # fmt: skip
    assert [type(layer) for layer in model] == [nn.Linear, nn.Sigmoid] * 4
    for parameter in model.parameters():
        parameter.data.zero_()
    # Every output is sigmoid(0) = 1/2.
    by_hand = (0.5**2 + 1.5**2 + 0.5**2 + 2.5**2 + 0.5**2 + 122.5**2) / 6
    assert float(workload.loss(model, workload.train).detach()) == pytest.approx(by_hand)
    losses, _ = train(workload, lambda p: torch.optim.Adam(p, lr=0.1), workload.budget)
    assert workload.optimum == 2481.5
    assert workload.optimum < losses[-1] < workload.optimum + 0.2
