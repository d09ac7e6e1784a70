"""The seeds of one configuration, made ready to be trained as one model."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch

from optbench.catalogue.optimizers.make import make_optimizer
from optbench.catalogue.schedules.make import make_schedule
from optbench.core.errors import RAISED_BY_OTHERS, told
from optbench.core.factories import load_factory
from optbench.training.batched.first_batch import check_first_batch
from optbench.training.batched.stack import Stack, stacked_batches
from optbench.training.batched.stackable import NoStackError, groups_of, refuse_stack
from optbench.training.graphs import GraphedStep, refuse_graph
from optbench.training.loop import isolated, workload_facts
from optbench.training.model import make_model
from optbench.training.probes.guard import GuardedProbes
from optbench.training.record import Record
from optbench.training.workloads import build_workload, require_same_again

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from torch import Tensor, nn
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from optbench.catalogue.workloads.workload import Batch, Workload
    from optbench.cells.cell import CellSpec


@dataclass
class SeedRun:
    """One seed of the group and what has become of it.

    Attributes:
        workload: its own, since an augmentation may have a state; the tensors are shared.
        model: its own, a view into the stack once there is one.
        facts: what its trace says of the workload and its probes.
        probes: its own, None where there are none.
        record: what it has recorded.
        going: whether it still records.
        problem: the sentence that says how it diverged, None where it did not.
    """

    workload: Workload
    model: nn.Module
    facts: dict[str, Any]
    probes: GuardedProbes | None = None
    record: Record = field(default_factory=Record)
    going: bool = True
    problem: str | None = None

    def end(self, problem: str | None) -> None:
        """Closes the record: the seed ended well, or diverged as `problem` says."""
        self.going, self.problem = False, problem
        if self.probes is not None:
            found = self.probes.finish(self.record.losses, ended=problem is None)
            self.record.columns = found[0]
            self.facts |= found[1]
            self.record.probe_time_s = self.probes.time_s


@dataclass(frozen=True)
class Group:
    """What the loop works with.

    Attributes:
        seeds: one run a seed, in the order of the stack.
        batches: of all seeds, without end.
        own: whether their tensors have a leading dimension of seeds.
        graphed: what makes the steps, None where they are made eagerly.
    """

    seeds: tuple[SeedRun, ...]
    stack: Stack
    optimizer: Optimizer
    schedule: LRScheduler | None
    batches: Iterator[Batch]
    own: bool
    device: torch.device
    graphed: GraphedStep | None = None

    @property
    def workload(self) -> Workload:
        """The first seed's: they differ in the state of their augmentation alone."""
        return self.seeds[0].workload

    @property
    def going(self) -> list[tuple[int, SeedRun]]:
        """The seeds that still record, with their places in the stack."""
        return [(place, seed) for place, seed in enumerate(self.seeds) if seed.going]


def make_group(cell: CellSpec, data_folder: Path) -> Group:
    """Makes the group that `cell` belongs to, and sees to it that it can be trained as one model.

    Raises:
        NoStackError: it cannot.
        NoGraphError: its steps are to come from a graph and cannot.
    """
    device = torch.device(cell.device)
    seeds = tuple(_seed_runs(cell, data_folder, device))
    workload = seeds[0].workload
    parameters = list(seeds[0].model.parameters())
    alone = _optimizer(cell, workload, parameters)
    refuse_stack(seeds[0].model, *alone)
    if cell.step == "graph":
        refuse_graph(*alone, device)
    batches, own = stacked_batches([seed.workload for seed in seeds], cell.together, device)
    first = next(batches)
    stack = Stack([seed.model for seed in seeds])
    check_first_batch(stack, workload, first, own=own)
    optimizer, schedule = _optimizer(cell, workload, stack.parameters)
    if groups_of(alone[0], parameters) != groups_of(optimizer, stack.parameters):
        raise NoStackError("its parameters are sorted into groups by shape, which a stack of seeds changes")
    if cell.probe_every:
        for seed in seeds:
            seed.probes = GuardedProbes(workload, seed.model, optimizer, cell.probe_every)
    graphed = None
    if cell.step == "graph":
        graphed = GraphedStep(optimizer, lambda batch: stack.measure(workload.loss, batch, own=own))
    return Group(seeds, stack, optimizer, schedule, chain([first], batches), own, device, graphed)


def _seed_runs(cell: CellSpec, data_folder: Path, device: torch.device) -> Iterator[SeedRun]:
    first: Workload | None = None
    sha256 = ""
    for seed in cell.together:
        if first is None:
            workload, sha256 = build_workload(cell, data_folder)
            require_same_again(cell, data_folder, workload)
            if cell.trial:  # what chooses a learning rate never sees the test split
                workload = replace(workload, test=None)
            first = workload
        elif first.augment is not None:
            # Its augmentation may have a state; the data need not lie in memory once a seed.
            augment = build_workload(cell, data_folder)[0].augment
            workload = replace(first, augment=augment)
        own = make_model(workload, seed, device)
        if own.shared:  # a stack would copy it for every seed, and nobody would see it change
            name = next(iter(own.shared))
            raise NoStackError(f"its model shares {name!r} with the models of other seeds")
        model = own.module
        facts: dict[str, Any] = {
            "data_sha256": sha256,
            "workload_facts": workload_facts(workload, model),
        }
        if device.type == "cuda":
            facts["gpu"] = torch.cuda.get_device_name(device)
        yield SeedRun(workload, model, facts)


def _optimizer(
    cell: CellSpec, workload: Workload, parameters: Sequence[Tensor]
) -> tuple[Optimizer, LRScheduler | None]:
    optimizer = make_optimizer(cell.optimizer, load_factory(cell.optimizer.factory), parameters, cell.lr)
    factory = load_factory(cell.schedule.factory) if cell.schedule.factory else None
    return optimizer, make_schedule(
        cell.schedule, factory, optimizer, workload.budget, workload.steps_per_epoch, cell.lr
    )


def refusals(cells: Sequence[CellSpec], data_folder: Path) -> dict[str, list[str]]:
    """Why cells that are to be trained with other seeds cannot be: the combinations for each reason.

    Looked at on the CPU, with two seeds of each combination and without training.
    """
    asked = {cell.combination: cell for cell in cells if cell.together}
    found: dict[str, list[str]] = {}
    for name, cell in asked.items():
        few = replace(cell, device="cpu", step="eager", together=cell.together[:2])
        try:
            with isolated(few):
                make_group(few, data_folder)
        except NoStackError as why:
            found.setdefault(str(why), []).append(name)
        except RAISED_BY_OTHERS as why:
            found.setdefault(f"making them together fails: {told(why)}", []).append(name)
    return found
