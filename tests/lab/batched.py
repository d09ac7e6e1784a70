"""Workloads, and cells of several seeds, that are trained alone and together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lab.studies import write_study
from optbench.cells.cell import CellSpec
from optbench.cells.matrix import cells_of
from optbench.cells.trace import Trace
from optbench.study.resolve import read_study

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
