"""Conformance: what optimizers, schedules and workloads must do to be compared.

`optbench check` runs these on everything a study names; a plug-in's own tests can call them:

    from optbench.testing import check_optimizer

    def test_mine():
        assert check_optimizer(Mine, lr=0.1, momentum=0.9) == []
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer

from optbench.catalogue.optimizers.make import make_optimizer, needs_closure
from optbench.catalogue.schedules.make import is_plateau, make_schedule
from optbench.catalogue.workloads.workload import Workload
from optbench.core.factories import load_factory
from optbench.core.specs import OptimizerSpec, ScheduleSpec
from optbench.training.batched.stackable import groups_of, is_elementwise
from optbench.training.loop import build_workload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from torch import Tensor
    from torch.optim import Optimizer

    from optbench.cells.cell import CellSpec

    Build = Callable[[Iterable[Tensor]], Optimizer]

STEPS = 10
ORDER_TOLERANCE = 1e-5
"""Relative difference that another order of the parameters may make: sums over all of them round."""


def check_optimizer(factory: Callable[..., Any], *, lr: float, **settings: Any) -> list[str]:  # noqa: ANN401
    """What is wrong with an optimizer, one sentence a property; an empty list if nothing is.

    The properties: parameters stay finite; the same start gives the same bits; a state_dict restores the
    run; no global generator is drawn from; a zero gradient moves nothing (weight decay aside); lr = 0 moves
    nothing (schedules work through the group's lr); the order of the parameters does not matter; a closure is
    evaluated and its loss returned; one that says it is elementwise (`elementwise = True`) moves two sets of
    parameters stacked into one as it moves each alone.

    Args:
        factory: called as `factory(params, lr=lr, **settings)`.
        lr: its learning rate (> 0).
        settings: its other keyword arguments.
    """
    spec = OptimizerSpec(getattr(factory, "__name__", "optimizer"), "", lr, settings)

    def build(params: Iterable[Tensor], rate: float = lr) -> Optimizer:
        return make_optimizer(spec, factory, params, rate)

    problems = []
    for says, holds in (
        ("finite: a parameter is not finite after a few steps", _is_finite),
        ("deterministic: the same start gives other parameters", _is_deterministic),
        ("state: after load_state_dict the run goes on differently", _state_restores),
        ("randomness: it draws from a global generator", _leaves_generators),
        ("zero gradient: it moves parameters whose gradient is zero", _rests_at_zero_gradient),
        ("learning rate: it moves parameters at lr = 0, so no schedule can govern it", _obeys_lr),
        ("order: another order of the parameters gives other results", _ignores_order),
        ("closure: step(closure) does not evaluate it or does not return its loss", _honours_closure),
        (
            "elementwise: it says so, but an entry's update depends on other entries",
            _is_as_elementwise_as_said,
        ),
    ):
        try:
            if not holds(build):
                problems.append(says)
        except Exception as problem:
            problems.append(f"{says.split(':')[0]}: {type(problem).__name__}: {problem}")
    return list(dict.fromkeys(problems))


def check_schedule(
    factory: Callable[..., Any] | None,
    *,
    budget: int = 100,
    lr: float = 0.1,
    **settings: Any,  # noqa: ANN401
) -> list[str]:
    """What is wrong with a schedule, one sentence a property; an empty list if nothing is.

    The properties: rates are finite and not negative over the whole budget; the same start gives the same
    rates; a state_dict restores it half way.

    Args:
        factory: called as `factory(optimizer, **settings)`; None is the constant schedule.
        budget: optimizer steps of the horizon.
        lr: the cell's learning rate.
        settings: its keyword arguments, as a study file writes them.
    """
    spec = ScheduleSpec(getattr(factory, "__name__", "schedule"), "-" if factory else "", settings)

    def rates(restart_at: int | None = None) -> list[float]:
        def fresh() -> tuple[Optimizer, Any]:
            optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=lr, momentum=0.9)
            return optimizer, make_schedule(spec, factory, optimizer, budget, 10, lr)

        optimizer, schedule = fresh()
        seen = []
        for step in range(budget):
            if step == restart_at and schedule is not None:
                saved = optimizer.state_dict(), schedule.state_dict()
                optimizer, schedule = fresh()
                optimizer.load_state_dict(saved[0])
                schedule.load_state_dict(saved[1])
            seen.append(float(optimizer.param_groups[0]["lr"]))
            optimizer.step()
            if schedule is not None:
                schedule.step(1.0) if is_plateau(schedule) else schedule.step()
        return seen

    try:
        seen = rates()
        again = rates()
        restored = rates(restart_at=budget // 2)
    except Exception as problem:
        return [f"{type(problem).__name__}: {problem}"]
    problems = []
    bad = [(step, rate) for step, rate in enumerate(seen) if not (isfinite(rate) and rate >= 0)]
    if bad:
        problems.append(f"rates: the learning rate is {bad[0][1]} at step {bad[0][0]} of {budget}")
    if again != seen:
        problems.append("deterministic: the same start gives other learning rates")
    if not np.allclose(restored, seen, rtol=1e-6, atol=0, equal_nan=True):
        problems.append("state: after load_state_dict the learning rates go on differently")
    return problems


def check_workload(build: Callable[[], object]) -> list[str]:
    """What is wrong with a workload, one sentence a property; an empty list if nothing is.

    The properties: it is a `Workload`; its model has parameters; the loss on a training batch and on the
    validation split is one finite number; its gradient is finite; the same initialisation gives the same
    loss.

    Args:
        build: makes the workload.
    """
    try:
        workload = build()
        if not isinstance(workload, Workload):
            return [f"type: a workload's factory must return a Workload, not a {type(workload).__name__}"]
        losses, gradients = [], []
        for _ in range(2):
            torch.manual_seed(0)
            model = workload.model()
            if not any(p.requires_grad for p in model.parameters()):
                return ["model: it has no parameters to train"]
            batch = tuple(tensor[: workload.batch_size] for tensor in workload.train)
            if workload.augment is not None:
                batch = workload.augment(batch, torch.Generator().manual_seed(0))
            loss = workload.loss(model, batch)
            if loss.numel() != 1:
                return [f"loss: it must be one number, not of shape {tuple(loss.shape)}"]
            loss.backward()
            losses.append(float(loss.detach()))
            gradients.append([p.grad for p in model.parameters() if p.grad is not None])
        with torch.no_grad():
            held_out = float(workload.loss(model, workload.validation or workload.train))
    except Exception as problem:
        return [f"{type(problem).__name__}: {problem}"]
    problems = []
    if not isfinite(losses[0]) or not isfinite(held_out):
        problems.append(f"loss: it is {losses[0]} on a batch and {held_out} on the validation split")
    if not gradients[0] or not all(bool(g.isfinite().all()) for g in gradients[0]):
        problems.append("gradient: it is missing or not finite")
    if losses[0] != losses[1]:
        problems.append("deterministic: the same initialisation and batch give another loss")
    return problems


def check_cells(cells: Sequence[CellSpec], data_folder: Path) -> list[str]:
    """What is wrong with anything that `cells` are made of, each problem once and with its key."""
    problems = []
    for optimizer, lr in {(c.optimizer.name, c.lr): (c.optimizer, c.lr) for c in cells}.values():
        found = check_optimizer(load_factory(optimizer.factory), lr=lr, **optimizer.settings)
        problems += [f"optimizers.{optimizer.name}: {problem}" for problem in found]
    for cell in {c.schedule.name: c for c in cells}.values():
        factory = load_factory(cell.schedule.factory) if cell.schedule.factory else None
        settings: dict[str, Any] = dict(cell.schedule.settings)
        found = check_schedule(factory, lr=cell.lr, **settings)
        problems += [f"schedules.{cell.schedule.name}: {problem}" for problem in found]
    for cell in {c.workload.name: replace(c, device="cpu") for c in cells}.values():
        found = check_workload(lambda cell=cell: build_workload(cell, data_folder)[0])  # type: ignore[misc]
        problems += [f"workloads.{cell.workload.name}: {problem}" for problem in found]
    return list(dict.fromkeys(problems))


def _start() -> list[Tensor]:
    """A matrix and a vector, so that methods for matrices have one."""
    generator = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in ((4, 3), (3,))]


def _loss(params: Sequence[Tensor]) -> Tensor:
    """A convex quadratic that couples the parameters, the same in every order of them."""
    matrix, vector = sorted(params, key=lambda p: -p.dim())
    return ((matrix @ vector.detach() - 1) ** 2).mean() + (matrix**2).mean() + (vector**2).mean()


def _go(optimizer: Optimizer, params: Sequence[Tensor], steps: int = STEPS) -> list[Tensor]:
    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = _loss(params)
        loss.backward()
        return loss

    for _ in range(steps):
        if needs_closure(optimizer):
            optimizer.step(closure)  # type: ignore[arg-type]
        else:
            closure()
            optimizer.step()
    return [p.detach().clone() for p in params]


def _same(first: Sequence[Tensor], second: Sequence[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def _is_finite(build: Build) -> bool:
    params = _start()
    return all(bool(p.isfinite().all()) for p in _go(build(params), params))


def _is_deterministic(build: Build) -> bool:
    first, second = _start(), _start()
    return _same(_go(build(first), first), _go(build(second), second))


def _state_restores(build: Build) -> bool:
    params = _start()
    optimizer = build(params)
    _go(optimizer, params)
    copies = [torch.nn.Parameter(p.detach().clone()) for p in params]
    restored = build(copies)
    restored.load_state_dict(deepcopy(optimizer.state_dict()))  # loading shares the tensors
    return _same(_go(optimizer, params), _go(restored, copies))


def _leaves_generators(build: Build) -> bool:
    def states() -> tuple[bytes, object, object]:
        return torch.get_rng_state().numpy().tobytes(), random.getstate(), str(np.random.get_state())  # noqa: NPY002

    params = _start()
    optimizer = build(params)
    before = states()
    _go(optimizer, params)
    return states() == before


def _rests_at_zero_gradient(build: Build) -> bool:
    params = _start()
    before = [p.detach().clone() for p in params]
    optimizer = build(params)

    def closure() -> Tensor:
        for p in params:
            p.grad = torch.zeros_like(p)
        return torch.zeros(())

    closure()
    optimizer.step(closure if needs_closure(optimizer) else None)  # type: ignore[arg-type]
    if any(group.get("weight_decay") for group in optimizer.param_groups):
        return all(bool((p.abs() <= b.abs()).all()) for p, b in zip(params, before, strict=True))
    return _same([p.detach() for p in params], before)


def _obeys_lr(build: Build) -> bool:
    params = _start()
    before = [p.detach().clone() for p in params]
    optimizer = build(params)
    for group in optimizer.param_groups:
        group["lr"] = torch.zeros_like(group["lr"]) if isinstance(group["lr"], torch.Tensor) else 0.0
    return _same(_go(optimizer, params, steps=1), before)


def _ignores_order(build: Build) -> bool:
    first, second = _start(), _start()[::-1]
    one = _go(build(first), first)
    other = _go(build(second), second)[::-1]
    return all(torch.allclose(a, b, rtol=ORDER_TOLERANCE, atol=1e-6) for a, b in zip(one, other, strict=True))


def _honours_closure(build: Build) -> bool:
    params = _start()
    optimizer = build(params)
    seen = []

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = _loss(params)
        loss.backward()
        seen.append(float(loss.detach()))
        return loss

    returned = optimizer.step(closure)  # type: ignore[arg-type]
    return bool(seen) and returned is not None and float(torch.as_tensor(returned).detach()) == seen[0]


def _is_as_elementwise_as_said(build: Build) -> bool:
    if not is_elementwise(build(_start())):
        return True
    first, second = _start(), [torch.nn.Parameter(3 * p.detach().flip(0) + 1) for p in _start()]
    stacked = [torch.nn.Parameter(torch.stack(pair).detach()) for pair in zip(first, second, strict=True)]
    optimizers = [build(params) for params in (first, second, stacked)]
    if groups_of(optimizers[0], first) != groups_of(optimizers[2], stacked):
        return True  # sorted by shape: what is then not trained together needs no such promise
    for _ in range(STEPS):
        for params in (first, second):
            for p, slope in zip(params, torch.autograd.grad(_loss(params), params), strict=True):
                p.grad = slope
        for one, other, both in zip(first, second, stacked, strict=True):
            both.grad = torch.stack([one.grad, other.grad])  # type: ignore[list-item]
        for optimizer in optimizers:
            optimizer.step()
    return all(
        torch.allclose(both, torch.stack(pair), rtol=ORDER_TOLERANCE, atol=1e-6)
        for both, pair in zip(stacked, zip(first, second, strict=True), strict=True)
    )
