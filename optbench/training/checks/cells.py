"""Everything that cells are made of, alone and beside what they meet."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from optbench.catalogue.optimizers.make import clear_gradients, make_optimizer
from optbench.catalogue.schedules.make import make_schedule
from optbench.core.errors import told
from optbench.core.factories import is_foreign, load_factory
from optbench.core.interrupts import ctrl_c
from optbench.training.checks import optimizers, schedules, workloads
from optbench.training.checks.candidate import Candidate
from optbench.training.checks.notes import Conformance, Notes, place_of
from optbench.training.loop import isolated
from optbench.training.model import ModelError, make_model
from optbench.training.steps import differentiator, stepper
from optbench.training.workloads import build_workload, require_same_again

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Sequence
    from pathlib import Path

    from torch import Tensor
    from torch.optim import Optimizer

    from optbench.catalogue.workloads.workload import Workload
    from optbench.cells.cell import CellSpec
    from optbench.core.specs import ScheduleSpec, WorkloadSpec

    IsCtrlC = Callable[[BaseException], bool]


def check_cells(
    cells: Sequence[CellSpec], data_folder: Path, parts: Container[str] | None = None
) -> Conformance:
    """What is wrong with anything that `cells` are made of, each thing once and with its key.

    Optimizers and workloads are tried alone, then the sound ones together: a step of every optimizer on
    few examples of every workload that it meets, bound to every schedule. All of it on the CPU.

    Args:
        cells: with their learning rates.
        data_folder: where prepared data lies.
        parts: addresses of the factories that are looked at, alone and with what they meet; nobody else is
            accused but with one of them, and no other code of others is run. None looks at all. So a process
            can be kept for what one plug-in may do to it.
    """
    return look_at_cells(cells, data_folder, parts).found()


def look_at_cells(
    cells: Sequence[CellSpec],
    data_folder: Path,
    parts: Container[str] | None = None,
    accused: Container[str] = (),
) -> Notes:
    """The same, as notes.

    Args:
        cells: as in `check_cells`.
        data_folder: as there.
        parts: as there.
        accused: keys of what has been found unsound in another process: it is not tried with others.
    """
    asked = _All() if parts is None else parts
    whole = Notes(lambda _: False)
    if not cells:
        return whole
    with isolated(replace(cells[0], device="cpu")), ctrl_c() as is_ctrl_c:
        sound = {
            name
            for name in _optimizers(cells, asked, whole, is_ctrl_c)
            if f"optimizers.{name}" not in accused
        }
        built = dict(_workloads(cells, data_folder, asked, whole, is_ctrl_c))
        _schedules([c for c in cells if c.schedule.factory in asked], built, whole, is_ctrl_c)
        met = [cell for cell in cells if cell.optimizer.name in sound and cell.workload.name in built]
        _together(met, built, asked, whole, is_ctrl_c)
    return whole


class _All:
    """Holds every address."""

    def __contains__(self, address: object) -> bool:
        return True


def _is_left_out(factory: str, looked_at: bool) -> bool:
    """Whether it is code of others that another process looks at."""
    return is_foreign(factory) and not looked_at


def _tell(key: str, found: Conformance, whole: Notes) -> None:
    for problem in found.problems:
        whole.problem(problem if _is_of(key, problem) else f"{key}: {problem}")
    for warning in found.warnings:
        whole.warn(warning if _is_of(key, warning) else f"{key}: {warning}")


def _is_of(key: str, sentence: str) -> bool:
    """Whether a sentence begins with a key, or with one inside of what that names."""
    return sentence.startswith(key) and sentence[len(key) :][:1] in {":", "."}


def _optimizers(
    cells: Sequence[CellSpec], asked: Container[str], whole: Notes, is_ctrl_c: IsCtrlC
) -> Iterator[str]:
    """Notes what is wrong with each optimizer at each of its rates; gives those that are sound."""
    rates: dict[str, list[CellSpec]] = {}
    for cell in {(c.optimizer.name, c.lr): c for c in cells}.values():
        rates.setdefault(cell.optimizer.name, []).append(cell)
    for name, ones in rates.items():
        good = True
        scheduled = any(cell.schedule.factory for cell in cells if cell.optimizer.name == name)
        for cell in ones if ones[0].optimizer.factory in asked else ():
            notes = Notes(is_ctrl_c)
            with notes.guarded("factory"), torch.enable_grad():
                factory = load_factory(cell.optimizer.factory)
                spec = replace(cell.optimizer, lr=cell.lr)
                optimizers.examine(spec, factory, notes, scheduled=scheduled)
            _tell(f"optimizers.{name}", notes.found(), whole)
            good = good and not notes.found().problems
        if good:
            yield name


def _workloads(
    cells: Sequence[CellSpec], data_folder: Path, asked: Container[str], whole: Notes, is_ctrl_c: IsCtrlC
) -> Iterator[tuple[str, Workload]]:
    """The same of each workload."""
    for cell in {c.workload.name: replace(c, device="cpu") for c in cells}.values():
        if _is_left_out(cell.workload.factory, cell.workload.factory in asked):
            continue
        notes = Notes(is_ctrl_c)
        with torch.enable_grad():
            workload = workloads.examine(lambda cell=cell: build_workload(cell, data_folder)[0], notes)  # type: ignore[misc]
            sound = workload is not None and not notes.found().problems
            if sound and workload is not None:
                _look_again(cell, data_folder, workload, notes)
                sound = not notes.found().problems
            if sound and workload is not None and cell.probe_every:
                workloads.examine_probes(workload, notes)
        if sound and workload is not None:
            yield cell.workload.name, workload
        if cell.workload.factory in asked:
            _tell(f"workloads.{cell.workload.name}", notes.found(), whole)


def _look_again(cell: CellSpec, data_folder: Path, workload: Workload, notes: Notes) -> None:
    """Notes what is not the same when the factory is called again."""
    try:
        require_same_again(cell, data_folder, workload)
    except ModelError as problem:
        notes.problem(f"model: {problem}")
    except BaseException as problem:
        notes.raised("factory", problem)


def _schedules(
    cells: Sequence[CellSpec], built: dict[str, Workload], whole: Notes, is_ctrl_c: IsCtrlC
) -> None:
    """Notes what is wrong with each schedule over each budget that it gets."""
    asked: dict[tuple[str, int, int], CellSpec] = {}
    for cell in cells:
        workload = built.get(cell.workload.name)
        horizon = (workload.budget, workload.steps_per_epoch) if workload is not None else None
        if horizon is not None:
            asked.setdefault((cell.schedule.name, *horizon), cell)
    for (name, budget, steps_per_epoch), cell in asked.items():
        notes = Notes(is_ctrl_c)
        with notes.guarded("factory"), torch.enable_grad():
            factory = load_factory(cell.schedule.factory) if cell.schedule.factory else None
            schedules.examine(cell.schedule, factory, budget, steps_per_epoch, cell.lr, notes)
        _tell(f"schedules.{name}", notes.found(), whole)


def _together(
    cells: Sequence[CellSpec],
    built: dict[str, Workload],
    asked: Container[str],
    whole: Notes,
    is_ctrl_c: IsCtrlC,
) -> None:
    """Notes which optimizers cannot step on which workloads, or under which schedules."""
    found: dict[tuple[str, tuple[object, ...]], tuple[str, list[str]]] = {}

    def attempt(
        work: Callable[[CellSpec, Workload], None],
        cell: CellSpec,
        other: WorkloadSpec | ScheduleSpec,
        kind: str,
    ) -> None:
        one, two = f"optimizers.{cell.optimizer.name}", f"{kind}.{other.name}"
        factories = (cell.optimizer.factory, other.factory)
        looked_at = [factory in asked for factory in factories]
        if not any(looked_at) or any(map(_is_left_out, factories, looked_at)):
            return
        try:
            with torch.enable_grad():  # whatever the one before has left
                work(cell, built[cell.workload.name])
        except BaseException as problem:
            if is_ctrl_c(problem):
                raise
            # Is it the two of them, or has the other one changed the process for all?
            if not looked_at[0] and not _steps_alone(cell):
                one, two = two, one
            _, places = found.setdefault((one, place_of(problem)), (told(problem), []))
            places.append(two)

    for cell in {(c.workload.name, c.optimizer.name): c for c in cells}.values():
        attempt(_step_on, cell, cell.workload, "workloads")
    problems = whole.found().problems
    blamed = {
        c.schedule.name for c in cells if any(_is_of(f"schedules.{c.schedule.name}", p) for p in problems)
    }
    for cell in {(c.workload.name, c.optimizer.name, c.schedule.name): c for c in cells}.values():
        if cell.schedule.factory and cell.schedule.name not in blamed:
            attempt(_schedule, cell, cell.schedule, "schedules")
    for (key, _), (words, places) in found.items():
        whole.pair(key, words, places)


def _optimizer(cell: CellSpec, params: Iterable[Tensor]) -> Optimizer:
    return make_optimizer(cell.optimizer, load_factory(cell.optimizer.factory), params, cell.lr)


def _steps_alone(cell: CellSpec) -> bool:
    """Whether the optimizer makes its steps in this process without a workload."""
    candidate = Candidate(replace(cell.optimizer, lr=cell.lr), load_factory(cell.optimizer.factory))
    for tried in (candidate, replace(candidate, matrices=True), replace(candidate, sparse=True)):
        with suppress(BaseException):
            params = tried.start()
            return all(bool(p.isfinite().all()) for p in tried.go(tried.build(params), params, steps=1))
    return False


def _step_on(cell: CellSpec, workload: Workload) -> None:
    """One step on few examples."""
    own = make_model(workload, workloads.SEED, workloads.CPU)
    batch = workloads.few_examples(workload)
    optimizer = _optimizer(cell, own.module.parameters())
    differentiate = differentiator(optimizer)

    def evaluate() -> Tensor:
        clear_gradients(optimizer)
        loss = workload.loss(own.module, batch)
        differentiate(loss)
        return loss

    try:
        stepper(optimizer)(evaluate)
    finally:
        own.give_back()


def _schedule(cell: CellSpec, workload: Workload) -> None:
    """The schedule bound to this optimizer, not to the one that schedules are tried with."""
    optimizer = _optimizer(cell, [torch.nn.Parameter(torch.ones(2, 2))])
    horizon = (workload.budget, workload.steps_per_epoch)
    make_schedule(cell.schedule, load_factory(cell.schedule.factory), optimizer, *horizon, cell.lr)
