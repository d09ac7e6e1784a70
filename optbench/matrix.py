"""The matrix: which cells a study means, and where each one's trace lies (layer 1)."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.catalogue.datasets import DATASETS
from optbench.config import slug
from optbench.digest import TRAINING, code_digest, digest
from optbench.errors import UserError, nearest
from optbench.spec import TRACE_KEY, TRACE_SCHEMA, CellSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from optbench.config import Study
    from optbench.spec import DatasetSpec, OptimizerSpec, ScheduleSpec, WorkloadSpec

MAGIC = b"PAR1"
"""How a whole parquet file begins and ends."""


def cells_of(study: Study) -> list[CellSpec]:
    """The cells of a study in a fixed order, each with its digest.

    Raises:
        UserError: two blocks of the matrix give one cell different learning rates, two cells share one
            readable name, or a plug-in does not parse.
    """
    code = cache(partial(_code, study))
    found: dict[str, CellSpec] = {}
    for block in study.blocks:
        for w, o, s, seed in product(block.workloads, block.optimizers, block.schedules, block.seeds):
            parts = study.workloads[w], study.optimizers[o], study.schedules[s]
            cell = CellSpec(
                study.name,
                *parts,
                lr=block.lr[o],
                seed=seed,
                device=study.device,
                threads=study.threads,
                timeout_s=study.timeout_s,
                probe_every=study.probe_every,
            )
            other = found.setdefault(cell.name, cell)
            if (other.workload, other.optimizer, other.schedule) != parts:
                raise UserError(
                    f"{study.file}: two cells are called {cell.name!r}, because '/' stands in a name; "
                    "rename one of its parts"
                )
            if other.lr != cell.lr:
                raise UserError(
                    f"{study.file}: matrix: two blocks give {cell.name} the learning rates {other.lr:g} and "
                    f"{cell.lr:g}; name the optimizer twice under 'optimizers' to run both"
                )
    return [replace(cell, digest=_digest(cell, code(*_modules(cell)))) for cell in found.values()]


def _digest(cell: CellSpec, code: str) -> str:
    # Names, labels, the optimizer's own lr and the timeout decide no number.
    return digest(
        {
            "schema": TRACE_SCHEMA,
            "workload": _identity(cell.workload),
            "overrides": dict(cell.workload.overrides),
            "data": _data_identity(cell.workload.dataset),
            "optimizer": _identity(cell.optimizer),
            "schedule": _identity(cell.schedule),
            "lr": cell.lr,
            "seed": cell.seed,
            "device": cell.device,
            "threads": cell.threads,
            "probe_every": cell.probe_every,
            "code": code,
        }
    )


def _identity(spec: WorkloadSpec | OptimizerSpec | ScheduleSpec) -> dict[str, object]:
    return {"factory": spec.factory, "settings": dict(spec.settings)}


def _data_identity(dataset: DatasetSpec | None) -> dict[str, str] | None:
    if dataset is None:
        return None
    return {"name": dataset.name, "sha256": dataset.fingerprint or DATASETS[dataset.name].sha256}


def _modules(cell: CellSpec) -> tuple[str, ...]:
    """The modules that hold the cell's factories."""
    factories = (cell.workload.factory, cell.optimizer.factory, cell.schedule.factory)
    return tuple(sorted({factory.partition(":")[0] for factory in factories if factory}))


def _code(study: Study, *modules: str) -> str:
    try:
        return code_digest((TRAINING, *modules), study.folder)
    except UserError as error:
        raise UserError(f"{study.file}: {error}") from None


def trace_path(cell: CellSpec) -> Path:
    """Where the cell's trace lies, relative to the folder that optbench runs in."""
    return (
        Path("results")
        / cell.study
        / "cells"
        / slug(cell.workload.name)
        / slug(cell.optimizer.name)
        / slug(cell.schedule.name)
        / f"seed{cell.seed}-{cell.digest}.parquet"
    )


def is_complete(path: Path) -> bool:
    """Whether `path` is a whole trace, or timing, of the cell that its name says.

    By the frame of its parquet file, the key of our facts in its end and the digest in them. A few reads and
    no library: Snakemake asks this of every cell when it reads the workflow.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) != MAGIC:
                return False
            file.seek(-8, 2)
            length, magic = int.from_bytes(file.read(4), "little"), file.read(4)
            if magic != MAGIC:
                return False
            file.seek(-8 - length, 2)
            facts = file.read(length)
            return TRACE_KEY in facts and path.stem.rpartition("-")[2].encode() in facts
    except OSError:
        return False


def select(cells: Sequence[CellSpec], patterns: Iterable[str]) -> list[CellSpec]:
    """The cells whose readable name or path matches one of `patterns` (`*` and `?` as in a shell).

    Raises:
        UserError: a pattern matches no cell.
    """
    chosen: dict[str, CellSpec] = {}
    for pattern in patterns:
        hits = [c for c in cells if pattern in {c.name, str(trace_path(c))} or fnmatchcase(c.name, pattern)]
        if not hits:
            names = [cell.name for cell in cells]
            raise UserError(
                f"no cell {pattern!r}{nearest(pattern, names)} (a cell is workload/optimizer/schedule/seed)"
            )
        chosen.update((cell.name, cell) for cell in hits)
    return list(chosen.values())
