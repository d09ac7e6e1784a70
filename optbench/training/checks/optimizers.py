"""What an optimizer must do to be compared, tried on a small quadratic."""

from __future__ import annotations

import random
import warnings
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from optbench.catalogue.optimizers.make import may_take_closure, needs_closure
from optbench.core.errors import RAISED_BY_OTHERS, UserError, told
from optbench.training.batched.stackable import groups_of, is_elementwise
from optbench.training.checks.candidate import GO_SEED, STEPS, Candidate, flat, quadratic
from optbench.training.generators import seed_global_generators
from optbench.training.steps import StepError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor
    from torch.optim import Optimizer

    from optbench.core.specs import OptimizerSpec
    from optbench.training.checks.notes import Notes

ORDER_TOLERANCE = 1e-5
"""Relative difference that another order of the parameters may make: sums over all of them round."""

WAY_AND_BACK = 1e-6
"""What float32 makes of numbers about 1 that something is added to and taken off again."""

SMALL_LR = 0.01
"""A rate at which every sound optimizer stays finite on the quadratic, and rounding stays small."""

GENERATORS = (torch.Generator, random.Random, np.random.Generator, np.random.RandomState)

NOT_FINITE = "finite: a parameter is not finite after a few steps"
UNDEFINED = "zero gradient: a parameter is not finite after a step with a gradient of zero"
UNMOVED = (
    "movement: after ten steps every parameter is where it was: does its step train what it was given, or a "
    "copy of it?"
)
UNGOVERNED = "learning rate: it moves parameters at lr = 0, so no schedule governs it whole"
CLOSURE = (
    "closure: its step needs the gradients and a closure that evaluates them anew: set `closure: true` in "
    "the study, or `needs_closure = True` in its class"
)
CREATE_GRAPH = (
    "create_graph: its step differentiates the gradients: set `create_graph: true` in the study, or "
    "`create_graph = True` in its class"
)


def examine(
    spec: OptimizerSpec, factory: Callable[..., Any], notes: Notes, *, scheduled: bool = True
) -> None:
    """Notes what is wrong with an optimizer; `optbench.testing.check_optimizer` says what is looked at.

    Args:
        spec: its settings, learning rate and what a study says of its step.
        factory: what it names, loaded.
        notes: where it is noted.
        scheduled: whether a schedule is to govern its learning rate.
    """
    candidate = _working(Candidate(spec, factory), notes)
    draws = False
    with notes.guarded("randomness"):
        draws = not _leaves_generators(candidate)
    if draws:
        notes.warn(
            "randomness: it draws from a global generator, which shifts the draws of dropout and the like "
            "against those of other optimizers; the cell's seed fixes it"
        )
    own = False
    with suppress(*RAISED_BY_OTHERS):  # told below, where it does harm
        own = _has_generator(candidate.build(candidate.start()))
    tries: list[tuple[str, Callable[[Candidate], bool], Callable[[str], None]]] = [
        (NOT_FINITE, _is_finite, notes.problem),
        ("deterministic: the same start gives other parameters", _is_deterministic, notes.problem),
        (
            "state: after load_state_dict the run goes on differently"
            + (" (a generator of its own is not restored, which training never asks for)" if own else ""),
            _state_restores,
            notes.warn if own else notes.problem,
        ),
        ("zero gradient: it moves parameters whose gradient is zero", _rests_at_zero_gradient, notes.warn),
        (UNDEFINED, _is_defined_at_zero_gradient, notes.warn),
        (UNMOVED, _moves, notes.warn),
        (
            "elementwise: it says so, but an entry's update depends on other entries",
            _is_as_elementwise_as_said,
            notes.problem,
        ),
    ]
    if scheduled:
        tries.append((UNGOVERNED, _obeys_lr, notes.warn))
    if not (draws or own):  # drawn numbers are dealt out in the order of the parameters
        tries.append(
            ("order: another order of the parameters gives other results", _ignores_order, notes.problem)
        )
    for says, holds, say in tries:
        if notes.found().problems[:1] == [NOT_FINITE]:  # what is not finite is nowhere it should be
            break
        try:
            if not holds(candidate):
                say(says)
        except BaseException as problem:
            name = says.partition(":")[0]
            notes.raised(name, problem, notes.warn if name == "state" else None)
    _look_at_closure(candidate, notes)


