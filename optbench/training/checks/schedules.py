"""What a schedule must do to be compared, tried on a budget."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from optbench.catalogue.schedules.make import is_plateau, make_schedule

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch.optim import Optimizer

    from optbench.core.specs import ScheduleSpec
    from optbench.training.checks.notes import Notes

LONGEST = 10_000
"""Steps of a budget that are gone through; of a longer one the first."""

REPEATED = 200
"""Steps that are gone through again, to see whether the rates and a restored state come out the same."""


def examine(
    spec: ScheduleSpec,
    factory: Callable[..., Any] | None,
    budget: int,
    steps_per_epoch: int,
    lr: float,
    notes: Notes,
) -> None:
    """Notes what is wrong with a schedule; `optbench.testing.check_schedule` says what is looked at.

    Args:
        spec: its settings, as a study file writes them.
        factory: what it names, loaded; None is the constant schedule.
        budget: optimizer steps of the horizon.
        steps_per_epoch: steps of an epoch, for settings in epochs.
        lr: the cell's learning rate.
        notes: where it is noted.
    """

    def rates(steps: int, restart_at: int | None = None) -> list[float]:
        def fresh() -> tuple[Optimizer, Any]:
            optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=lr, momentum=0.9)
            return optimizer, make_schedule(spec, factory, optimizer, budget, steps_per_epoch, lr)

        optimizer, schedule = fresh()
        seen = []
        for step in range(steps):
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

    seen: list[float] = []
    few = min(budget, REPEATED)
    with notes.guarded("rates"):
        seen = rates(min(budget, LONGEST))
    bad = [(step, rate) for step, rate in enumerate(seen) if not (isfinite(rate) and rate >= 0)]
    if bad:
        notes.problem(f"rates: the learning rate is {bad[0][1]} at step {bad[0][0]} of {budget}")
    with notes.guarded("deterministic"):
        if seen and rates(few) != seen[:few]:
            notes.problem("deterministic: the same start gives other learning rates")
    restored: list[float] = []
    try:
        restored = rates(few, restart_at=few // 2) if seen else []
    except BaseException as problem:  # training never asks for it
        notes.raised("state", problem, notes.warn)
    with notes.guarded("state"):
        if not np.allclose(restored, seen[: len(restored)], rtol=1e-6, atol=0, equal_nan=True):
            notes.problem("state: after load_state_dict the learning rates go on differently")
