"""Conformance: what optimizers, schedules and workloads must do to be compared.

`optbench check` runs these on everything a study names; a plug-in's own tests can call them:

    from optbench.testing import check_optimizer

    def test_mine():
        assert check_optimizer(Mine, lr=0.1, momentum=0.9) == []

Each `check_` function returns what is wrong; the `examine_` function of the same name returns that and the
warnings: what is worth knowing and does no harm. `check_cells` looks at all that a study names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from optbench.core.interrupts import ctrl_c
from optbench.core.specs import OptimizerSpec, ScheduleSpec
from optbench.training.checks import optimizers, schedules, workloads
from optbench.training.checks.cells import check_cells
from optbench.training.checks.notes import Conformance, Notes
from optbench.training.generators import generators_kept

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Conformance",
    "check_cells",
    "check_optimizer",
    "check_schedule",
    "check_workload",
    "examine_optimizer",
    "examine_schedule",
    "examine_workload",
]

STEPS_PER_EPOCH = 10
"""Of the horizon on which a schedule is tried outside a study."""


def check_optimizer(factory: Callable[..., Any], *, lr: float, **settings: Any) -> list[str]:  # noqa: ANN401
    """What is wrong with an optimizer, one sentence a property; an empty list if nothing is.

    The properties: parameters stay finite; the same start gives the same bits; a state_dict restores the
    run; a zero gradient moves nothing, except towards zero (decay of the weights); lr = 0 moves nothing
    (schedules work through the group's lr); the order of the parameters does not matter; one that says it is
    elementwise (`elementwise = True`) moves two sets of parameters stacked into one as it moves each alone;
    one that requires a closure evaluates it. Where it needs a closure or the gradients' graph and does not
    say so, that is what is told.

    Args:
        factory: called as `factory(params, lr=lr, **settings)`.
        lr: its learning rate (> 0).
        settings: its other keyword arguments.
    """
    return examine_optimizer(factory, lr=lr, **settings).problems


def examine_optimizer(factory: Callable[..., Any], *, lr: float, **settings: Any) -> Conformance:  # noqa: ANN401
    """The same, and what does no harm in training, as `.problems` and `.warnings`.

    A warning: it draws from a global generator; it does not honour a closure, which training does not give
    it; it takes sparse gradients alone.
    """
    spec = OptimizerSpec(getattr(factory, "__name__", "optimizer"), "", lr, settings)
    with generators_kept(), ctrl_c() as is_ctrl_c:
        notes = Notes(is_ctrl_c)
        optimizers.examine(spec, factory, notes)
    return notes.found()


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
    return examine_schedule(factory, budget=budget, lr=lr, **settings).problems


def examine_schedule(
    factory: Callable[..., Any] | None,
    *,
    budget: int = 100,
    lr: float = 0.1,
    **settings: Any,  # noqa: ANN401
) -> Conformance:
    """The same as `.problems`; `.warnings` are empty so far."""
    spec = ScheduleSpec(getattr(factory, "__name__", "schedule"), "-" if factory else "", settings)
    with generators_kept(), ctrl_c() as is_ctrl_c:
        notes = Notes(is_ctrl_c)
        schedules.examine(spec, factory, budget, STEPS_PER_EPOCH, lr, notes)
    return notes.found()


def check_workload(build: Callable[[], object]) -> list[str]:
    """What is wrong with a workload, one sentence a property; an empty list if nothing is.

    The properties: it is a `Workload`; its model has parameters to train, which are built anew at every call
    and the same under one seed; the loss is one finite number with a finite gradient on a full batch and on
    the shorter one that ends an epoch, and the same for the same initialisation; what an evaluation records
    is one number each, and the validation loss is finite.

    Args:
        build: makes the workload.
    """
    return examine_workload(build).problems


def examine_workload(build: Callable[[], object]) -> Conformance:
    """The same as `.problems`; `.warnings` are empty so far."""
    with generators_kept(), ctrl_c() as is_ctrl_c:
        notes = Notes(is_ctrl_c)
        workloads.examine(build, notes)
    return notes.found()
