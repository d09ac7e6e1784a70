"""The training loop for several seeds at once: each cell's trace is the one it would get alone, to rounding.

Every step is one forward and backward pass and one update of the stacked parameters; batches, evaluations,
probes and what becomes of a cell are each seed's own. A seed that diverges stays in the stack, where its
numbers touch nobody else's, and records nothing any more.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from optbench.catalogue.optimizers.make import clear_gradients, evaluated_weights
from optbench.cells.trace import cell_facts
from optbench.core.errors import told
from optbench.core.interrupts import ctrl_c
from optbench.core.status import DIVERGED, OK
from optbench.training.batched.group import make_group
from optbench.training.batched.stackable import NoStackError
from optbench.training.evaluation import record_evaluation, record_means
from optbench.training.graphs import NoGraphError
from optbench.training.kernels import kernel_facts
from optbench.training.loop import isolated, train_cell

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor, nn

    from optbench.catalogue.workloads.workload import Batch
    from optbench.cells.cell import CellSpec
    from optbench.cells.trace import Trace
    from optbench.training.batched.group import Group, SeedRun
    from optbench.training.evaluation import Of, Row


def train_together(cells: Sequence[CellSpec], data_folder: Path) -> list[Trace]:
    """Trains cells that differ in their seed alone; each seed's trace is its own, whatever becomes of it.

    What is trained is the whole group that the cells belong to (`CellSpec.together`), so that a cell's
    numbers depend on nothing but the cell. Where the group cannot be trained as one model, or fails while it
    is, each cell is trained alone and its trace says why.

    Args:
        cells: whose traces are wanted, one at least.
        data_folder: where prepared data lies.

    Returns:
        The traces, in the order of the cells. Times are the group's, divided by its seeds.
    """
    started = time.time()
    begun, cpu = time.perf_counter(), time.process_time()
    why = why_eager = ""
    first = cells[0]
    with isolated(first), ctrl_c() as is_ctrl_c:
        kernels = kernel_facts(first.device)
        try:
            try:
                group = _train(first, data_folder)
            except NoGraphError as problem:
                why_eager = str(problem)
                first = replace(first, step="eager")
                group = _train(first, data_folder)
        except NoStackError as problem:
            why = str(problem)
        except BaseException as problem:  # it may be one seed's: alone, each gets what is its own
            if is_ctrl_c(problem):
                raise
            why = f"training them together failed: {told(problem)}"
    if why:
        return [train_cell(cell, data_folder, why) for cell in cells]
    whole = {
        "started": started,
        "total_time_s": (time.perf_counter() - begun) / len(group.seeds),
        "cpu_time_s": (time.process_time() - cpu) / len(group.seeds),
    }
    runs = dict(zip(first.together, group.seeds, strict=True))
    execution = {
        "seeds": "batched",
        "together": list(first.together),
        "step": first.step,
        "why": why_eager,
    }
    facts = {"kernels": kernels, "execution": execution}
    return [_trace(cell, runs[cell.seed], facts, whole) for cell in cells]


def _train(cell: CellSpec, data_folder: Path) -> Group:
    group = make_group(cell, data_folder)
    _loop(group)
    return group


def _trace(cell: CellSpec, run: SeedRun, facts: dict[str, Any], whole: dict[str, float]) -> Trace:
    record = run.record
    return record.to_trace(
        {
            **cell_facts(cell),
            **facts,
            **run.facts,
            "status": OK.name if run.problem is None else DIVERGED.name,
            "error": run.problem or "",
            "steps": record.steps,
        },
        {
            **whole,
            "train_time_s": record.train_time_s,
            "eval_time_s": record.eval_time_s,
            "probe_time_s": record.probe_time_s,
        },
    )


def _loop(group: Group) -> None:
    workload, budget = group.workload, group.workload.budget
    losses = torch.full((budget, len(group.seeds)), torch.nan, dtype=torch.float64, device=group.device)
    _evaluate(group, 0)
    step = 0
    while group.going and step < budget:
        stop = min(step + workload.eval_every, budget)
        begun, probed = time.perf_counter(), _probe_time_s(group)
        for t in range(step, stop):
            losses[t] = _update(group, t)
        found = losses[step:stop].T.cpu().numpy()  # waits for the device
        share_s = (time.perf_counter() - begun - _probe_time_s(group) + probed) / len(group.seeds)
        for place, seed in group.going:
            record = seed.record
            record.losses = np.concatenate([record.losses, found[place]])
            record.steps = stop
            record.train_time_s += share_s
            if problem := record.cut_at_blow_up(step):
                seed.end(problem)
        step = stop
        if group.going:
            _evaluate(group, step)
    if workload.test is not None and group.going:
        rows: list[Row] = []
        with evaluated_weights(group.optimizer):
            record_means(
                workload, group.stack.models[0], "test", workload.test, budget, rows, _measure(group)
            )
        _copy_out(group, rows)
    for _, seed in group.going:
        seed.end(None)


def _update(group: Group, t: int) -> Tensor:
    """Makes update `t` of every seed; returns the batch losses before it, shape (seeds,)."""
    probes = [seed.probes for _, seed in group.going if seed.probes is not None]
    batch = next(group.batches)
    for probe in probes:
        probe.before(t)

    def look() -> None:
        if probes:
            group.stack.set_gradients()
        for probe in probes:
            probe.gradient(t)

    if group.graphed is not None:
        losses = group.graphed(batch, look)
    else:
        clear_gradients(group.optimizer)
        losses = group.stack.measure(group.workload.loss, batch, own=group.own)
        losses.sum().backward()
        look()
        group.optimizer.step()
    for probe in probes:
        probe.after(t)
    if group.schedule is not None:
        group.schedule.step()
    return losses.detach()


def _evaluate(group: Group, step: int) -> None:
    """Records every seed's evaluation after `step` updates; one whose validation loss is not finite ends."""
    begun = time.perf_counter()
    rows: list[Row] = []
    with evaluated_weights(group.optimizer):
        validation = record_evaluation(group.workload, group.stack.models[0], step, rows, _measure(group))
        if group.workload.coordinates:
            flat = torch.cat([p.detach().flatten(1) for p in group.stack.parameters], dim=1)
            values = flat[:, : len(group.workload.coordinates)].T.cpu().numpy()
            names = group.workload.coordinates
            rows += [(step, "weights", name, value) for name, value in zip(names, values, strict=False)]
    lr = np.full(len(group.seeds), float(group.optimizer.param_groups[0]["lr"]))
    rows.append((step, "schedule", "lr", lr))
    _copy_out(group, rows)
    share_s = (time.perf_counter() - begun) / len(group.seeds)
    for place, seed in group.going:
        seed.record.eval_time_s += share_s
        if not np.isfinite(validation[place]):
            seed.end(f"validation loss {validation[place]} after step {step}")


def _measure(group: Group) -> Any:  # noqa: ANN401
    """What gives the values of a loss or metric for all seeds over the same data."""

    def measure(of: Of, _: nn.Module, batch: Batch) -> np.ndarray:
        found = group.stack.measure(of, batch, own=False)
        return found.double().cpu().numpy()

    return measure


def _copy_out(group: Group, rows: Sequence[Row]) -> None:
    """Gives each seed that still records its own values of `rows`."""
    for place, seed in group.going:
        seed.record.rows += [(step, split, name, float(value[place])) for step, split, name, value in rows]


def _probe_time_s(group: Group) -> float:
    return sum(seed.probes.time_s for seed in group.seeds if seed.probes is not None)
