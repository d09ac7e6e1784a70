"""Conformance: every built-in passes, and each way to be wrong is named."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn

from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.schedules.entries import SCHEDULES
from optbench.core.factories import load_factory
from optbench.testing import check_optimizer, check_schedule, check_workload, examine_optimizer
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


class Wild(_Descent):
    """Draws from a generator of its own, as docs/howto/extend.md says."""

    def __init__(self, params, lr):
        super().__init__(params, lr)
        self.source = torch.Generator().manual_seed(0)

    def move(self, p, lr):
        p.sub_(lr * p.grad * torch.rand(p.shape, generator=self.source))


class Careless(_Descent):
    def step(self, closure=None):
        super().step(None)


class Closed(_Descent):
    """Its step takes no closure at all."""

    def step(self):
        super().step(None)


class Decaying(_Descent):
    """Decays the weights under a name of its own."""

    def move(self, p, lr):
        p.sub_(lr * (p.grad + 0.01 * p))


class Ordered(_Descent):
    """Moves its first parameter alone."""

    def move(self, p, lr):
        if p is self.param_groups[0]["params"][0]:
            p.sub_(lr * p.grad)


class Raising(_Descent):
    def move(self, p, lr):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("optimizer", "problems", "warnings"),
    [
        (_Descent, set(), set()),
        (Noisy, set(), {"randomness", "zero gradient"}),
        (Wild, set(), {"state"}),
        (Drifting, set(), {"zero gradient"}),
        (Deaf, set(), {"learning rate"}),
        (Forgetful, {"state"}, set()),
        (Exploding, {"finite"}, set()),
        (Careless, set(), {"closure"}),
        (Closed, set(), {"closure"}),
        (Decaying, set(), set()),
        (Ordered, {"order"}, set()),
    ],
)
def test_each_fault_is_named(optimizer, problems, warnings):
    found = examine_optimizer(optimizer, lr=0.05)
    assert check_optimizer(optimizer, lr=0.05) == found.problems
    named = {problem.split(":")[0] for problem in found.problems}
    assert named >= problems
    assert bool(named) == bool(problems)
    assert {warning.split(":")[0] for warning in found.warnings} == warnings


def test_an_exception_is_named_once_with_its_property():
    assert check_optimizer(Raising, lr=0.1) == ["finite: RuntimeError: no"]


class KeywordAlone(_Descent):
    def step(self, *, closure=None):
        return super().step(closure)


class KeywordRequired(_Descent):
    def step(self, *, closure):
        return super().step(closure)


class AsksForALoss(_Descent):
    def step(self, loss):
        super().step(None)


class NoLonger(_Descent):
    """Leaves gradients switched off."""

    def step(self, closure=None):
        torch.set_grad_enabled(False)
        return super().step(closure)


class Spoilt(_Descent):
    def move(self, p, lr):
        p.fill_(torch.nan)


@pytest.mark.parametrize(
    ("optimizer", "problems"),
    [
        (KeywordAlone, []),
        (KeywordRequired, []),
        (
            AsksForALoss,
            ["finite: TypeError: AsksForALoss.step() missing 1 required positional argument: 'loss'"],
        ),
        (Spoilt, ["finite: a parameter is not finite after a few steps"]),
        (lambda params, lr: 3, ["optimizers.<lambda>.factory must return a torch.optim.Optimizer"]),
    ],
)
def test_one_cause_is_one_sentence(optimizer, problems):
    found = check_optimizer(optimizer, lr=0.1)
    assert len(found) == len(problems)
    assert all(one.startswith(start) for one, start in zip(found, problems, strict=True)), found


def test_gradients_that_are_left_switched_off_are_told_as_that():
    with torch.enable_grad():
        (problem,) = check_optimizer(NoLonger, lr=0.1)
    assert problem.startswith(
        "finite: LossError: its loss has no gradient: gradients are switched off in this"
    )
    assert torch.is_grad_enabled()


def test_an_optimizer_of_sparse_gradients_is_tried_with_these():
    found = examine_optimizer(torch.optim.SparseAdam, lr=0.01)
    assert found.problems == []
    (warning,) = [w for w in found.warnings if w.startswith("gradients: it takes sparse ones alone")]
    assert "SparseAdam does not support dense gradients" in warning


@pytest.mark.parametrize("name", ["ASGD", "Muon", "Rprop", "Adafactor", "Adagrad", "RMSprop", "Adadelta"])
def test_nobody_of_torch_is_accused(name):
    found = examine_optimizer(getattr(torch.optim, name), lr=0.01)
    assert found.problems == []
    # Rprop takes its first step's length from the rate and its own after that; Muon is for matrices.
    names = {"Rprop": ["learning rate"], "Muon": ["parameters"]}
    named = [one.partition(":")[0] for one in found.warnings]
    assert [one for one in named if one not in {"closure", "gradients"}] == names.get(name, [])


@pytest.mark.parametrize("lr", [1e3, 1e30])
def test_a_rate_that_is_too_high_here_is_no_fault(lr):
    """A study's own rate, which suits gradients that are small there."""
    assert check_optimizer(torch.optim.SGD, lr=lr) == []
    assert check_optimizer(torch.optim.Adam, lr=lr) == []


def test_the_callers_generators_stay_where_they_are():
    before = torch.get_rng_state(), random.getstate(), str(np.random.get_state())
    check_optimizer(Noisy, lr=0.1)
    check_workload(lambda: _workload(lambda model, batch: model(batch[0]).square().mean()))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (random.getstate(), str(np.random.get_state())) == before[1:]


def test_a_schedule_that_raises_is_one_sentence():
    def odd(optimizer):
        raise SystemExit(3)

    assert check_schedule(odd) == ["schedules.odd: SystemExit: 3"]
    assert check_schedule(torch.optim.lr_scheduler.OneCycleLR, max_lr=0.1, total_steps=60, budget=60) == []


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
