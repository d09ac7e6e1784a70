"""The timing stage: what a step of each optimizer costs on a workload, apart from the cells.

Run as `python -m optbench.training.timing.measure` it is the child of `optbench.running.timing`: one request
on standard input. Only raw blocks leave this module; `optbench.tables.timing` makes medians, ratios and
intervals of them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import torch

from optbench.catalogue.optimizers.make import make_optimizer
from optbench.cells.cell import CellSpec
from optbench.cells.timing_file import OPTIMIZER, TWIN, timing_facts
from optbench.core.errors import RAISED_BY_OTHERS, told, traced
from optbench.core.factories import load_factory
from optbench.core.interrupts import ctrl_c
from optbench.core.specs import ScheduleSpec
from optbench.training.batches import training_batches
from optbench.training.loop import isolated
from optbench.training.model import make_model
from optbench.training.timing.noise import fixed_kernel, machine_facts, read_machine
from optbench.training.timing.rounds import (
    Clock,
    TimedOptimizer,
    cuda_clock,
    host_clock,
    time_optimizers,
)
from optbench.training.workloads import build_workload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor, nn
    from torch.optim import Optimizer

    from optbench.catalogue.workloads.workload import Batch, Workload
    from optbench.core.specs import OptimizerSpec
    from optbench.study.timing import TimingSpec

SEED = 0
"""Whose streams give the weights and the batches."""


def measure(
    timing: TimingSpec, data_folder: Path, seconds: float, clock: Clock | None = None
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Times every optimizer of a workload in this process, the reference twice.

    Never raises for what a workload or an optimizer does: the reason stands in the facts, as `error` for the
    workload and in `errors` by name for an optimizer.

    Args:
        timing: what to time.
        data_folder: where prepared data lies.
        seconds: budget of the timed rounds (> 0); see `optbench.training.timing.rounds.time_optimizers`.
        clock: how time is read; None for the device's own.

    Returns:
        The facts and the rows that `optbench.cells.timing_file.write_timing` takes.
    """
    cpu = time.process_time()
    facts = timing_facts(timing) | {"seconds": seconds}
    specs = {spec.name: spec for spec in timing.optimizers}
    reference = specs[timing.reference]
    cell = CellSpec(
        study=timing.study,
        workload=timing.workload,
        optimizer=reference,
        schedule=ScheduleSpec("constant"),
        lr=reference.lr,
        seed=SEED,
        device=timing.device,
        threads=timing.threads,
        timeout_s=float("inf"),
    )
    with isolated(cell), ctrl_c() as is_ctrl_c:
        try:
            device = torch.device(timing.device)
            workload, _ = build_workload(cell, data_folder)
            lineup = [(reference, OPTIMIZER), (reference, TWIN)]
            lineup += [(spec, OPTIMIZER) for spec in timing.optimizers if spec is not reference]
            timed_optimizers, errors = _assemble(lineup, workload, device)
            facts |= _workload_facts(workload, device)
            before = read_machine()
            found = time_optimizers(
                timed_optimizers,
                full_batches(workload, device),
                clock or (cuda_clock() if device.type == "cuda" else host_clock()),
                seconds,
                kernel=fixed_kernel(device),
            )
            facts |= machine_facts(before, read_machine())
        except BaseException as problem:  # whatever a workload raises is its result, SystemExit too
            if is_ctrl_c(problem):
                raise
            return facts | {"error": traced(problem)}, []
        facts["errors"] = {**errors, **found.errors}
        facts |= {"rounds": found.rounds, "spent_s": found.spent_s}
        timed = [one for one in timed_optimizers if one.name not in found.errors and one.role == OPTIMIZER]
        facts["steps_per_block"] = {one.name: one.steps for one in timed}
        facts["restored"] = {one.name: one.restored for one in timed}
        facts["state_bytes_per_param"] = {one.name: state_bytes_per_param(one.optimizer) for one in timed}
        batch = next(full_batches(workload, device))
        facts["peak_memory_bytes"] = {one.name: peak_memory_bytes(one, batch, device) for one in timed}
        facts["cpu_time_s"] = time.process_time() - cpu
    return facts, found.rows


