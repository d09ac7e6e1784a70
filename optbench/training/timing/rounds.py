"""Optimizers timed beside each other: blocks of steps, interleaved in rounds.

One round is one block of every optimizer on the same batches, in an order drawn anew each round, so that what
drifts (clocks, heat, other users) falls on all alike and a round's ratios are pairs (docs/why/why.md).
"""

from __future__ import annotations

import copy
import gc
import itertools
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from optbench.cells.timing_file import BATCH, KERNEL, SPLIT, STEP
from optbench.core.errors import RAISED_BY_OTHERS, told
from optbench.training.steps import differentiator, stepper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor, nn
    from torch.optim import Optimizer

    from optbench.catalogue.workloads.workload import Batch

BLOCK_US = 6000.0
"""What a block should last: long beside a clock's reading and a context switch, short beside drift."""

LONGEST_BLOCK = 500
"""Steps of a block at most."""

SPLIT_EVERY = 4
"""Every fourth round takes the steps apart instead of timing them whole."""

WARM_UP_ROUNDS = 2
"""Rounds whose times are thrown away; none where they would cost a quarter of the budget, for steps that long
are warm after the two that calibrate."""

CALIBRATION_US = 30_000.0
"""How long an optimizer steps, after its first step, to learn how many of its steps make a block."""

FEWEST_ROUNDS = 12
"""Rounds of whole steps before precision may end the measurement."""

SCARCE_ROUNDS = 6
"""With fewer, an interval from order statistics can't reach 95%: they may take `OVERTIME` budgets."""

OVERTIME = 4.0

NARROW = 0.02
"""The measurement ends early when every ratio's interval is narrower than this share of it."""


@dataclass(frozen=True)
class Clock:
    """How time is read on a device.

    Attributes:
        now: the host's clock in nanoseconds.
        mark: a mark in the device's stream of work.
        between: microseconds between two marks, once the device was waited for.
        wait: returns when the device has done all it was given.
    """

    now: Callable[[], int]
    mark: Callable[[], Any]
    between: Callable[[Any, Any], float]
    wait: Callable[[], None]


def host_clock(now: Callable[[], int] = time.perf_counter_ns) -> Clock:
    """The clock of work that is done when its call returns: the host's own, in nanoseconds."""
    return Clock(now=now, mark=now, between=lambda begun, ended: (ended - begun) / 1e3, wait=lambda: None)


def cuda_clock() -> Clock:
    """The clock of a CUDA device: events in its stream, and a wait for the device at the ends of a block."""

    def mark() -> torch.cuda.Event:
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def between(begun: torch.cuda.Event, ended: torch.cuda.Event) -> float:
        return float(begun.elapsed_time(ended)) * 1e3

    return Clock(now=time.perf_counter_ns, mark=mark, between=between, wait=torch.cuda.synchronize)


@dataclass
class TimedOptimizer:
    """One optimizer with a model of its own.

    Attributes:
        name: of the optimizer.
        role: `optimizer`, or `twin` for the reference under its second name.
        model: the model it moves.
        optimizer: the optimizer, fresh.
        loss: the workload's.
        horizon: steps after which model and optimizer go back to their start (the workload's budget: no state
            is timed that training does not reach).
        steps: of one block.
        taken: steps since the start.
        restored: how often it went back to its start.
    """

    name: str
    role: str
    model: nn.Module
    optimizer: Optimizer
    loss: Callable[[nn.Module, Batch], Tensor]
    horizon: int
    steps: int = 1
    taken: int = 0
    restored: int = 0
    _start: tuple[dict[str, Any], dict[str, Any]] = field(init=False, repr=False)
    _differentiate: Callable[[Tensor], None] = field(init=False, repr=False)
    _step: Callable[[Callable[[], Tensor]], Tensor] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._start = copy.deepcopy((self.model.state_dict(), self.optimizer.state_dict()))
        self._differentiate = differentiator(self.optimizer)
        self._step = stepper(self.optimizer)

    def step(self, batch: Batch) -> None:
        """Makes the step that training makes: gradients to none, loss, backward, update."""
        self.taken += 1
        self._step(lambda: self._gradient(batch))

    def step_apart(self, batch: Batch, clock: Clock) -> tuple[list[tuple[Any, Any]], tuple[Any, Any]]:
        """Makes one step; returns marks around every evaluation of the gradient, and around all of it."""
        self.taken += 1
        evaluations: list[tuple[Any, Any]] = []

        def gradient() -> Tensor:
            begun = clock.mark()
            loss = self._gradient(batch)
            evaluations.append((begun, clock.mark()))
            return loss

        begun = clock.mark()
        self._step(gradient)
        return evaluations, (begun, clock.mark())

    def _gradient(self, batch: Batch) -> Tensor:
        self.optimizer.zero_grad()
        loss = self.loss(self.model, batch)
        self._differentiate(loss)
        return loss

    def restore(self) -> None:
        """Goes back to the start: the weights, buffers and optimizer state that it was made with."""
        model, optimizer = copy.deepcopy(self._start)
        self.model.load_state_dict(model)
        self.optimizer.load_state_dict(optimizer)
        self.taken = 0
        self.restored += 1

    def is_lost(self) -> bool:
        """Whether it has to go back: it has left the finite numbers, or is past its horizon."""
        if self.taken >= self.horizon:
            return True
        return not all(bool(torch.isfinite(p.detach()).all()) for p in self.model.parameters())


