"""The matrix: which cells a study means, and where each one's trace lies."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import pairwise, product
from math import nan
from typing import TYPE_CHECKING

from optbench.catalogue.workloads.entries import draws
from optbench.cells.cell import CellSpec
from optbench.cells.domains import foreign
from optbench.cells.identity import identified, training_code
from optbench.cells.paths import trace_path
from optbench.cells.source import save_cache
from optbench.core.errors import UserError, nearest
from optbench.core.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from optbench.core.specs import OptimizerSpec, ScheduleSpec, WorkloadSpec
    from optbench.study.study import Study


def cells_of(study: Study) -> list[CellSpec]:
    """The cells of a study in a fixed order, each with its digest.

    What draws nothing is there once, under the first seed of its block: its other seeds would be the same
    run.

    Raises:
        UserError: two blocks of the matrix give one cell different learning rates, two cells share one
            readable name, a plug-in does not parse, or the budget of a race is less than its first look.
    """
    code = training_code(study)
    found: dict[str, CellSpec] = {}
    for block in study.blocks:
        for w, o, s, seed in product(block.workloads, block.optimizers, block.schedules, block.seeds):
            parts = study.workloads[w], study.optimizers[o], study.schedules[s]
            lr = block.lr[o]
            tuning = study.tuning if lr is None else None
            if draws_nothing(*parts):
                if seed != block.seeds[0]:
                    continue
                tuning = tuning and replace(tuning, seeds=tuning.seeds[:1])
            cell = CellSpec(
                study.name,
                *parts,
                lr=nan if lr is None else lr,
                seed=seed,
                device=parts[0].device or study.device,
                threads=study.threads,
                timeout_s=parts[0].timeout_s or study.timeout_s,
                probe_every=study.probe_every,
                tuning=tuning,
                step=study.execution.step,
            )
            other = found.setdefault(cell.name, cell)
            if (other.workload, other.optimizer, other.schedule) != parts:
                raise UserError(
                    f"{study.file}: two cells are called {cell.name!r}, because '/' stands in a name; "
                    "rename one of its parts"
                )
            if _rate(other) != _rate(cell):
                raise UserError(
                    f"{study.file}: matrix: two blocks give {cell.name} the learning rates {_rate(other)} "
                    f"and {_rate(cell)}; name the optimizer twice under 'optimizers' to run both"
                )
    _check_budget(study, found.values())
    groups = _together(study, found.values())
    cells = [replace(cell, together=groups[name]) for name, cell in found.items()]
    identities = [identified(cell, code(cell)) for cell in cells]
    save_cache()
    return identities


def _check_budget(study: Study, cells: Iterable[CellSpec]) -> None:
    if study.race is None or study.race.budget is None:
        return
    first = set(study.seeds[: study.race.looks[0]])
    needed = sum(cell.seed in first for cell in cells)
    if needed > study.race.budget:
        raise UserError(
            f"{study.file}: seeds.budget: the first look alone takes {needed} cells; got {study.race.budget}"
        )


def draws_nothing(workload: WorkloadSpec, optimizer: OptimizerSpec, schedule: ScheduleSpec) -> bool:
    """Whether every seed gives the same run, so that one is enough; a plug-in's is taken to draw."""
    return not draws(workload) and not foreign(optimizer.factory, schedule.factory)


def _together(study: Study, cells: Iterable[CellSpec]) -> dict[str, tuple[int, ...]]:
    """Which seeds each cell is to be trained with, by the cell's name."""
    names: dict[tuple[str, str], dict[int, str]] = {}
    for cell in cells:
        names.setdefault((cell.combination, _rate(cell)), {})[cell.seed] = cell.name
    return {
        seeds[seed]: group
        for seeds in names.values()
        for between in _between_looks(study, seeds)
        for seed, group in seeds_together(between, study.execution.together).items()
    }


def _between_looks(study: Study, seeds: Iterable[int]) -> Iterator[list[int]]:
    """The seeds that one look of a race adds, a list a look; all of them where there is none."""
    if study.race is None:
        yield list(seeds)
        return
    there = set(seeds)
    for start, end in pairwise([0, *study.race.every_look]):
        yield [seed for seed in study.seeds[start:end] if seed in there]


def seeds_together(seeds: Iterable[int], most: int) -> dict[int, tuple[int, ...]]:
    """The seeds that each of `seeds` is to be trained with, itself included; none where it trains alone.

    They are cut in ascending order into groups of `most`, so that a seed that is added behind changes the
    last group alone.
    """
    ordered = sorted(seeds)
    groups: dict[int, tuple[int, ...]] = {}
    for start in range(0, len(ordered), most):
        group = tuple(ordered[start : start + most])
        groups.update(dict.fromkeys(group, group if len(group) > 1 else ()))
    return groups


def trained_at_once(cells: Iterable[CellSpec]) -> list[list[CellSpec]]:
    """`cells` in groups, each to be trained as one model; one that is trained alone is a group of its own."""
    groups: dict[tuple[str, tuple[int, ...]], list[CellSpec]] = {}
    for cell in cells:
        name = cell.name.rpartition("/")[0] if cell.together else cell.name
        groups.setdefault((name, cell.together), []).append(cell)
    return list(groups.values())


def _rate(cell: CellSpec) -> str:
    return "tuned" if cell.tuning else f"{cell.lr:g}"


def select(cells: Sequence[CellSpec], patterns: Iterable[str]) -> list[CellSpec]:
    """The cells whose readable name or path matches one of `patterns` (`*` and `?` as in a shell).

    Raises:
        UserError: a pattern matches no cell.
    """
    chosen: dict[str, CellSpec] = {}
    # A job asks for hundreds of cells of thousands: one look each, not a walk.
    names = [cell.name for cell in cells]
    known = {str(trace_path(cell)): cell for cell in cells} | dict(zip(names, cells, strict=True))
    for pattern in patterns:
        hits = [known[pattern]] if pattern in known else []
        if not hits:
            hits = [cell for cell, name in zip(cells, names, strict=True) if fnmatchcase(name, pattern)]
        if not hits:
            close = nearest(pattern, names)
            raise UserError(f"no cell {shown(pattern)}{close} (a cell is workload/optimizer/schedule/seed)")
        chosen.update((cell.name, cell) for cell in hits)
    return list(chosen.values())