def _assemble(
    lineup: list[tuple[OptimizerSpec, str]], workload: Workload, device: torch.device
) -> tuple[list[TimedOptimizer], dict[str, str]]:
    """An optimizer for each, all from the same weights, and why some could not be made."""
    timed_optimizers: list[TimedOptimizer] = []
    errors: dict[str, str] = {}
    for spec, role in lineup:
        model = make_model(workload, SEED, device).module
        try:
            factory = load_factory(spec.factory)
            optimizer = make_optimizer(spec, factory, model.parameters(), spec.lr)
            timed_optimizers.append(
                TimedOptimizer(spec.name, role, model, optimizer, workload.loss, workload.budget)
            )
        except RAISED_BY_OTHERS as problem:  # whatever an optimizer raises is its result
            errors[spec.name] = told(problem)
    return timed_optimizers, errors


def full_batches(workload: Workload, device: torch.device) -> Iterator[Batch]:
    """The training batches of seed 0 without an epoch's shorter rest, where that leaves any: equal steps."""
    size = workload.batch_size
    for batch in training_batches(workload, SEED, device):
        if size is None or len(batch[0]) == min(size, workload.n_train):
            yield batch


def _workload_facts(workload: Workload, device: torch.device) -> dict[str, Any]:
    return {
        "batch_size": workload.batch_size,
        "budget": workload.budget,
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else "",
    }


def state_bytes_per_param(optimizer: Optimizer) -> float:
    """Bytes of the tensors in `optimizer.state` over the number of its parameters' elements.

    Lists and mappings in the state are searched; a tensor that stands in several places counts once, and so
    does a step counter that is a tensor. Numbers of Python's own are left out.
    """
    elements = sum(p.numel() for group in optimizer.param_groups for p in group["params"])
    return float(_bytes(_tensors(list(optimizer.state.values()))) / elements)


def peak_memory_bytes(timed_optimizer: TimedOptimizer, batch: Batch, device: torch.device) -> float:
    """Memory that training with this optimizer takes at its peak, the data set and the batch left out.

    What stays (parameters, buffers, gradients, optimizer state) plus, on CUDA, the most that the allocator
    gave beyond it during one step; on the CPU, where no allocator keeps count, the tensors that one forward
    pass saves for backward. What an update needs for itself is seen on CUDA alone. NaN where the step raises.
    """
    model, optimizer = timed_optimizer.model, timed_optimizer.optimizer
    try:
        timed_optimizer.step(batch)
        kept = _bytes(_resident(model, optimizer))
        if device.type == "cuda":
            torch.cuda.synchronize(device)
            torch.cuda.reset_peak_memory_stats(device)
            before = torch.cuda.memory_allocated(device)
            timed_optimizer.step(batch)
            torch.cuda.synchronize(device)
            return float(kept + torch.cuda.max_memory_allocated(device) - before)
        return float(kept + _saved_bytes(timed_optimizer, batch))
    except RAISED_BY_OTHERS:  # it was timed, but this step it refuses
        return float("nan")


def _saved_bytes(timed_optimizer: TimedOptimizer, batch: Batch) -> int:
    known = {
        t.untyped_storage().data_ptr()
        for t in (*timed_optimizer.model.parameters(), *timed_optimizer.model.buffers(), *batch)
    }
    saved: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.layout == torch.strided:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in known:
                saved[storage.data_ptr()] = storage.nbytes()
        return tensor.detach()

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = timed_optimizer.loss(timed_optimizer.model, batch)
    del loss
    return sum(saved.values())


def _resident(model: nn.Module, optimizer: Optimizer) -> Iterator[Tensor]:
    yield from model.buffers()
    for parameter in model.parameters():
        yield parameter
        if parameter.grad is not None:
            yield parameter.grad
    yield from _tensors(list(optimizer.state.values()))


def _tensors(value: object) -> Iterator[Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _tensors(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)


def _bytes(tensors: Iterator[Tensor]) -> int:
    each = {id(tensor): tensor.numel() * tensor.element_size() for tensor in tensors}
    return sum(each.values())