def _working(candidate: Candidate, notes: Notes) -> Candidate:
    """The candidate in a way in which it makes its steps; what a study must say for that is noted."""

    def problem_of(tried: Candidate) -> BaseException | None:
        params = tried.start()
        try:
            tried.go(tried.build(params), params)
        except BaseException as problem:
            if notes.is_ctrl_c(problem):
                raise
            return problem
        return None

    def succeeds(tried: Candidate) -> bool:
        with warnings.catch_warnings():  # of a way that is no more than tried
            warnings.simplefilter("ignore")
            return problem_of(tried) is None

    first = problem_of(candidate)
    if first is None:
        return candidate
    tried = replace(candidate, matrices=True)
    if succeeds(tried):
        notes.warn(f"parameters: it takes matrices alone; of a vector it says {told(first)}")
        return tried
    if isinstance(first, StepError | UserError):  # it says all there is to say
        notes.raised("closure" if isinstance(first, StepError) else "factory", first)
        return candidate
    spec = candidate.spec
    for said, sentence in (
        (replace(spec, closure=True), CLOSURE),
        (replace(spec, create_graph=True), CREATE_GRAPH),
    ):
        tried = replace(candidate, spec=said)
        if said.closure and not may_take_closure(tried.build(tried.start())):
            continue
        if said != spec and succeeds(tried):
            notes.problem(sentence)
            return tried
    tried = replace(candidate, sparse=True)
    if succeeds(tried):
        notes.warn(
            "gradients: it takes sparse ones alone, as of torch.nn.Embedding(sparse=True); of others it says "
            f"{told(first)}"
        )
        return tried
    notes.raised("finite", first)
    return candidate


def _look_at_closure(candidate: Candidate, notes: Notes) -> None:
    """A closure that is not honoured does no harm to an optimizer that is trained without one."""
    params = candidate.start()
    seen: list[float] = []
    try:
        optimizer = candidate.build(params)
        if needs_closure(optimizer):
            return

        def closure() -> Tensor:
            loss = candidate.evaluate(optimizer, params, quadratic)
            seen.append(float(loss.detach()))
            return loss

        seed_global_generators(GO_SEED)
        returned = optimizer.step(closure)  # type: ignore[arg-type]
    except BaseException as problem:
        words = f"closure: step(closure) raises {told(problem)}; training gives it none"
        notes.raised("closure", problem, lambda _: notes.warn(words))
        return
    if not seen or returned is None or float(torch.as_tensor(returned).detach()) != seen[0]:
        notes.warn(
            "closure: step(closure) does not evaluate it or does not return its loss; training gives it none"
        )


def _same(first: Sequence[Tensor], second: Sequence[Tensor]) -> bool:
    """Bit for bit, NaN for NaN: a rate that is too high for the quadratic is no fault of the optimizer."""
    return all(bool(((a == b) | (a.isnan() & b.isnan())).all()) for a, b in zip(first, second, strict=True))


def _is_finite(candidate: Candidate) -> bool:
    def holds(lr: float) -> bool:
        params = candidate.start()
        return all(bool(p.isfinite().all()) for p in candidate.go(candidate.build(params, lr), params))

    # A rate that suits the study's workloads may be too high here: then a small one must do.
    return holds(candidate.spec.lr) or holds(min(candidate.spec.lr, SMALL_LR))


def _is_deterministic(candidate: Candidate) -> bool:
    first, second = candidate.start(), candidate.start()
    return _same(candidate.go(candidate.build(first), first), candidate.go(candidate.build(second), second))


def _state_restores(candidate: Candidate) -> bool:
    params = candidate.start()
    optimizer = candidate.build(params)
    candidate.go(optimizer, params)
    copies: list[Tensor] = [torch.nn.Parameter(p.detach().clone()) for p in params]
    restored = candidate.build(copies)
    restored.load_state_dict(deepcopy(optimizer.state_dict()))  # loading shares the tensors
    return _same(candidate.go(optimizer, params), candidate.go(restored, copies))


def _leaves_generators(candidate: Candidate) -> bool:
    def states() -> tuple[bytes, object, object]:
        return torch.get_rng_state().numpy().tobytes(), random.getstate(), str(np.random.get_state())  # noqa: NPY002

    params = candidate.start()
    seed_global_generators(GO_SEED)
    before = states()
    optimizer = candidate.build(params)
    if states() != before:
        return False
    candidate.go(optimizer, params)
    return states() == before


