"""Workloads and optimizers of others that are wrong, or unusual, in one way each; and cells of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import SGD

from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.schedules.entries import SCHEDULES
from optbench.cells.cell import CellSpec
from optbench.core.specs import OptimizerSpec, WorkloadSpec
from optbench.workload import Workload

HERE = "lab.faults"


def cell(
    workload: str, optimizer: str = "sgd", *, seed: int = 0, probes: int = 0, **settings: Any
) -> CellSpec:
    """A cell of a workload and an optimizer by their names here, or of a built-in optimizer.

    `closure`, `create_graph`, `lr` and `schedule` are the cell's; overrides of the workload come as `fields`.
    """
    said = {way: settings.pop(way) for way in ("closure", "create_graph") if way in settings}
    lr = settings.pop("lr", 0.05)
    schedule = SCHEDULES[settings.pop("schedule", "constant")]
    fields = settings.pop("fields", {})
    spec = OPTIMIZERS.get(optimizer) or OptimizerSpec(optimizer, f"{HERE}:{optimizer}", lr)
    return CellSpec(
        "t",
        WorkloadSpec(workload, f"{HERE}:{workload}", settings, fields),
        replace(spec, **said),
        schedule,
        lr=lr,
        seed=seed,
        device="cpu",
        threads=1,
        timeout_s=60.0,
        probe_every=probes,
    )


def line(**fields: Any) -> Workload:
    """Least squares on ten points, in batches of four."""
    x = torch.linspace(-1, 1, 10).unsqueeze(1)
    whole: dict[str, Any] = {
        "model": lambda: nn.Linear(1, 1),
        "loss": lambda model, batch: ((model(batch[0]) - batch[1]) ** 2).mean(),
        "train": (x, 3 * x + 2),
        "batch_size": 4,
        "steps": 12,
        "eval_every": 4,
    }
    return Workload(**{**whole, **fields})


# Models that are not a cell's own

POOL: list[nn.Module] = []
BACKBONE = nn.Linear(1, 4).requires_grad_(requires_grad=False)
NORM = nn.BatchNorm1d(4)
NORM.requires_grad_(requires_grad=False)


def pooled(size: int = 1) -> Workload:
    """Its models come from a supply of `size` equal ones that go round."""
    calls: list[int] = []

    def model() -> nn.Module:
        while len(POOL) < size:
            torch.manual_seed(7)
            POOL.append(nn.Linear(1, 1))
        calls.append(1)
        return POOL[(len(calls) - 1) % size]

    return line(model=model)


def tied_to_others() -> Workload:
    """A fresh layer behind one that all its models train."""
    first = nn.Linear(1, 4)
    return line(model=lambda: nn.Sequential(first, nn.Linear(4, 1)))


def restless() -> Workload:
    """Draws its weights past the generators that are seeded."""
    own = random.SystemRandom()

    def model() -> nn.Module:
        made = nn.Linear(1, 1)
        with torch.no_grad():
            made.weight.fill_(own.random())
        return made

    return line(model=model)


def numpy_weights() -> Workload:
    """Draws its weights from numpy's and Python's generators, which a cell seeds."""

    def model() -> nn.Module:
        made = nn.Linear(1, 1)
        with torch.no_grad():
            made.weight.fill_(float(np.random.rand()) + random.random())
        return made

    return line(model=model)


def tied() -> Workload:
    """One tensor in two places of a model: its own affair."""

    def model() -> nn.Module:
        made = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
        made[1].weight = made[0].weight
        return made

    return line(model=model)


def frozen() -> Workload:
    """Models share a part that nobody trains."""
    return line(model=lambda: nn.Sequential(BACKBONE, nn.Linear(4, 1)))


def frozen_norm() -> Workload:
    """Models share a BatchNorm layer, whose averages move in training mode."""
    return line(model=lambda: nn.Sequential(BACKBONE, NORM, nn.Linear(4, 1)))


def no_module() -> Workload:
    return line(model=lambda: [torch.ones(1)])


def lazy() -> Workload:
    return line(model=lambda: nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d(), nn.Linear(3, 1)))


# Losses

LOSSES: dict[str, Callable[[Tensor], Any]] = {
    "scalar": lambda loss: loss,
    "one": lambda loss: loss.reshape(1),
    "one_by_one": lambda loss: loss.reshape(1, 1),
    "two": lambda loss: torch.stack([loss, loss]),
    "number": lambda loss: float(loss.detach()),
    "numpy": lambda loss: loss.detach().numpy(),
    "nothing": lambda loss: None,
    "whole": lambda loss: loss.long(),
    "complex": lambda loss: loss * 1j,
    "detached": lambda loss: loss.detach(),
    "elsewhere": lambda loss: loss.to("meta"),
    "nan": lambda loss: loss * torch.nan,
}


def shaped(how: str, metric: str = "", full: bool = False) -> Workload:
    """Its loss, and a metric, come in one of `LOSSES`'s shapes."""

    def loss(model: nn.Module, batch: tuple[Tensor, ...]) -> Any:
        return LOSSES[how](((model(batch[0]) - batch[1]) ** 2).mean())

    def measure(model: nn.Module, batch: tuple[Tensor, ...]) -> Any:
        return LOSSES[metric]((model(batch[0]) - batch[1]).abs().mean())

    more: dict[str, Any] = {"metrics": {"gap": measure}} if metric else {}
    return line(loss=loss, validation=line().train, batch_size=None if full else 4, **more)


