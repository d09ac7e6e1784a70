"""Who a cell is: eight hexadecimal digits over all that decides its numbers.

Two ingredients. The resolved values (workload, optimizer, schedule, lr, seed, device, threads, data hash)
are hashed as canonical JSON. The code that trains is hashed by its syntax trees, with comments, docstrings,
annotations and layout left out, as far as the names lead that a cell begins with: the training loop, its
factories, the reader of its data (`optbench.cells.slices`). So another schedule in the same file makes no
cell a new one. Installed third-party packages are not hashed: their versions stand in every trace.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cache
from typing import TYPE_CHECKING

from optbench.catalogue.datasets.entries import DATASETS
from optbench.cells.cell import TIMING_SCHEMA, TRACE_SCHEMA
from optbench.cells.slices import SHORT, Slices, sha256_of, together
from optbench.cells.source import without_module
from optbench.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from optbench.cells.cell import CellSpec
    from optbench.cells.slices import Code
    from optbench.core.specs import DatasetSpec, OptimizerSpec, ScheduleSpec, WorkloadSpec
    from optbench.study.study import Study
    from optbench.study.timing import TimingSpec


TRAINING = "optbench.training.loop:train_cell"
TRAINING_TOGETHER = "optbench.training.batched.train:train_together"
TIMING = "optbench.training.timing.measure:measure"
SPLIT = "optbench.catalogue.datasets.prepare:split"
SPLIT_BY_POSITION = "optbench.catalogue.datasets.prepare:split_by_position"

OWN = ("seed", "probe_every", "together")
"""What a cell that waits for a tuning has of its own; all else it shares with the search."""


def digest(values: object) -> str:
    """Eight hexadecimal digits of the sha256 of `values` as canonical JSON."""
    return sha256_of(values)[:8]


def factory_values(spec: WorkloadSpec | OptimizerSpec | ScheduleSpec) -> dict[str, object]:
    """What decides numbers of a workload, an optimizer or a schedule beside its code."""
    values: dict[str, object] = {"factory": without_module(spec.factory), "settings": _moved(spec.settings)}
    for way in ("closure", "create_graph"):  # of a step; named where it is not the usual one
        if getattr(spec, way, False):
            values[way] = True
    return values


def _moved(value: object) -> object:
    """The value with addresses of ours in it, whatever their depth, without their modules."""
    if isinstance(value, str):
        return without_module(value)
    if isinstance(value, list | tuple):
        return [_moved(item) for item in value]
    if hasattr(value, "items"):
        return {key: _moved(item) for key, item in value.items()}
    return value


def data_values(dataset: DatasetSpec | None) -> dict[str, object] | None:
    """What decides which examples a cell sees, beside the code that reads them."""
    if dataset is None:
        return None
    entry = DATASETS[dataset.name]
    return {
        "name": dataset.name,
        "sha256": dataset.fingerprint or entry.sha256,
        "reader": without_module(entry.reader),
        "n_classes": entry.n_classes,
        "validation_share": entry.validation_share,
    }


def shortened(data: Mapping[str, object] | None) -> dict[str, object] | None:
    """`data_values` as a trace keeps them: the hash of the data to a few digits."""
    return data and {**data, "sha256": str(data["sha256"])[:SHORT]}  # type: ignore[return-value]


def data_roots(dataset: DatasetSpec | None) -> tuple[str, ...]:
    """Addresses of the functions that read and cut the raw data; none without data."""
    if dataset is None:
        return ()
    entry = DATASETS[dataset.name]
    return entry.reader, SPLIT_BY_POSITION if entry.by_position else SPLIT


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
    own: dict[str, object] = dict(zip(OWN, (cell.seed, cell.probe_every, list(cell.together)), strict=True))
    hashed = {**shared, "data": data, "code": code.sha256}
    search = ""
    if cell.tuning is None:
        own["lr"] = cell.lr
        name = digest({**hashed, **own})
    else:
        searched = {name: list(tried) for name, tried in cell.optimizer.search.items()}
        # A race leaves out trials that cannot change the choice, so it decides no number either.
        protocol = {key: value for key, value in asdict(cell.tuning).items() if key != "race"}
        tuned = {"tuning": protocol, "search": searched}
        search = digest({**hashed, **tuned})
        name = digest({**own, "search": search})
        shared |= tuned
    identity = {"settings": {**shared, **own}, "code": code.modules, "data": shortened(data)}
    return replace(cell, search=search, digest=name, code=code.sha256, identity=identity)


def identified_timing(timing: TimingSpec, study: Study, slices: Slices) -> TimingSpec:
    """The timing with its identity and its digest."""
    dataset = timing.workload.dataset
    optimizers = {spec.factory for spec in timing.optimizers}
    try:
        code = together(
            {
                "timing": slices.code(TIMING),
                "workload": slices.code(timing.workload.factory),
                "data": slices.code(*data_roots(dataset)),
                "optimizers": slices.code(
                    *sorted(optimizers, key=lambda factory: factory.rpartition(":")[2])
                ),
            }
        )
    except UserError as error:
        raise UserError(f"{study.file}: {error}") from None
    settings = {
        "layout": TIMING_SCHEMA,
        "workload": factory_values(timing.workload),
        "overrides": dict(timing.workload.overrides),
        "optimizers": [{"name": o.name, "lr": o.lr, **factory_values(o)} for o in timing.optimizers],
        "reference": timing.reference,
        "device": timing.device,
        "threads": timing.threads,
    }
    data = data_values(dataset)
    return replace(
        timing,
        digest=digest({**settings, "data": data, "code": code.sha256}),
        identity={"settings": settings, "code": code.modules, "data": shortened(data)},
    )