def _has_generator(optimizer: Optimizer) -> bool:
    """Whether it holds a generator of random numbers of its own."""

    def held() -> Iterator[object]:
        yield from vars(optimizer).values()
        for group in optimizer.param_groups:
            yield from group.values()
        for state in optimizer.state.values():
            yield from state.values() if isinstance(state, dict) else ()

    return any(isinstance(one, GENERATORS) for one in held())


def _rests_at_zero_gradient(candidate: Candidate) -> bool:
    params = candidate.start()
    before = [p.detach().clone() for p in params]
    after = candidate.go(candidate.build(params), params, steps=1, of=flat)
    # Decay of the weights, whatever its name, moves them towards zero.
    return all(
        bool((((a.abs() <= b.abs()) & (a * b >= 0)) | _rests(a, b) | ~a.isfinite()).all())
        for a, b in zip(after, before, strict=True)
    )


def _is_defined_at_zero_gradient(candidate: Candidate) -> bool:
    params = candidate.start()
    return all(bool(p.isfinite().all()) for p in candidate.go(candidate.build(params), params, 1, of=flat))


def _moves(candidate: Candidate) -> bool:
    """At its own rate, or at one at which rounding does not hide it."""

    def holds(lr: float) -> bool:
        params = candidate.start()
        after = candidate.go(candidate.build(params, lr), params)
        return not _same(after, candidate.start())

    return holds(candidate.spec.lr) or holds(max(candidate.spec.lr, SMALL_LR))


def _obeys_lr(candidate: Candidate) -> bool:
    params = candidate.start()
    before = [p.detach().clone() for p in params]
    optimizer = candidate.build(params)
    for group in optimizer.param_groups:
        group["lr"] = torch.zeros_like(group["lr"]) if isinstance(group["lr"], torch.Tensor) else 0.0
    after = candidate.go(optimizer, params, steps=1)
    return all(bool(_rests(a, b).all()) for a, b in zip(after, before, strict=True))


def _rests(after: Tensor, before: Tensor) -> Tensor:
    """Where a parameter is where it was, but for the rounding of a way there and back (a climb, a look)."""
    return (after - before).abs() <= WAY_AND_BACK


def _ignores_order(candidate: Candidate) -> bool:
    def holds(lr: float) -> bool:
        first, second = candidate.start(), candidate.start()[::-1]
        one = candidate.go(candidate.build(first, lr), first)
        other = candidate.go(candidate.build(second, lr), second)[::-1]
        return all(
            torch.allclose(a, b, rtol=ORDER_TOLERANCE, atol=1e-6, equal_nan=True)
            for a, b in zip(one, other, strict=True)
        )

    # A run that flies apart, or a line search on its way, makes much of what rounding does to sums.
    return holds(candidate.spec.lr) or holds(min(candidate.spec.lr, SMALL_LR))


def _is_as_elementwise_as_said(candidate: Candidate) -> bool:
    optimizer = candidate.build(candidate.start())
    if not is_elementwise(optimizer) or needs_closure(optimizer) or candidate.sparse:
        return True
    first, second = (
        candidate.start(),
        [torch.nn.Parameter(3 * p.detach().flip(0) + 1) for p in candidate.start()],
    )
    stacked = [torch.nn.Parameter(torch.stack(pair).detach()) for pair in zip(first, second, strict=True)]
    lr = min(candidate.spec.lr, SMALL_LR)
    optimizers = [candidate.build(params, lr) for params in (first, second, stacked)]
    if groups_of(optimizers[0], first) != groups_of(optimizers[2], stacked):
        return True  # sorted by shape: what is then not trained together needs no such promise
    for _ in range(STEPS):
        for params in (first, second):
            for p, slope in zip(params, torch.autograd.grad(quadratic(params), params), strict=True):
                p.grad = slope
        for one, other, both in zip(first, second, stacked, strict=True):
            both.grad = torch.stack([one.grad, other.grad])  # type: ignore[list-item]
        for optimizer in optimizers:
            optimizer.step()
    return all(
        torch.allclose(both, torch.stack(pair), rtol=ORDER_TOLERANCE, atol=1e-6)
        for both, pair in zip(stacked, zip(first, second, strict=True), strict=True)
    )