# Sparse gradients


def words(kind: str = "embedding") -> Workload:
    """A table of which each example touches one row or two."""
    places = torch.arange(20).reshape(10, 2) % 7

    def model() -> nn.Module:
        return nn.EmbeddingBag(7, 3, sparse=True) if kind == "bag" else nn.Embedding(7, 3, sparse=True)

    def loss(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        return ((model(batch[0]) - 1) ** 2).mean()

    return Workload(model=model, loss=loss, train=(places,), batch_size=4, steps=12, eval_every=4)


# Batches


def normed(examples: int = 9) -> Workload:
    """BatchNorm, and batches of four: with nine examples the last of an epoch has one."""
    x = torch.linspace(-1, 1, examples).unsqueeze(1)
    return line(
        model=lambda: nn.Sequential(nn.Linear(1, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)),
        train=(x, 3 * x + 2),
    )


def with_steps(steps: int = 7, batch_size: int = 2) -> Workload:
    """Takes arguments that are named like keys of a study."""
    asked.append((steps, batch_size))
    return line(steps=steps, batch_size=batch_size)


asked: list[tuple[int, int]] = []


# Optimizers that need more than gradients


class _Sam(SGD):
    """Sharpness-aware minimisation (Foret et al. 2020, arXiv:2010.01412), as its published code makes a step.

    `step` asserts that there is a closure, though its signature says None, finds the gradients there, climbs
    along them, has them evaluated anew, and descends from where it was.
    """

    rho = 0.05

    @torch.no_grad()
    def step(self, closure=None):
        assert closure is not None, "Sharpness Aware Minimization requires closure, but it was not provided"
        closure = torch.enable_grad()(closure)
        trained = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        norm = torch.stack([p.grad.norm() for p in trained]).norm() + 1e-12
        climbs = [self.rho * p.grad / norm for p in trained]
        for p, climb in zip(trained, climbs, strict=True):
            p.add_(climb)
        closure()
        for p, climb in zip(trained, climbs, strict=True):
            p.sub_(climb)
        super().step()


class Sam(_Sam):
    """The same under its own name."""


class SaysSo(_Sam):
    needs_closure = True


class Returning(SGD):
    """Requires its closure and returns something of its own kind."""

    kind = "float"

    def step(self, closure):
        loss = float(closure().detach())
        super().step()
        return {"float": loss, "numpy": np.float32(loss), "none": None}[self.kind]


class ReturningNumpy(Returning):
    kind = "numpy"


class ReturningNone(Returning):
    kind = "none"


class NeverAsks(SGD):
    def step(self, closure):
        return None


class Hessian(SGD):
    """Divides by |H 1|, which takes the gradients' graph."""

    @torch.no_grad()
    def step(self, closure=None):
        with torch.enable_grad():
            loss = closure() if closure is not None else None
            trained = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
            slopes = [p.grad for p in trained]
            curved = torch.autograd.grad(slopes, trained, [torch.ones_like(g) for g in slopes])
        for group in self.param_groups:
            for p, h in zip(trained, curved, strict=True):
                p.sub_(group["lr"] * p.grad.detach() / (h.abs() + 1))
        return loss


class SaysHessian(Hessian):
    create_graph = True


# What is raised


class SilentError(Exception):
    """Raises when it is asked what it says."""

    def __str__(self):
        raise RuntimeError("not even this")


class Raises(SGD):
    """Raises what `raised` holds, at its third step."""

    def step(self, closure=None):
        self.made = getattr(self, "made", 0) + 1
        if self.made == 3:
            raise raised[0]
        return super().step(closure)


raised: list[BaseException] = [RuntimeError("no")]


def draws_data() -> Workload:
    """Draws its data from all three global generators."""
    x = torch.randn(8, 1) + torch.tensor(np.random.normal(size=(8, 1))).float() + random.random()
    return line(train=(x, 3 * x))


def forgets_seed() -> Workload:
    """Draws its data from a generator without a seed."""
    x = torch.tensor(np.random.default_rng().normal(size=(8, 1))).float()
    return line(train=(x, 3 * x))


def forgets_seed_of_start() -> Workload:
    """Begins somewhere else at every call."""
    start = torch.tensor(np.random.default_rng().normal(size=(1, 1))).float()

    def model() -> nn.Module:
        made = nn.Linear(1, 1)
        made.weight = nn.Parameter(start.clone())
        return made

    return line(model=model)


def on_meta() -> Workload:
    return line(model=lambda: nn.Linear(1, 1, device="meta"))


def goes_backward() -> Workload:
    """Its loss calls backward, which training does, too."""

    def loss(model: nn.Module, batch: Any) -> Tensor:
        found = ((model(batch[0]) - batch[1]) ** 2).mean()
        if found.requires_grad:
            found.backward(retain_graph=True)
        return found

    return line(loss=loss)


def shrinks_in_metric() -> Workload:
    def gap(model: nn.Module, batch: Any) -> Tensor:
        next(model.parameters()).data.mul_(0.5)
        return torch.ones(())

    return line(metrics={"fine": lambda model, batch: torch.ones(()), "gap": gap})


def shrinks_in_loss() -> Workload:
    def loss(model: nn.Module, batch: Any) -> Tensor:
        found = ((model(batch[0]) - batch[1]) ** 2).mean()
        next(model.parameters()).data.mul_(0.5)
        return found

    return line(loss=loss)


def sparse_loss() -> Workload:
    return line(loss=lambda model, batch: (model(batch[0]) ** 2).mean().reshape(1).to_sparse())


def matrix() -> Workload:
    return line(model=lambda: nn.Linear(1, 1, bias=False))


class Copies(SGD):
    """Trains copies of the parameters that it was given."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__([nn.Parameter(p.detach().clone()) for p in params], lr=lr)


class Waits(SGD):
    """Does nothing in its step."""

    def step(self, closure: Any = None) -> Any:
        return closure and closure()


class Wrapping(torch.optim.Optimizer):
    """As wrappers are published: it does not call its class's constructor, and trains."""

    def __init__(self, params: Any, lr: float) -> None:
        self.base = SGD(params, lr=lr)
        self.param_groups, self.state, self.defaults = (
            self.base.param_groups,
            self.base.state,
            self.base.defaults,
        )

    def step(self, closure: Any = None) -> Any:
        return self.base.step(closure)

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.base.zero_grad(set_to_none)


class Stateless(SGD):
    def state_dict(self) -> dict[str, Any]:
        raise NotImplementedError("not yet")


class OnSphere(SGD):
    """Riemannian descent: weights of unit norm."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = super().step(closure)
        for group in self.param_groups:
            for p in group["params"]:
                p.div_(p.norm())
        return loss
