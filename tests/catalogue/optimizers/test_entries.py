"""The catalogue of optimizers: each lowers a loss, and its state survives a round trip."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lab.optimizers import built_in
from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.optimizers.make import needs_closure


def tiny_mlp() -> tuple[nn.Module, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2))
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) / 2)
    x, y = torch.randn(32, 4, generator=generator), torch.randn(32, 2, generator=generator)
    return model, x, y


def train(model: nn.Module, x: Tensor, y: Tensor, optimizer: Optimizer, steps: int) -> list[float]:
    losses: list[float] = []

    def closure() -> float:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        torch.autograd.backward(loss)
        return loss.item()

    for _ in range(steps):
        if needs_closure(optimizer):
            losses.append(float(optimizer.step(closure)))
        else:
            losses.append(closure())
            optimizer.step()
    return losses


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_survives_a_round_trip(name: Any) -> None:
    model, x, y = tiny_mlp()
    optimizer = built_in(name, model.parameters())
    train(model, x, y, optimizer, 4)
    twin = copy.deepcopy(model)
    twin_optimizer = built_in(name, twin.parameters(), lr=0.5)
    twin_optimizer.load_state_dict(pickle.loads(pickle.dumps(optimizer.state_dict())))  # noqa: S301
    losses = train(model, x, y, optimizer, 4)
    assert train(twin, x, y, twin_optimizer, 4) == losses
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), twin.parameters(), strict=True))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_built_in_lowers_the_loss_at_its_own_lr(name: Any) -> None:
    model, x, y = tiny_mlp()
    losses = train(model, x, y, built_in(name, model.parameters()), 60)
    assert losses[-1] < losses[0]


def test_lbfgs_evaluates_about_five_times_a_step() -> None:
    model, x, y = tiny_mlp()
    optimizer = built_in("lbfgs", model.parameters())
    train(model, x, y, optimizer, 10)
    assert 3 <= next(iter(optimizer.state.values()))["func_evals"] / 10 <= 6


def test_catalogue_lists_what_the_page_promises() -> None:
    assert list(OPTIMIZERS) == [
        *("sgd", "heavy_ball", "heavy_ball_gradient", "heavy_ball_step", "heavy_ball_averaged", "nesterov"),
        *("adagrad", "rmsprop", "rmsprop_momentum", "adadelta", "adam", "adamw", "nadam", "radam", "adamax"),
        *("lion", "muon", "lbfgs"),
    ]
    assert all(spec.lr > 0 and spec.label for spec in OPTIMIZERS.values())
    assert len({spec.label for spec in OPTIMIZERS.values()}) == len(OPTIMIZERS)


def test_only_lbfgs_needs_a_closure_even_under_a_schedule() -> None:
    model, _, _ = tiny_mlp()
    for name in OPTIMIZERS:
        optimizer = built_in(name, model.parameters())
        assert needs_closure(optimizer) == (name == "lbfgs"), name
        torch.optim.lr_scheduler.StepLR(optimizer, 1)  # replaces the instance's step by a wrapper
        assert needs_closure(optimizer) == (name == "lbfgs"), name
