"""The training loop: one for every workload, optimizer and schedule.

A cell is trained by `train_cell`, which never raises for what the cell does: an exception or a blow-up
becomes the trace's status, and the curve up to it is kept.
"""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from optbench.catalogue.optimizers.make import (
    clear_gradients,
    evaluated_weights,
    make_optimizer,
    needs_closure,
)
from optbench.catalogue.schedules.make import is_plateau, make_schedule
from optbench.cells.trace import cell_facts
from optbench.core.errors import traced
from optbench.core.factories import load_factory
from optbench.core.interrupts import ctrl_c
from optbench.core.status import DIVERGED, OK
from optbench.core.status import ERROR as RAISED  # beside a setting of that name
from optbench.training.batches import training_batches
from optbench.training.evaluation import record_coordinates, record_evaluation, record_means
from optbench.training.graphs import GraphedStep, NoGraphError, refuse_graph
from optbench.training.kernels import explain, kernel_facts
from optbench.training.model import ModelError, make_model
from optbench.training.probes.guard import GuardedProbes
from optbench.training.probes.run import descends_its_loss
from optbench.training.record import Record
from optbench.training.steps import differentiator, stepper
from optbench.training.torch_private import DETERMINISTIC_ERROR, defer_compiler, set_deterministic
from optbench.training.workloads import build_workload, require_same_again

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from torch import Tensor, nn
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from optbench.catalogue.workloads.workload import Batch, Workload
    from optbench.cells.cell import CellSpec
    from optbench.cells.trace import Trace


def train_cell(cell: CellSpec, data_folder: Path, why: str = "") -> Trace:
    """Trains one cell and returns what it recorded, whatever became of it.

    Args:
        cell: what to train.
        data_folder: where prepared data lies.
        why: why it is trained alone or eagerly, of a cell that was to be trained otherwise.

    Returns:
        A trace with status `ok`, `diverged` (a non-finite loss, or one above
        `optbench.training.record.BLOW_UP`) or `error` (an exception, one of those that end a process too; its
        traceback stands in the facts). The same cell gives the same trace, times aside.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    started = time.time()
    begun, cpu = time.perf_counter(), time.process_time()
    record = Record()
    status, error = OK.name, ""
    facts: dict[str, Any] = {}
    no_graph = ""
    with isolated(cell), ctrl_c() as is_ctrl_c:
        facts["kernels"] = kernel_facts(cell.device)
        try:
            diverged = _train(cell, data_folder, record, facts)
            if diverged is not None:
                status, error = DIVERGED.name, diverged
        except NoGraphError as problem:
            no_graph = str(problem)
        except BaseException as problem:  # whatever a cell raises is its result, SystemExit too
            if is_ctrl_c(problem):
                raise
            status = RAISED.name
            error = explain(problem, cell.device) + traced(problem)
    if no_graph:
        return train_cell(replace(cell, step="eager"), data_folder, "; ".join(filter(None, (why, no_graph))))
    return record.to_trace(
        {
            **cell_facts(cell),
            **facts,
            "execution": {"seeds": "alone", "step": cell.step, "why": why},
            "status": status,
            "error": error,
            "steps": record.steps,
        },
        {
            "started": started,
            "total_time_s": time.perf_counter() - begun,
            "cpu_time_s": time.process_time() - cpu,
            "train_time_s": record.train_time_s,
            "eval_time_s": record.eval_time_s,
            "probe_time_s": record.probe_time_s,
        },
    )


@contextmanager
def isolated(cell: CellSpec) -> Iterator[None]:
    """Deterministic kernels and pinned threads for one cell; the process's own state is put back after."""
    defer_compiler()
    mode = torch.get_deterministic_debug_mode()
    fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    threads = torch.get_num_threads()
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    devices = list(range(torch.cuda.device_count())) if cell.device == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.set_num_threads(cell.threads)
        set_deterministic(DETERMINISTIC_ERROR)
        # Filling fresh memory guards against reading it; the loop never does, and it costs time.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            set_deterministic(mode)
            torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
            random.setstate(python_state)
            np.random.set_state(numpy_state)  # noqa: NPY002


@dataclass(frozen=True)
class _Run:
    """What the loop works with."""

    workload: Workload
    model: nn.Module
    optimizer: Optimizer
    schedule: LRScheduler | None
    batches: Iterator[Batch]
    device: torch.device
    probes: GuardedProbes | None
    graphed: GraphedStep | None
    differentiate: Callable[[Tensor], None]
    step: Callable[[Callable[[], Tensor]], Tensor]


