"""Workloads whose oscillation has a closed form, and their measures."""

from __future__ import annotations

import random

import numpy as np
import torch
from torch import nn
from torch.optim import SGD

from optbench.cells.trace import Trace
from optbench.tables.metrics import run_measures
from optbench.training.probes.run import Probes
from optbench.workload import Workload


class Stopping(SGD):
    """Fails at its tenth step."""

    def step(self, closure=None):
        self.made = getattr(self, "made", 0) + 1
        if self.made == 10:
            raise RuntimeError("no more")
        return super().step(closure)


class Vector(nn.Module):
    def __init__(self, start: torch.Tensor) -> None:
        super().__init__()
        self.w = nn.Parameter(start)

    def forward(self) -> torch.Tensor:
        return self.w


def line(h: float = 1.0, start: float = 1.0, steps: int = 40) -> Workload:
    """h w^2 / 2 in one dimension."""
    return Workload(
        model=lambda: Vector(torch.tensor([start], dtype=torch.float64)),
        loss=lambda model, _: h * model().square().sum() / 2,
        steps=steps,
        eval_every=1,
        optimum=0.0,
    )


def noisy(h: float, steps: int, dimension: int = 400) -> Workload:
    """h |w|^2 / 2 from the optimum, with independent gradient noise of deviation 1."""

    def tilt(_: object, generator: torch.Generator) -> tuple[torch.Tensor, ...]:
        return (torch.randn(dimension, generator=generator, dtype=torch.float64),)

    return Workload(
        model=lambda: Vector(torch.zeros(dimension, dtype=torch.float64)),
        loss=lambda model, batch: h * model().square().sum() / 2 + (batch[0] @ model() if batch else 0.0),
        steps=steps,
        eval_every=steps,
        optimum=0.0,
        augment=tilt,
    )


class Counting(nn.Module):
    """All that a forward pass should not do: it counts in a buffer, in any mode, and draws everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.count += 1
        drawn = random.random() + np.random.rand() + torch.rand(())
        return x * (1 + self.count / 1000) + 0.01 * drawn


SMALL_NET = "lab.probes:small_net"


def small_net(extra: str = "dropout", share: float = 0.5) -> Workload:
    """A little classifier with all that a probe could disturb: dropout, BatchNorm, augmentation."""
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(90, 6, generator=generator)
    y = (x[:, 0] > 0).long()
    layers = {"dropout": lambda: nn.Dropout(share), "norm": lambda: nn.BatchNorm1d(8), "counting": Counting}

    def jitter(batch: tuple[torch.Tensor, ...], noise: torch.Generator) -> tuple[torch.Tensor, ...]:
        return batch[0] + 0.1 * torch.randn(batch[0].shape, generator=noise), batch[1]

    return Workload(
        model=lambda: nn.Sequential(nn.Linear(6, 8), layers[extra](), nn.ReLU(), nn.Linear(8, 2)),
        loss=lambda model, batch: nn.functional.cross_entropy(model(batch[0]), batch[1]),
        train=(x, y),
        validation=(x[:20], y[:20]),
        batch_size=16,
        steps=60,
        eval_every=7,
        augment=jitter,
    )


def measures(workload: Workload, make, every: int = 1) -> dict[str, float]:
    """The measures of a run that a loop written here makes."""
    torch.manual_seed(0)
    model = workload.model()
    optimizer = make(model.parameters())
    probes = Probes(workload, model, optimizer, every)
    generator = torch.Generator().manual_seed(7)
    losses = []
    for t in range(workload.budget):
        probes.before(t)
        optimizer.zero_grad()
        batch = workload.augment((), generator) if workload.augment else ()
        loss = workload.loss(model, batch)
        loss.backward()
        probes.gradient(t)
        optimizer.step()
        probes.after(t)
        losses.append(float(loss.detach()))
    columns, facts = probes.finish(np.array(losses), ended=True)
    steps = [np.arange(1, workload.budget + 1), *(column.steps for column in columns)]
    trace = Trace(
        facts={
            "status": "ok",
            "probes": facts,
            "workload_facts": {"descends_its_loss": facts["slopes"] == "full batch"},
        },
        step=np.concatenate(steps).astype(np.int32),
        split=["train"] * len(losses) + ["probe"] * sum(len(c.steps) for c in columns),
        metric=["batch_loss"] * len(losses) + [c.metric for c in columns for _ in c.steps],
        value=np.concatenate([losses, *(c.values for c in columns)]),
    )
    found = run_measures(trace)
    window = trace.series("probe", "update_cosine")[1]
    return found | {"first_window": window[0] if len(window) else np.nan}
