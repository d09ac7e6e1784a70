"""What a workload must do to be compared, tried on a batch of each length and on an evaluation."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from optbench.catalogue.workloads.workload import Workload
from optbench.core.errors import told
from optbench.core.words import a_kind
from optbench.training.batches import example_batches
from optbench.training.evaluation import record_coordinates, record_evaluation, record_means
from optbench.training.losses import LossError, one_number, one_value
from optbench.training.model import ModelError, OwnModel, make_model, same_values
from optbench.training.probes.guard import GuardedProbes
from optbench.training.steps import backward

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from optbench.catalogue.workloads.workload import Batch
    from optbench.training.checks.notes import Notes

CPU = torch.device("cpu")
SEED = 0
SUPPLY = 4
"""Times that a model is built, to find one that comes from a small supply."""

FEW = 8
"""Examples that are enough to see whether a split can be evaluated."""


def examine(build: Callable[[], object], notes: Notes) -> Workload | None:
    """Notes what is wrong with a workload; `optbench.testing.check_workload` says what is looked at.

    Args:
        build: makes the workload.
        notes: where it is noted.

    Returns:
        The workload, None where there is none.
    """
    workload = None
    with notes.guarded("factory"):
        workload = build()
    if workload is None and notes.found().problems:
        return None
    if not isinstance(workload, Workload):
        notes.problem(f"type: a workload's factory must return a Workload, not {a_kind(workload)}")
        return None
    metrics = {name: one_value(metric, name) for name, metric in workload.metrics.items()}
    workload = replace(workload, loss=one_number(workload.loss), metrics=metrics)
    if _made(workload, notes, times=SUPPLY) is not None:
        _look_at_losses(workload, notes)
        _look_at_evaluation(workload, notes)
    return workload


def _made(workload: Workload, notes: Notes, times: int = 2) -> OwnModel | None:
    try:
        return make_model(workload, SEED, CPU, times)
    except ModelError as problem:
        notes.problem(f"model: {str(problem).replace('its model', 'it', 1)}")
    except BaseException as problem:
        notes.raised("model", problem)
    return None


def _look_at_losses(workload: Workload, notes: Notes) -> None:
    """The loss and its gradient over a full batch, twice, and over the shorter one that ends an epoch."""
    full, *shorter = example_batches(workload)
    first = _slope(workload, full, "", notes)
    if first is None:
        return
    loss, gradients = first
    if not isfinite(loss):
        notes.problem(f"loss: it is {loss} on a batch")
    elif not gradients or not all(map(_is_finite, gradients)):
        notes.problem("gradient: it is missing or not finite")
    else:
        again = _slope(workload, full, "", notes)
        if again is not None and again[0] != loss:
            notes.problem("deterministic: the same initialisation and batch give another loss")
    for batch in shorter:
        examples = len(batch[0])
        which = f"an epoch's last batch, of {examples} example{'s' if examples > 1 else ''}"
        last = _slope(workload, batch, which, notes)
        if last is not None and isfinite(loss) and not isfinite(last[0]):
            notes.problem(f"loss: it is {last[0]} on {which}; `drop_last: true` leaves that out")


def _slope(workload: Workload, batch: Batch, which: str, notes: Notes) -> tuple[float, list[Tensor]] | None:
    """The loss over a batch as in training, and its gradients; None where there is none."""
    own = _made(workload, notes)
    if own is None:
        return None
    found = None
    try:
        if workload.augment is not None:
            batch = workload.augment(batch, torch.Generator().manual_seed(SEED))
        parameters = dict(own.module.named_parameters())
        before = {name: parameter.detach().clone() for name, parameter in parameters.items()}
        loss = workload.loss(own.module, batch)
        if any(parameter.grad is not None for parameter in parameters.values()):
            notes.problem(
                "loss: it calls backward itself, which training does, so that gradients are added twice: it "
                "must return the loss alone"
            )
            own.module.zero_grad()
        _name_changed(before, parameters, "loss: computing it", notes)
        backward(loss)
        found = float(loss.detach()), [p.grad for p in own.module.parameters() if p.grad is not None]
    except LossError as problem:
        notes.problem(f"loss: {str(problem).replace('its loss', 'it', 1)}")
    except BaseException as problem:
        if not which or notes.is_ctrl_c(problem):
            notes.raised("loss", problem)
        else:
            notes.problem(f"loss: on {which}, {told(problem)}; `drop_last: true` leaves that out")
    if changed := own.give_back():
        notes.problem(f"model: {changed}")
    return found


def _name_changed(
    before: Mapping[str, Tensor], now: Mapping[str, Tensor], what: str, notes: Notes | None
) -> bool:
    """Notes, where that is asked for, which tensor of the model something has changed that must not."""
    changed = [name for name, tensor in before.items() if not same_values(tensor, now[name].detach())]
    if changed and notes is not None:
        notes.problem(f"{what} changes the model ({changed[0]}), which only the optimizer may")
    return bool(changed)


def _is_finite(gradient: Tensor) -> bool:
    dense = gradient.coalesce().values() if gradient.layout == torch.sparse_coo else gradient
    return bool(dense.isfinite().all())


def _look_at_evaluation(workload: Workload, notes: Notes) -> None:
    """What is recorded before the first step, and whether the test split can be evaluated at the end."""
    own = _made(workload, notes)
    if own is None:
        return
    rows: list[Any] = []
    state = {n: t for n, t in own.module.state_dict(keep_vars=True).items() if isinstance(t, Tensor)}
    before = {name: tensor.detach().clone() for name, tensor in state.items()}
    try:
        held_out = record_evaluation(workload, own.module, 0, rows)
        record_coordinates(workload, own.module, 0, rows)
        if not isfinite(held_out):
            notes.problem(f"loss: it is {held_out} on the validation split")
        if workload.test is not None:
            few = tuple(part[:FEW] for part in workload.test)
            record_means(workload, own.module, "test", few, 0, rows)
        quantities = {"its loss": workload.loss} | {
            f"its metric {n!r}": m for n, m in workload.metrics.items()
        }
        if _name_changed(before, state, "", None):
            few = tuple(part[:FEW] for part in workload.train)
            for what, quantity in quantities.items():
                before = {name: tensor.detach().clone() for name, tensor in state.items()}
                own.module.eval()
                with torch.no_grad():
                    quantity(own.module, few)
                _name_changed(before, state, f"evaluation: {what}", notes)
    except LossError as problem:
        notes.problem(f"loss: {str(problem).replace('its loss', 'it', 1)}")
    except BaseException as problem:
        notes.raised("evaluation", problem)


def examine_probes(workload: Workload, notes: Notes) -> None:
    """Notes, as a warning, why probes cannot look at a workload: its cells are then trained without them.

    Args:
        workload: sound.
        notes: where it is noted.
    """
    own = _made(workload, notes)
    if own is None:
        return
    batch = few_examples(workload)
    model = own.module
    short = replace(workload, steps=2, epochs=None)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    probes = GuardedProbes(short, model, optimizer, 1)
    losses = []
    with notes.guarded("loss"):
        for t in range(short.budget):
            probes.before(t)
            optimizer.zero_grad()
            loss = workload.loss(model, batch)
            backward(loss)
            probes.gradient(t)
            optimizer.step()
            probes.after(t)
            losses.append(float(loss.detach()))
        probes.finish(np.array(losses), ended=True)
    own.give_back()
    if probes.problem:
        notes.warn(f"probes: they cannot look at it, and its cells are trained without: {probes.problem}")


def few_examples(workload: Workload) -> Batch:
    """A batch of few examples, augmented as in training."""
    size = min(workload.batch_size or FEW, FEW)
    batch = workload.train if workload.batch_size is None else tuple(t[:size] for t in workload.train)
    return batch if workload.augment is None else workload.augment(batch, torch.Generator().manual_seed(SEED))
