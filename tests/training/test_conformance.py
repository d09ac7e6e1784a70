"""Conformance: every built-in passes, and each way to be wrong is named."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.schedules.entries import SCHEDULES
from optbench.core.factories import load_factory
from optbench.testing import check_optimizer, check_schedule, check_workload
from optbench.workload import Workload


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_built_in_optimizer_conforms(name):
    spec = OPTIMIZERS[name]
    assert check_optimizer(load_factory(spec.factory), lr=spec.lr, **spec.settings) == []


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_built_in_schedule_conforms(name):
    spec = SCHEDULES[name]
    assert check_schedule(load_factory(spec.factory) if spec.factory else None, **spec.settings) == []


class _Descent(torch.optim.Optimizer):
    """Plain descent, to be spoilt below."""

    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    def move(self, p, lr):
        p.sub_(lr * p.grad)

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                self.move(p, group["lr"])
        return loss


class Noisy(_Descent):
    def move(self, p, lr):
        p.sub_(lr * (p.grad + torch.randn_like(p)))


class Drifting(_Descent):
    def move(self, p, lr):
        p.sub_(lr * (p.grad + 1))


class Deaf(_Descent):
    def move(self, p, lr):
        p.sub_(0.01 * p.grad)


class Forgetful(_Descent):
    """Keeps its velocity outside its state."""

    def __init__(self, params, lr):
        super().__init__(params, lr)
        self.velocity = {}

    def move(self, p, lr):
        self.velocity[p] = 0.9 * self.velocity.get(p, 0) + p.grad
        p.sub_(lr * self.velocity[p])


class Exploding(_Descent):
    def move(self, p, lr):
        p.sub_(lr * p.grad * float("inf"))


class Careless(_Descent):
    def step(self, closure=None):
        super().step(None)


class Ordered(_Descent):
    """Moves its first parameter alone."""

    def move(self, p, lr):
        if p is self.param_groups[0]["params"][0]:
            p.sub_(lr * p.grad)


class Raising(_Descent):
    def move(self, p, lr):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("optimizer", "found"),
    [
        (_Descent, set()),
        (Noisy, {"deterministic", "state", "randomness", "zero gradient", "order"}),
        (Drifting, {"zero gradient"}),
        (Deaf, {"learning rate"}),
        (Forgetful, {"state"}),
        (Exploding, {"finite"}),
        (Careless, {"closure"}),
        (Ordered, {"order"}),
    ],
)
def test_each_fault_is_named(optimizer, found):
    named = {problem.split(":")[0] for problem in check_optimizer(optimizer, lr=0.05)}
    assert named >= found
    assert bool(named) == bool(found)


def test_an_exception_is_named_with_its_property():
    assert "finite: RuntimeError: no" in check_optimizer(Raising, lr=0.1)


def test_a_schedule_that_goes_below_zero_is_named():
    def falling(optimizer):
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / 10)

    assert check_schedule(falling, budget=20) == [
        "rates: the learning rate is -0.010000000000000009 at step 11 of 20"
    ]


def _restless(model, batch, calls=[]):  # noqa: B006  (the shared list is the fault)
    calls.append(1)
    return model(batch[0]).mean() * len(calls)


def _workload(loss):
    x = torch.ones(8, 2)
    return Workload(model=lambda: nn.Linear(2, 1), loss=loss, train=(x,), batch_size=4, steps=10)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: _workload(lambda model, batch: model(batch[0]).square().mean()), ""),
        (lambda: _workload(lambda model, batch: model(batch[0])), "loss: it must be one number"),
        (lambda: _workload(lambda model, batch: model(batch[0]).mean() * torch.inf), "loss: it is"),
        (lambda: _workload(_restless), "deterministic"),
        (lambda: 3, "type: a workload's factory must return a Workload"),
        (lambda: Workload(model=nn.Identity, loss=lambda m, b: torch.ones(()), steps=1), "model: it has no"),
    ],
)
def test_faults_of_workloads_are_named(build, says):
    problems = check_workload(build)
    assert (problems == []) if not says else any(says in problem for problem in problems), problems
