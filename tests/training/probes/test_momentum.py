"""What momentum alone does, against its closed form."""

from __future__ import annotations

from functools import partial
from importlib import import_module

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import SGD

from lab.probes import Stopping
from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.optimizers.lion import Lion
from optbench.training.probes.momentum import filter_cosine, noise_cosine


def test_filter_cosine_against_its_sums():
    for momentum, ahead, carried in [(0.9, 0.0, 1.0), (0.9, 1.0, 0.9), (0.5, 2.0, 0.1)]:
        weights = carried * momentum ** np.arange(400)
        weights[0] += ahead
        direct = (weights[1:] @ weights[:-1]) / (weights @ weights)
        assert filter_cosine(momentum, ahead, carried) == pytest.approx(direct, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "within"),
    [
        ("sgd", 0.01),
        ("heavy_ball", 0.01),
        ("heavy_ball_averaged", 0.01),
        ("nesterov", 0.01),
        ("rmsprop_momentum", 0.02),
        ("adam", 0.02),
        ("adamw", 0.02),
        ("nadam", 0.02),
    ],
)
def test_what_momentum_alone_does_is_what_noise_shows(name, within):
    spec = OPTIMIZERS[name]
    module, _, factory = spec.factory.partition(":")
    settings = {k: tuple(v) if isinstance(v, list) else v for k, v in spec.settings.items()}
    make = getattr(import_module(module), factory)
    parameter = nn.Parameter(torch.zeros(3000))
    optimizer = make([parameter], lr=1e-3, **settings)
    generator = torch.Generator().manual_seed(5)
    moves, before = [], parameter.detach().clone()
    for _ in range(260):
        parameter.grad = torch.randn(3000, generator=generator)
        optimizer.step()
        moves.append(parameter.detach() - before)
        before = parameter.detach().clone()
    late = torch.stack(moves[60:]).double()
    shown = float((late[1:] * late[:-1]).sum() / (late * late).sum())
    assert noise_cosine(optimizer, 160) == pytest.approx(shown, abs=within)


def test_groups_are_weighed_and_may_state_their_own():
    first, second = nn.Parameter(torch.zeros(30)), nn.Parameter(torch.zeros(10))
    optimizer = SGD([{"params": [first], "momentum": 0.8}, {"params": [second]}], lr=0.1)
    assert noise_cosine(optimizer, 0) == pytest.approx(0.6)
    optimizer.param_groups[1]["noise_cosine"] = -0.2
    assert noise_cosine(optimizer, 0) == pytest.approx(0.55)


@pytest.mark.parametrize(
    "make", [Lion, partial(torch.optim.LBFGS, max_iter=2), partial(Stopping, momentum=0.9)]
)
def test_an_optimizer_that_is_not_known_has_no_baseline(make):
    # A plug-in's class may do anything with its momentum: it can state its own cosine in its groups.
    assert np.isnan(noise_cosine(make([nn.Parameter(torch.zeros(3))], lr=0.1), 0))