@dataclass
class Rounds:
    """What was timed.

    Attributes:
        rows: blocks, with the columns of `optbench.cells.timing_file.SCHEMA`.
        errors: why an optimizer could not be timed, by name; such a one has no rows.
        rounds: how many rounds timed whole steps.
        spent_s: seconds on the clock, warm-up left out.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    rounds: int = 0
    spent_s: float = 0.0


def time_optimizers(
    timed_optimizers: Sequence[TimedOptimizer],
    batches: Iterator[Batch],
    clock: Clock,
    seconds: float,
    *,
    kernel: Callable[[], None] = lambda: None,
    seed: int = 0,
) -> Rounds:
    """Times optimizers in interleaved blocks.

    It ends when every ratio to the first optimizer is known within `NARROW`, or after `seconds`; with fewer
    than `SCARCE_ROUNDS` rounds by then it goes on up to `OVERTIME` times as long. At least one round is
    made, however long it takes. An optimizer that raises is left out from there on, and so are its rows.

    Args:
        timed_optimizers: who is timed; the first is the one to which the others are compared.
        batches: without end; each round draws as many as its longest block needs.
        clock: the device's.
        seconds: budget of the rounds (> 0), warm-up left out.
        kernel: a fixed piece of work, timed once a round.
        seed: of the orders.
    """
    found = Rounds()
    active = list(timed_optimizers)
    order = np.random.default_rng(seed)
    means: dict[tuple[str, str], list[float]] = {}

    def drop(timed_optimizer: TimedOptimizer, problem: BaseException) -> None:
        found.errors[timed_optimizer.name] = told(problem)
        active[:] = [one for one in active if one.name != timed_optimizer.name]

    def one_round(kind: str) -> list[dict[str, Any]]:
        lineup = list(active)
        wanted = max(timed_optimizer.steps for timed_optimizer in lineup)
        drawn: list[Batch] = []
        kernel()  # once untimed, for its matrices have left the caches
        rows = [
            _time(KERNEL, 1, kernel, clock),
            _time(BATCH, wanted, lambda: drawn.extend(itertools.islice(batches, wanted)), clock),
        ]
        for place, index in enumerate(order.permutation(len(lineup))):
            timed_optimizer = lineup[index]
            named = {"place": place, "role": timed_optimizer.role, "optimizer": timed_optimizer.name}
            try:
                rows.append({**named, **_block(timed_optimizer, drawn[: timed_optimizer.steps], kind, clock)})
            except RAISED_BY_OTHERS as problem:  # whatever an optimizer raises is its result
                drop(timed_optimizer, problem)
        gc.collect()
        return rows

    with _without_collection():
        first = next(batches)
        round_us = 0.0
        for timed_optimizer in timed_optimizers:
            try:
                round_us += _calibrate(timed_optimizer, first, clock)
            except RAISED_BY_OTHERS as problem:
                drop(timed_optimizer, problem)
        if WARM_UP_ROUNDS * round_us < seconds * 1e6 / 4:
            for _ in range(WARM_UP_ROUNDS if active else 0):
                rows = [row for row in one_round(STEP) if row["kind"] == STEP]
                # Better than the calibration's choice, which saw one batch again and again.
                us = {(row["optimizer"], row["role"]): row["block_us"] / row["steps"] for row in rows}
                for timed_optimizer in active:
                    timed_optimizer.steps = _steps_of_a_block(us[timed_optimizer.name, timed_optimizer.role])
        begun = clock.now()
        number = 0
        while active:
            kind = SPLIT if number % SPLIT_EVERY == 1 else STEP
            rows = one_round(kind)
            found.rows += [{"round": number, **row} for row in rows]
            for row in rows:
                if row["kind"] == STEP:
                    mean = row["block_us"] / row["steps"]
                    means.setdefault((row["optimizer"], row["role"]), []).append(mean)
            number += 1
            found.rounds += kind == STEP
            found.spent_s = (clock.now() - begun) / 1e9
            next_s = found.spent_s + found.spent_s / number
            if (found.spent_s >= seconds and found.rounds >= SCARCE_ROUNDS) or next_s > OVERTIME * seconds:
                break
            if found.rounds >= FEWEST_ROUNDS and _are_narrow([means[one.name, one.role] for one in active]):
                break
    found.rows = [row for row in found.rows if row.get("optimizer") not in found.errors]
    return found


@contextmanager
def _without_collection() -> Iterator[None]:
    """No garbage collection but where it is called; what lives already is set aside: a call is short."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()