def _train(cell: CellSpec, data_folder: Path, record: Record, facts: dict[str, Any]) -> str | None:
    """Runs the cell; returns None, or the sentence that says how it diverged."""
    workload, sha256 = build_workload(cell, data_folder)
    require_same_again(cell, data_folder, workload)
    if cell.trial:  # what chooses a learning rate never sees the test split
        workload = replace(workload, test=None)
    device = torch.device(cell.device)
    own = make_model(workload, cell.seed, device)
    model = own.module
    facts["data_sha256"] = sha256
    facts["workload_facts"] = workload_facts(workload, model)
    if device.type == "cuda":
        facts["gpu"] = torch.cuda.get_device_name(device)

    optimizer = make_optimizer(
        cell.optimizer, load_factory(cell.optimizer.factory), model.parameters(), cell.lr
    )
    schedule_factory = load_factory(cell.schedule.factory) if cell.schedule.factory else None
    schedule = make_schedule(
        cell.schedule, schedule_factory, optimizer, workload.budget, workload.steps_per_epoch, cell.lr
    )
    probes = GuardedProbes(workload, model, optimizer, cell.probe_every) if cell.probe_every else None
    batches = training_batches(workload, cell.seed, device)
    graphed = None
    if cell.step == "graph":
        refuse_graph(optimizer, schedule, device)
        graphed = GraphedStep(optimizer, lambda batch: workload.loss(model, batch))
    run = _Run(
        workload,
        model,
        optimizer,
        schedule,
        batches,
        device,
        probes,
        graphed,
        differentiator(optimizer),
        stepper(optimizer),
    )
    ended = False
    try:
        problem = _loop(run, record)
        ended = problem is None
    finally:
        if probes is not None:
            record.columns, found = probes.finish(record.losses, ended=ended)
            facts |= found
            record.probe_time_s = probes.time_s
        changed = own.give_back()
    if changed:
        raise ModelError(changed)
    return problem


def _loop(run: _Run, record: Record) -> str | None:
    workload, probes, budget = run.workload, run.probes, run.workload.budget
    by_steps = run.schedule if run.schedule is not None and not is_plateau(run.schedule) else None
    by_validation: Any = run.schedule if by_steps is None else None
    losses = torch.full((budget,), torch.nan, dtype=torch.float64, device=run.device)
    update = _with_closure if needs_closure(run.optimizer) else _without_closure
    if run.graphed is not None:
        update = _from_graph

    def evaluate(step: int) -> str | None:
        begun = time.perf_counter()
        with evaluated_weights(run.optimizer):
            validation = record_evaluation(workload, run.model, step, record.rows)
            record_coordinates(workload, run.model, step, record.rows)
        if by_validation is not None and step:
            by_validation.step(validation)
        # After a plateau's schedule has seen the evaluation: it is the rate of the step that comes next.
        record.rows.append((step, "schedule", "lr", float(run.optimizer.param_groups[0]["lr"])))
        record.eval_time_s += time.perf_counter() - begun
        return None if np.isfinite(validation) else f"validation loss {validation} after step {step}"

    problem = evaluate(0)
    step = 0
    while problem is None and step < budget:
        stop = min(step + workload.eval_every, budget)
        begun = time.perf_counter()
        probed = probes.time_s if probes is not None else 0.0
        try:
            for t in range(step, stop):
                batch = next(run.batches)
                if probes is not None:
                    probes.before(t)
                losses[t] = update(run, batch, t)
                if probes is not None:
                    probes.after(t)
                if by_steps is not None:
                    by_steps.step()
                record.steps = t + 1
        finally:
            record.losses = losses[: record.steps].cpu().numpy()  # waits for the device
            record.train_time_s += time.perf_counter() - begun
            if probes is not None:
                record.train_time_s -= probes.time_s - probed
        problem = record.cut_at_blow_up(step)
        step = stop
        if problem is None:
            problem = evaluate(step)
    if problem is None and workload.test is not None:
        with evaluated_weights(run.optimizer):
            record_means(workload, run.model, "test", workload.test, budget, record.rows)
    return problem


def _without_closure(run: _Run, batch: Batch, t: int) -> Tensor:
    """Makes update `t`; returns the batch loss before it."""
    clear_gradients(run.optimizer)
    loss = run.workload.loss(run.model, batch)
    run.differentiate(loss)
    if run.probes is not None:
        run.probes.gradient(t)
    run.optimizer.step()
    return loss.detach()


def _from_graph(run: _Run, batch: Batch, t: int) -> Tensor:
    """The same, replayed from a CUDA graph."""
    assert run.graphed is not None  # noqa: S101  (the loop asked)
    return run.graphed(batch, lambda: run.probes.gradient(t) if run.probes is not None else None)


def _with_closure(run: _Run, batch: Batch, t: int) -> Tensor:
    """The same for an optimizer that evaluates the loss itself, as often as it likes."""

    def evaluate() -> Tensor:
        clear_gradients(run.optimizer)
        loss = run.workload.loss(run.model, batch)
        run.differentiate(loss)
        if run.probes is not None:
            run.probes.gradient(t)
        return loss

    return run.step(evaluate).detach()


def workload_facts(workload: Workload, model: nn.Module) -> dict[str, Any]:
    """What a trace says of the workload and of its model."""
    return {
        "budget": workload.budget,
        "batch_size": workload.batch_size,
        "drop_last": workload.drop_last,
        "descends_its_loss": descends_its_loss(workload, model),
        "steps_per_epoch": workload.steps_per_epoch,
        "n_train": workload.n_train,
        "n_validation": len(workload.validation[0]) if workload.validation else 0,
        "n_test": len(workload.test[0]) if workload.test else 0,
        "n_parameters": sum(p.numel() for p in model.parameters()),
        "eval_every": workload.eval_every,
        "target": _plain(workload.target),
        "optimum": _plain(workload.optimum),
        "coordinates": list(workload.coordinates),
        "landscape": workload.landscape,
    }


def _plain(value: Any) -> float | None:  # noqa: ANN401
    """A number as the trace's facts can hold it, of numpy's and torch's kinds too."""
    return value if value is None or isinstance(value, int | float) else float(value)
