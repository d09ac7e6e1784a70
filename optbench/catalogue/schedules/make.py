"""Learning-rate schedules: horizons resolved against a budget, and the few schedules that torch lacks.

Every schedule but the plateau's steps once after every optimizer step, the last one included, so step t of
a budget T (t = 0 .. T-1) is made at the schedule's value t and the value T is set but never used. The
plateau's steps once after every evaluation, with the validation loss.

`torch.optim.lr_scheduler.OneCycleLR(total_steps=T)` is consistent with that: its smallest rate is at t = T-1
and it raises from value T+1 on. By default it also cycles momentum; the built-in `one_cycle` does not (see
`optbench.catalogue.schedules.entries`).
"""

from __future__ import annotations

import re
from fractions import Fraction
from inspect import Parameter
from math import floor as round_down
from typing import TYPE_CHECKING

from torch.optim.lr_scheduler import LRScheduler

from optbench.catalogue.optimizers.settings import call_factory, signature_of
from optbench.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch.optim import Optimizer

    from optbench.core.specs import ScheduleSpec, Setting

_HORIZON = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>%|epochs?)")
_MEANT_AS_NUMBER = re.compile(r"[-+.\d]|.*%$|.*\bepochs?$")


def make_schedule(
    spec: ScheduleSpec,
    factory: Callable[..., object] | None,
    optimizer: Optimizer,
    budget: int,
    steps_per_epoch: int,
    lr: float,
) -> LRScheduler | None:
    """Return the schedule that `spec` describes, bound to `optimizer`, or None for a constant lr.

    Args:
        spec: names the schedule in messages and gives its settings.
        factory: what `spec.factory` names, loaded, called as `factory(optimizer, **settings)`; not used
            where `spec.factory` is "".
        optimizer: whose learning rates it moves; they are at `lr`.
        budget: optimizer steps of the cell (>= 1).
        steps_per_epoch: optimizer steps of one pass over the training data (>= 1).
        lr: the cell's learning rate (> 0).

    Raises:
        UserError: `schedules.<name>.<key>` cannot be resolved, is unknown to the factory or refused by
            it, or the factory returned something else than a scheduler.
    """
    if not spec.factory:
        return None
    path = f"schedules.{spec.name}"
    if factory is None:
        raise UserError(f"{path}.factory was not loaded: {spec.factory}")
    settings = resolve(spec.settings, budget, steps_per_epoch, lr, path=path)
    scheduler = call_factory(factory, [optimizer], settings, path=path)
    if not isinstance(scheduler, LRScheduler):
        made = type(scheduler).__name__
        raise UserError(f"{path}.factory must return an LRScheduler of torch; {spec.factory} returned {made}")
    return scheduler


def is_plateau(scheduler: LRScheduler) -> bool:
    """Return whether `scheduler` is driven by a loss at each evaluation rather than by steps.

    True where its `step` requires `metrics`, as torch's `ReduceLROnPlateau` does.
    """
    metrics = signature_of(type(scheduler).step).parameters.get("metrics")
    return metrics is not None and metrics.default is Parameter.empty


def resolve(
    settings: Mapping[str, Setting],
    budget: int,
    steps_per_epoch: int,
    lr: float,
    *,
    path: str = "settings",
) -> dict[str, Setting]:
    """Return `settings` with its horizons as numbers, inside lists and mappings too.

    `"30%"` becomes that share of the budget in steps and `"30 epochs"` that many epochs in steps, both
    rounded to the nearest step, halves up, and to no less than 1 unless they are 0; `"lr"` becomes `lr`.
    Numbers and other words (`"linear"`) stay.

    Args:
        settings: as the study gives them.
        budget: optimizer steps of the cell (>= 1).
        steps_per_epoch: optimizer steps of one pass over the training data (>= 1).
        lr: the cell's learning rate.
        path: where the settings stand in the study file, for messages.

    Raises:
        UserError: a string looks like a number or a horizon and is none.
        ValueError: a budget is no count.
    """
    for name, count in (("budget", budget), ("steps_per_epoch", steps_per_epoch)):
        if count < 1:
            raise ValueError(f"{name} must be >= 1; got {count!r}")
    units = {
        "%": Fraction(budget, 100),
        "epoch": Fraction(steps_per_epoch),
        "epochs": Fraction(steps_per_epoch),
    }

    def resolved(value: Setting, where: str) -> Setting:
        if isinstance(value, list):
            return [resolved(item, f"{where}[{i}]") for i, item in enumerate(value)]
        if isinstance(value, dict):
            return {key: resolved(item, f"{where}.{key}") for key, item in value.items()}
        if not isinstance(value, str):
            return value
        if value.strip() == "lr":
            return lr
        horizon = _HORIZON.fullmatch(value.strip())
        if horizon is not None:
            return _nearest_step(Fraction(horizon["number"]) * units[horizon["unit"]])
        if _MEANT_AS_NUMBER.match(value.strip()):
            raise UserError(
                f"{where} = {value!r} is not understood; allowed: a number without quotes, '30%' of the "
                "budget or '30 epochs' (decimal digits, no exponent), 'lr'"
            )
        return value

    return {key: resolved(value, f"{path}.{key}") for key, value in settings.items()}


def _nearest_step(steps: Fraction) -> int:
    # A positive share of a small budget must not vanish: a step_size of 0 divides by zero in torch.
    return max(1, round_down(steps + Fraction(1, 2))) if steps > 0 else 0
