"""The matrix: which cells a study means, and where each one's trace lies (layer 1)."""

from __future__ import annotations

from dataclasses import asdict, replace
from fnmatch import fnmatchcase
from functools import cache
from itertools import product
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.config import slug
from optbench.digest import (
    TRAINING,
    TRAINING_TOGETHER,
    Code,
    Slices,
    data_roots,
    data_values,
    digest,
    factory_values,
    shortened,
    together,
)
from optbench.errors import UserError, nearest
from optbench.source import remember
from optbench.spec import TRACE_KEY, TRACE_SCHEMA, CellSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from optbench.config import Study

MAGIC = b"PAR1"
"""How a whole parquet file begins and ends."""


def cells_of(study: Study) -> list[CellSpec]:
    """The cells of a study in a fixed order, each with its digest.

    Raises:
        UserError: two blocks of the matrix give one cell different learning rates, two cells share one
            readable name, or a plug-in does not parse.
    """
    code = training_code(study)
    found: dict[str, CellSpec] = {}
    for block in study.blocks:
        for w, o, s, seed in product(block.workloads, block.optimizers, block.schedules, block.seeds):
            parts = study.workloads[w], study.optimizers[o], study.schedules[s]
            lr = block.lr[o]
            tuning = study.tuning if lr is None else None
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
    groups = _together(study, found.values())
    cells = [replace(cell, together=groups[name]) for name, cell in found.items()]
    identities = [identified(cell, code(cell)) for cell in cells]
    remember()
    return identities


def _together(study: Study, cells: Iterable[CellSpec]) -> dict[str, tuple[int, ...]]:
    """Which seeds each cell is to be trained with, by the cell's name."""
    names: dict[tuple[str, str], dict[int, str]] = {}
    for cell in cells:
        names.setdefault((cell.combination, _rate(cell)), {})[cell.seed] = cell.name
    return {
        seeds[seed]: group
        for seeds in names.values()
        for seed, group in seeds_together(seeds, study.execution.together).items()
    }


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


def training_code(study: Study) -> Callable[[CellSpec], Code]:
    """A function that gives the code that trains a cell of `study`, each only read once."""
    slices = Slices(study.folder)

    @cache
    def code(*parts: tuple[str, tuple[str, ...]]) -> Code:
        try:
            return together({name: slices.code(*roots) for name, roots in parts})
        except UserError as error:
            raise UserError(f"{study.file}: {error}") from None

    return lambda cell: code(*_parts(cell))


def _parts(cell: CellSpec) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The parts of the code that trains a cell, each with the functions that it begins with."""
    groups = cell.together or (cell.tuning is not None and cell.tuning.together > 1)
    yield "training", (TRAINING, *([TRAINING_TOGETHER] if groups else []))
    yield "workload", (cell.workload.factory,)
    yield "optimizer", (cell.optimizer.factory,)
    yield "schedule", (cell.schedule.factory,)
    yield "data", data_roots(cell.workload.dataset)


def identified(cell: CellSpec, code: Code) -> CellSpec:
    """The cell with its identity, its digest, and the digest of the search it waits for.

    A cell that is tuned is known by the tuning that will choose its learning rate, so that all cells of a
    study are known before any is trained.

    Args:
        cell: without digests, or with stale ones.
        code: what `training_code` gives for it.
    """
    # Names, labels, the optimizer's own lr and the timeout decide no number.
    shared: dict[str, object] = {
        "schema": TRACE_SCHEMA,
        "workload": factory_values(cell.workload),
        "overrides": dict(cell.workload.overrides),
        "optimizer": factory_values(cell.optimizer),
        "schedule": factory_values(cell.schedule),
        "device": cell.device,
        "threads": cell.threads,
        "step": cell.step,
    }
    data = data_values(cell.workload.dataset)
    own: dict[str, object] = {
        "seed": cell.seed,
        "probe_every": cell.probe_every,
        "together": list(cell.together),
    }
    hashed = {**shared, "data": data, "code": code.sha256}
    search = ""
    if cell.tuning is None:
        own["lr"] = cell.lr
        name = digest({**hashed, **own})
    else:
        searched = {name: list(tried) for name, tried in cell.optimizer.search.items()}
        tuned = {"tuning": asdict(cell.tuning), "search": searched}
        search = digest({**hashed, **tuned})
        name = digest({**own, "search": search})
        shared |= tuned
    identity = {"settings": {**shared, **own}, "code": code.modules, "data": shortened(data)}
    return replace(cell, search=search, digest=name, code=code.sha256, identity=identity)


def trace_path(cell: CellSpec) -> Path:
    """Where the cell's trace lies, relative to the folder that optbench runs in; trials lie apart."""
    kind, rate = ("tuning", f"lr{cell.lr:g}-") if cell.trial else ("cells", "")
    return combination_folder(cell, kind) / f"{rate}seed{cell.seed}-{cell.digest}.parquet"


def combination_folder(cell: CellSpec, kind: str) -> Path:
    """The folder of the cell's workload, optimizer and schedule below results/<study>/<kind>."""
    return _folder(cell.study, kind, cell.workload.name, cell.optimizer.name, cell.schedule.name)


@cache
def _folder(study: str, kind: str, *names: str) -> Path:
    """A combination's folder, which is asked for at every look at one of its cells."""
    return Path("results", study, kind, *map(slug, names))


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
    # A job asks for hundreds of cells of thousands: one look each, not a walk.
    names = [cell.name for cell in cells]
    known = {str(trace_path(cell)): cell for cell in cells} | dict(zip(names, cells, strict=True))
    for pattern in patterns:
        hits = [known[pattern]] if pattern in known else []
        if not hits:
            hits = [cell for cell, name in zip(cells, names, strict=True) if fnmatchcase(name, pattern)]
        if not hits:
            raise UserError(
                f"no cell {pattern!r}{nearest(pattern, names)} (a cell is workload/optimizer/schedule/seed)"
            )
        chosen.update((cell.name, cell) for cell in hits)
    return list(chosen.values())
