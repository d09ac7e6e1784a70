"""A schedule bound to an optimizer, and the rates that it gives."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from optbench.catalogue.schedules.make import make_schedule
from optbench.core.specs import ScheduleSpec


def bound(
    spec: ScheduleSpec, optimizer: Optimizer, budget: int, lr: float = 1.0, steps_per_epoch: int = 1
) -> Any:
    factory = resolve_name(spec.factory) if spec.factory else None
    return make_schedule(spec, factory, optimizer, budget, steps_per_epoch, lr)


def rates(spec: ScheduleSpec, budget: int, lr: float = 1.0, steps_per_epoch: int = 1) -> list[float]:
    """The learning rate of every step of the budget, the schedule stepped after each, the last included."""
    w = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([w], lr)
    schedule = bound(spec, optimizer, budget, lr, steps_per_epoch)
    used = []
    for _ in range(budget):
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if schedule is not None:
            schedule.step()
    return used
