"""Seeds trained as one model: each cell gets the trace that it gets alone, to rounding."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from lab.studies import write_study

from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.optimizers.make import make_optimizer
from optbench.cells.cell import CellSpec
from optbench.cells.matrix import cells_of
from optbench.cells.paths import trace_path
from optbench.cells.trace import Trace, read_trace
from optbench.core.factories import load_factory
from optbench.running.parent import train_all
from optbench.study.resolve import read_study
from optbench.testing import check_optimizer
from optbench.training.batched.group import refusals
from optbench.training.batched.stack import stacked_batches
from optbench.training.batched.stackable import is_elementwise
from optbench.training.batched.train import train_together
from optbench.training.loop import train_cell, training_batches
from optbench.workload import Workload

NOWHERE = Path("there-is-no-data")

LOSS_TOLERANCE = 1e-5
"""Relative, of any loss of these short float32 runs; docs/why/batched-seeds.md measures longer ones."""

PLUGIN = '''
"""Workloads that can be trained with several seeds as one model, and some that cannot."""

import os
import random

import torch
from torch import nn
from torch.nn import functional

from optbench.workload import Workload
from optbench.catalogue.workloads.analytic import Point


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        if self.training:
            self.calls += 1
        return x


class Neighbours(torch.optim.SGD):
    """Divides by the largest gradient of a tensor, and claims that entries do not matter to each other."""

    elementwise = True

    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.grad.div_(p.grad.abs().max() + 1e-12)
        return super().step(closure)


class Honest(torch.optim.SGD):
    elementwise = True


def by_shape(params, lr):
    """Decays matrices alone: a stack of biases would look like one."""
    groups = [{"params": [p], "weight_decay": 0.1 if p.ndim >= 2 else 0.0} for p in params]
    return torch.optim.AdamW(groups, lr=lr)


def points(n):
    x = torch.randn(n, 2, generator=torch.Generator().manual_seed(n))
    return x, (x[:, 0] * x[:, 1] > 0).long() + (x[:, 0] > 1).long()


LAYERS = {"dropout": lambda: nn.Dropout(0.2), "norm": lambda: nn.BatchNorm1d(8), "counting": Counting}


def network(odd: str = "", augmented: bool = False, full: bool = False) -> Workload:
    def model():
        return nn.Sequential(nn.Linear(2, 8), LAYERS.get(odd, nn.Tanh)(), nn.Tanh(), nn.Linear(8, 3))

    def loss(model, batch):
        x, y = batch
        if odd == "python":
            x = x * (1 + 1e-3 * random.random())
        if odd == "functional":
            x = functional.dropout(x, 0.1)
        if odd == "looks" and float(x.sum()) > 1e9:
            x = -x
        return functional.cross_entropy(model(x), y)

    def accuracy(model, batch):
        return (model(batch[0]).argmax(dim=1) == batch[1]).float().mean()

    def jitter(batch, generator):
        return batch[0] + 0.1 * torch.randn(batch[0].shape, generator=generator), batch[1]

    return Workload(
        model=model, loss=loss, metrics={"accuracy": accuracy},
        train=points(60), validation=points(30), test=points(20),
        batch_size=None if full else 16, steps=21, eval_every=5, coordinates=("w0", "w1"),
        augment=jitter if augmented else None,
    )


def quartic() -> Workload:
    """From N(0, 1): descent with rate lr flies apart where lr w^2 > 2."""
    return Workload(
        model=lambda: Point(torch.randn(1, dtype=torch.float64)),
        loss=lambda model, batch: (model() ** 4).sum() / 4,
        steps=30, eval_every=4,
    )


def fragile(how: str) -> Workload:
    """Its third seed fails at its fifth batch."""
    calls = []

    def fall(batch, generator):
        calls.append(generator.initial_seed())
        if len(calls) == 5 and generator.initial_seed() % 1000 == DOOMED:
            if how == "exits":
                os._exit(7)
            raise RuntimeError("this seed\\nfails")
        return batch

    return Workload(
        model=lambda: nn.Linear(2, 3), loss=lambda m, b: functional.cross_entropy(m(b[0]), b[1]),
        train=points(60), batch_size=16, steps=10, augment=fall,
    )


from optbench.cells.seeds import stream_seed
DOOMED = stream_seed(2, "augmentation") % 1000
'''

STUDY = """
    study: t
    seeds: 3
    probes: {{every: 4}}
    execution: {{seeds: batched}}
    workloads: {{{workloads}}}
    optimizers: {{{optimizers}}}
    schedules: [{schedules}]
    """


def cells(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    workloads: str,
    optimizers: str = "sgd: {lr: 0.5}",
    schedules: str = "constant",
) -> list[CellSpec]:
    """The cells of a study that asks for batched seeds."""
    text = STUDY.format(workloads=workloads, optimizers=optimizers, schedules=schedules)
    study = read_study(write_study(tmp_path, text, PLUGIN))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return cells_of(study)


def same_to_rounding(alone: Trace, together: Trace, tolerance: float = LOSS_TOLERANCE) -> None:
    """Asserts that two traces say the same, but for the last digits."""
    for key in ("status", "error", "steps", "workload_facts", "data_sha256"):
        assert alone.facts[key] == together.facts[key]
    assert (alone.split, alone.metric) == (together.split, together.metric)
    assert alone.step.tolist() == together.step.tolist()
    # Cosines and quotients of sums, not losses, so that their rounding is that of what cancels in them.
    probe = np.array([split == "probe" for split in alone.split])
    np.testing.assert_allclose(together.value[~probe], alone.value[~probe], rtol=tolerance, atol=1e-6)
    np.testing.assert_allclose(together.value[probe], alone.value[probe], rtol=1e-3, atol=1e-4)


def rows(trace: Trace) -> list[tuple[object, ...]]:
    return [*zip(trace.step.tolist(), trace.split, trace.metric, trace.value.tolist(), strict=True)]


@pytest.mark.parametrize(
    "settings", ["", ", augmented: true", ", full: true", ", augmented: true, full: true"]
)
def test_a_cell_gets_the_trace_that_it_gets_alone(tmp_path, monkeypatch, settings):
    net = f'net: {{factory: "plugin:network"{settings}}}'
    group = cells(tmp_path, monkeypatch, net, "adam: {lr: 0.02}", "cosine")
    traces = train_together(group, NOWHERE)
    for cell, trace in zip(group, traces, strict=True):
        alone = train_cell(cell, NOWHERE)
        same_to_rounding(alone, trace)
        assert trace.times.keys() == alone.times.keys()
        assert trace.facts["execution"] == {
            "seeds": "batched",
            "together": [0, 1, 2],
            "step": "eager",
            "why": "",
        }
        assert trace.facts["seed"] == cell.seed
    assert traces[0].value.tolist() != traces[1].value.tolist()


def fit(name: str) -> bool:
    spec = OPTIMIZERS[name]
    parameters = [torch.nn.Parameter(torch.zeros(2, 2))]
    return is_elementwise(make_optimizer(spec, load_factory(spec.factory), parameters, spec.lr))


FIT = list(filter(fit, OPTIMIZERS))


@pytest.mark.parametrize("name", FIT)
def test_every_elementwise_optimizer_makes_the_same_steps(tmp_path, monkeypatch, name):
    group = cells(tmp_path, monkeypatch, 'net: {factory: "plugin:network"}', f"{name}: {{}}")
    for cell, trace in zip(group, train_together(group, NOWHERE), strict=True):
        assert trace.facts["execution"]["seeds"] == "batched"
        same_to_rounding(train_cell(cell, NOWHERE), trace)


def test_all_built_ins_but_lbfgs_and_muon_are_elementwise():
    assert set(OPTIMIZERS) - set(FIT) == {"lbfgs", "muon"}


def test_a_false_claim_to_be_elementwise_is_found(tmp_path, monkeypatch):
    cells(tmp_path, monkeypatch, 'net: {factory: "plugin:network"}')
    says = "elementwise: it says so, but an entry's update depends on other entries"
    assert says in check_optimizer(load_factory("plugin:Neighbours"), lr=0.1)
    assert check_optimizer(load_factory("plugin:Honest"), lr=0.1) == []
    assert check_optimizer(load_factory("plugin:by_shape"), lr=0.1) == []


def test_a_seed_that_diverges_touches_no_other(tmp_path, monkeypatch):
    """Of the three starts one lies beyond sqrt(2), where descent at lr = 1 flies apart."""
    group = cells(tmp_path, monkeypatch, 'quartic: {factory: "plugin:quartic"}', "sgd: {lr: 1.0}")
    traces = train_together(group, NOWHERE)
    alone = [train_cell(cell, NOWHERE) for cell in group]
    assert [trace.facts["status"] for trace in traces] == [trace.facts["status"] for trace in alone]
    assert [trace.facts["status"] for trace in traces].count("diverged") == 1
    for one, other in zip(alone, traces, strict=True):
        same_to_rounding(one, other, 1e-12)


def test_a_group_ends_when_all_its_seeds_have(tmp_path, monkeypatch):
    group = cells(tmp_path, monkeypatch, 'quartic: {factory: "plugin:quartic"}', "sgd: {lr: 1.0e+6}")
    for cell, trace in zip(group, train_together(group, NOWHERE), strict=True):
        assert trace.facts["status"] == "diverged"
        same_to_rounding(train_cell(cell, NOWHERE), trace, 1e-12)


def test_a_cell_does_not_depend_on_which_of_its_group_are_wanted(tmp_path, monkeypatch):
    group = cells(tmp_path, monkeypatch, 'net: {factory: "plugin:network", augmented: true}')
    every = train_together(group, NOWHERE)
    (second,) = train_together(group[1:2], NOWHERE)
    assert rows(second) == rows(every[1])
    assert second.facts == every[1].facts


NO_STACK = {
    "dropout": "its model has Dropout",
    "norm": "its model has BatchNorm1d",
    "counting": "its loss changes the model's buffers",
    "python": "its loss draws random numbers",
    "functional": "its loss draws random numbers",
    "looks": "its loss cannot be taken of several models at once: RuntimeError",
}


@pytest.mark.parametrize(("odd", "why"), NO_STACK.items())
def test_a_workload_that_has_no_batched_form_trains_alone_and_says_why(tmp_path, monkeypatch, odd, why):
    group = cells(tmp_path, monkeypatch, f'net: {{factory: "plugin:network", odd: {odd}}}')
    for cell, trace in zip(group, train_together(group, NOWHERE), strict=True):
        assert trace.facts["execution"]["seeds"] == "alone"
        assert trace.facts["execution"]["why"].startswith(why)
        assert "\n" not in trace.facts["execution"]["why"]
        assert rows(trace) == rows(train_cell(cell, NOWHERE))
    assert list(refusals(group, NOWHERE)) == [trace.facts["execution"]["why"]]


@pytest.mark.parametrize(
    ("optimizer", "schedule", "why"),
    [
        (
            'mine: {factory: "plugin:by_shape", lr: 0.1}',
            "constant",
            "its parameters are sorted into groups by",
        ),
        ("lbfgs: {}", "constant", "LBFGS evaluates the loss itself, as often as each seed needs"),
        ("muon: {}", "constant", "MuonWithAdamW is not known to be elementwise"),
        ("sgd: {}", "plateau", "ReduceLROnPlateau gives each seed a learning rate of its own"),
    ],
)
def test_an_optimizer_or_schedule_that_looks_beyond_an_entry(tmp_path, monkeypatch, optimizer, schedule, why):
    net = 'net: {factory: "plugin:network"}'
    group = cells(tmp_path, monkeypatch, net, optimizer, schedule)
    (found,) = refusals(group, NOWHERE)
    assert found.startswith(why)


def test_a_seed_that_raises_costs_itself_alone(tmp_path, monkeypatch):
    group = cells(tmp_path, monkeypatch, 'fragile: {factory: "plugin:fragile", how: raises}')
    traces = train_together(group, NOWHERE)
    assert [trace.facts["status"] for trace in traces] == ["ok", "ok", "error"]
    for trace in traces:
        why = "training them together failed: RuntimeError: this seed"
        assert trace.facts["execution"] == {"seeds": "alone", "step": "eager", "why": why}


def test_a_seed_that_kills_its_process_costs_itself_alone(tmp_path, monkeypatch):
    group = cells(tmp_path, monkeypatch, 'fragile: {factory: "plugin:fragile", how: exits}')
    told = {}
    train_all(group, NOWHERE, tmp_path, 1, lambda cell, status: told.update({cell.seed: status}))
    assert told == {0: "ok", 1: "ok", 2: "killed"}
    facts = [read_trace(trace_path(cell)).facts for cell in group]
    assert facts[0]["execution"]["why"] == "trained together: the training process ended with exit status 7"
    assert "exit status 7" in facts[2]["error"]


def test_every_seed_sees_the_batches_that_it_sees_alone():
    def shift(batch: tuple[torch.Tensor, ...], generator: torch.Generator) -> tuple[torch.Tensor, ...]:
        return (batch[0] + torch.rand(1, generator=generator),)

    data = torch.arange(10, dtype=torch.float64).view(10, 1)
    plain = Workload(torch.nn.Identity, lambda *_: torch.zeros(()), train=(data,), batch_size=4, steps=9)
    for workload in (plain, replace(plain, augment=shift), replace(plain, augment=shift, batch_size=None)):
        together, own = stacked_batches([workload] * 2, (3, 8), torch.device("cpu"))
        alone = [training_batches(workload, seed, torch.device("cpu")) for seed in (3, 8)]
        assert own
        for stacked, *single in islice(zip(together, *alone, strict=True), 9):
            assert torch.equal(stacked[0], torch.stack([batch[0] for batch in single]))
    shared, own = stacked_batches([replace(plain, batch_size=None)] * 2, (3, 8), torch.device("cpu"))
    assert not own
    assert next(shared)[0] is data