def _calibrate(timed_optimizer: TimedOptimizer, batch: Batch, clock: Clock) -> float:
    """Chooses how many steps make a block; returns what that block should last in microseconds."""
    timed_optimizer.step(batch)  # makes the state, loads kernels
    clock.wait()
    begun = clock.now()
    times: list[float] = []
    for _ in range(LONGEST_BLOCK):
        before = clock.now()
        timed_optimizer.step(batch)
        clock.wait()
        after = clock.now()
        times.append((after - before) / 1e3)
        if after - begun > CALIBRATION_US * 1e3:
            break
    typical = float(np.median(times))
    timed_optimizer.steps = _steps_of_a_block(typical)
    return timed_optimizer.steps * typical


def _steps_of_a_block(step_us: float) -> int:
    return round(min(max(BLOCK_US / max(step_us, 1e-3), 1), LONGEST_BLOCK))


def _time(kind: str, steps: int, work: Callable[[], None], clock: Clock) -> dict[str, Any]:
    clock.wait()
    begun = clock.now()
    work()
    clock.wait()
    return {"kind": kind, "steps": steps, "block_us": (clock.now() - begun) / 1e3}


def _block(
    timed_optimizer: TimedOptimizer, batches: Sequence[Batch], kind: str, clock: Clock
) -> dict[str, Any]:
    """Times one block; before it, untimed, the optimizer goes back to its start if it has to."""
    if timed_optimizer.is_lost():
        timed_optimizer.restore()
    if timed_optimizer.taken == 0 or len(batches) > 1:
        # Brings model and state back into the caches, where training alone would have kept them, and makes
        # the state anew after a restart. A block of one long step does without.
        timed_optimizer.step(batches[0])
    if kind == STEP:
        marks: list[Any] = []

        def whole() -> None:
            marks.append(clock.mark())
            for batch in batches:
                timed_optimizer.step(batch)
                marks.append(clock.mark())

        row = _time(STEP, len(batches), whole, clock)
        return row | {"step_us": [clock.between(a, b) for a, b in itertools.pairwise(marks)]}
    parts: list[tuple[list[tuple[Any, Any]], tuple[Any, Any]]] = []
    row = _time(
        SPLIT,
        len(batches),
        lambda: parts.extend(timed_optimizer.step_apart(batch, clock) for batch in batches),
        clock,
    )
    gradient = sum(clock.between(*span) for evaluations, _ in parts for span in evaluations)
    total = sum(clock.between(*span) for _, span in parts)
    return row | {"forward_backward_us": gradient, "optimizer_us": total - gradient}


def _are_narrow(means: Sequence[Sequence[float]]) -> bool:
    """Whether every ratio of an optimizer's block means to the first one's is known within `NARROW`.

    A rule for stopping, not what is reported: the median's 95% interval from order statistics in the normal
    approximation, at depth (n - 1.96 sqrt(n)) / 2.
    """
    reference, *others = (np.log(one) for one in means)
    for other in others:
        ratios = np.sort(other - reference)
        depth = int((len(ratios) - 1.96 * np.sqrt(len(ratios))) / 2)
        if depth < 1 or ratios[-depth] - ratios[depth - 1] > NARROW:
            return False
    return True
