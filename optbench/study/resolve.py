"""From a study file to a `Study` of specs, or one clear line about what is wrong.

No torch, no pandas: Snakemake imports this module at parse time.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optbench.catalogue.datasets.entries import DATASETS
from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.schedules.entries import SCHEDULES
from optbench.catalogue.workloads.entries import WORKLOADS
from optbench.core.errors import UserError, unknown
from optbench.core.specs import (
    DatasetSpec,
    ExecutionSpec,
    MetricSpec,
    OptimizerSpec,
    ScheduleSpec,
    Setting,
    WorkloadSpec,
)
from optbench.core.text import shown, unshowable
from optbench.study.checks import _check_names, _check_path_part, _check_ranges
from optbench.study.datasets import resolve_datasets
from optbench.study.document import read_yaml
from optbench.study.file import Entry, MatrixBlock, OptimizerEntry, ScheduleEntry, StudyFile, WorkloadEntry
from optbench.study.file import read_study_file as _read
from optbench.study.labels import check_labels
from optbench.study.metrics import check_metric_names
from optbench.study.plugins import check_importable, takes_in_front
from optbench.study.race import resolve_seeds
from optbench.study.study import ResolvedBlock, Study
from optbench.study.tuning import resolve_tuning, with_defaults

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from optbench.core.specs import S


MOST_CELLS = 1_000_000
"""Cells of a study: each is planned by name, and a slip of the pen may ask for any number of them."""


def read_study(file: Path, device: str | None = None) -> Study:
    """Reads a study file.

    Args:
        file: the YAML file.
        device: overrides the file's own (a job runs on what the main process resolved).

    Raises:
        UserError: one line that names the file, the key, the value and what is allowed.
    """
    if escape := unshowable(str(file)):
        # Tables, commands and logs repeat it.
        raise UserError(f"the name of the study file holds the character {escape}: rename it")
    try:
        given, text, document = _read(file)
        try:
            return _resolve(given, file, text, device or given.device)
        except UserError as error:
            place = document.place_in(str(error))
            raise UserError(f"{place}: {error}" if place else str(error)) from None
    except UserError as error:
        raise UserError(f"{file}: {error}") from None


def placed(study: Study, sentence: str) -> str:
    """A sentence that begins with a key of the study, behind the file and the place where that key stands."""
    place = read_yaml(study.text).place_in(sentence)
    return f"{study.file}: {place}: {sentence}" if place else f"{study.file}: {sentence}"


def has_gpu() -> bool:
    """Whether this machine shows an NVIDIA GPU (found without importing torch)."""
    return Path("/dev/nvidia0").exists() and shutil.which("nvidia-smi") is not None


def _resolve(given: StudyFile, file: Path, text: str, device: str) -> Study:
    folder = file.resolve().parent
    for kind in ("workloads", "optimizers", "schedules"):
        for name in getattr(given, kind):
            _check_path_part(kind, name)
    datasets = resolve_datasets(given.datasets, folder)
    workloads = {
        name: _workload(name, entry or WorkloadEntry(), datasets, folder)
        for name, entry in given.workloads.items()
    }
    optimizers = {
        name: _optimizer(name, entry or OptimizerEntry(), folder) for name, entry in given.optimizers.items()
    }
    schedules = {
        name: _schedule(name, entry or ScheduleEntry(), folder) for name, entry in given.schedules.items()
    }
    if given.report.reference not in {None, *optimizers}:
        raise unknown("report.reference", str(given.report.reference), optimizers)
    reference = reference_of(given.report.reference, optimizers)
    used = {workload.dataset.name for workload in workloads.values() if workload.dataset}
    if idle := set(datasets) - used:
        raise UserError(f"datasets.{min(idle)}: no workload of the study uses it")
    seeds, race = resolve_seeds(given)
    blocks = _blocks(given, workloads, optimizers, schedules, seeds)
    execution = ExecutionSpec(**given.execution.model_dump())
    tuning = resolve_tuning(given.tuning, optimizers, blocks)
    if tuning is not None:
        if tuning.race and execution.together > 1:
            raise UserError(
                "tuning.race: with execution.seeds: batched the seeds of a candidate are one model, of which "
                "none can be left out; choose one of the two"
            )
        tuning = replace(tuning, together=execution.together)
    if given.tuning is not None and "default" in given.tuning.rulesets:
        optimizers, blocks = with_defaults(optimizers, blocks)
    metrics = _metrics(given, folder)
    check_labels("workloads", {name: spec.label for name, spec in workloads.items()})
    check_labels("optimizers", {name: spec.label for name, spec in optimizers.items()})
    check_labels("schedules", {name: spec.label for name, spec in schedules.items()})
    check_labels("metrics", {metric.name: metric.label for metric in metrics})
    return Study(
        name=given.study,
        title=given.title or given.study,
        question=given.question,
        file=file,
        text=text,
        seeds=seeds,
        device=device if device != "auto" else "cuda" if has_gpu() else "cpu",
        threads=given.threads,
        timeout_s=given.timeout_s,
        cells_per_job=given.cells_per_job,
        probe_every=given.probes.every if given.probes else 0,
        report={**given.report.model_dump(), "reference": reference},
        timing_s=given.timing.seconds if given.timing else None,
        oracle=given.oracle,
        data_folder=Path(given.data_folder),
        workloads=workloads,
        optimizers=optimizers,
        schedules=schedules,
        metrics=metrics,
        blocks=blocks,
        tuning=tuning,
        race=race,
        execution=execution,
    )


def reference_of(given: str | None, optimizers: Iterable[str]) -> str:
    """The optimizer that ratios are taken to, in tables, figures and step times alike.

    It is the one that the study file gives as `report.reference`; else its `sgd`; else its first optimizer.
    `study.report` and study.json hold it, so that nothing else decides.
    """
    names = list(optimizers)
    return given or ("sgd" if "sgd" in names else names[0])


def _metrics(given: StudyFile, folder: Path) -> tuple[MetricSpec, ...]:
    check_metric_names(given.metrics)
    for name, entry in given.metrics.items():
        check_importable(entry.factory, f"metrics.{name}.factory", folder)
    return tuple(
        MetricSpec(name, entry.factory, entry.direction, entry.label or name.replace("_", " ").capitalize())
        for name, entry in given.metrics.items()
    )


def _settle(kind: str, name: str, entry: Entry, known: Mapping[str, S], folder: Path, **own: Any) -> S:  # noqa: ANN401
    """The spec of one entry: the built-in it starts from, or its own factory, with its settings on top."""
    key = f"{kind}.{name}"
    if entry.factory is not None:
        if entry.like is not None:
            raise UserError(f"{key}: give either 'factory' or 'like', not both")
        check_importable(entry.factory, f"{key}.factory", folder)
        spec_class = type(next(iter(known.values())))
        return spec_class(
            name=name, factory=entry.factory, settings=entry.settings, label=entry.label or name, **own
        )
    if entry.like is not None and entry.like not in known:
        raise unknown(f"{key}.like", entry.like, known)
    if entry.like is None and name not in known:
        raise unknown(kind, name, known)
    start = known[entry.like or name]
    return replace(
        start,
        name=name,
        settings={**start.settings, **entry.settings},
        label=entry.label or (start.label if name == start.name else name),
        **own,
    )


def _workload(
    name: str, entry: WorkloadEntry, datasets: Mapping[str, DatasetSpec], folder: Path
) -> WorkloadSpec:
    key = f"workloads.{name}"
    if entry.steps is not None and entry.epochs is not None:
        raise UserError(f"{key}: give the budget as either 'steps' or 'epochs', not both")
    spec = _settle("workloads", name, entry, WORKLOADS, folder)
    needs = entry.dataset or (spec.dataset.name if spec.dataset else None)
    if needs is not None and needs not in DATASETS:
        raise unknown(f"{key}.dataset", needs, DATASETS)
    has_none = entry.factory is None and spec.dataset is None  # a built-in on no data set
    if needs is not None and (has_none or takes_in_front(spec.factory, folder) is False):
        raise UserError(f"{key}.dataset: {spec.factory} takes no data set; got {shown(needs)}")
    _check_names(key, spec, entry, folder, supplied=1 if needs else 0)
    budget = {"steps", "epochs"}
    kept = {k: v for k, v in spec.overrides.items() if not (k in budget and budget & set(entry.overrides))}
    return replace(
        spec,
        overrides={**kept, **entry.overrides},
        dataset=datasets.get(needs, DatasetSpec(needs)) if needs else None,
        device=entry.device or "",
        timeout_s=entry.timeout_s,
        memory_mb=entry.memory_mb,
    )


def _optimizer(name: str, entry: OptimizerEntry, folder: Path) -> OptimizerSpec:
    if entry.factory is not None and entry.like is None and entry.lr is None:
        raise UserError(f"optimizers.{name}.lr is missing: a factory of your own needs its learning rate")
    own: dict[str, Any] = {} if entry.lr is None else {"lr": entry.lr}
    own |= {way: getattr(entry, way) for way in ("closure", "create_graph") if way in entry.model_fields_set}
    spec = _settle("optimizers", name, entry, OPTIMIZERS, folder, **own)
    _check_names(f"optimizers.{name}", spec, entry, folder)
    _check_ranges(f"optimizers.{name}", spec.factory, entry.settings)
    return replace(spec, search=_search(f"optimizers.{name}.search", entry, spec, folder))


def _search(
    key: str, entry: OptimizerEntry, spec: OptimizerSpec, folder: Path
) -> dict[str, tuple[Setting, ...]]:
    searched = entry.search or {}
    for name, values in searched.items():
        if name in OptimizerEntry.model_fields:
            hint = "; the learning rate is searched by 'tuning' itself" if name == "lr" else ""
            raise UserError(f"{key}.{name}: must be a setting of the factory{hint}")
        _check_names(key, spec, OptimizerEntry.model_validate({name: values}), folder)
        for value in values:
            _check_ranges(key, spec.factory, {name: value})
    return {name: tuple(values) for name, values in searched.items()}


def _schedule(name: str, entry: ScheduleEntry, folder: Path) -> ScheduleSpec:
    spec = _settle("schedules", name, entry, SCHEDULES, folder)
    _check_names(f"schedules.{name}", spec, entry, folder)
    _check_ranges(f"schedules.{name}", spec.factory, entry.settings)
    return spec


def _blocks(
    given: StudyFile,
    workloads: Mapping[str, WorkloadSpec],
    optimizers: Mapping[str, OptimizerSpec],
    schedules: Mapping[str, ScheduleSpec],
    seeds: tuple[int, ...],
) -> tuple[ResolvedBlock, ...]:
    known: dict[str, Mapping[str, object]] = {
        "workloads": workloads,
        "optimizers": optimizers,
        "schedules": schedules,
    }
    blocks = []
    for place, block in enumerate(given.matrix or [MatrixBlock()]):
        key = f"matrix[{place}]"
        lists: dict[str, Sequence[str]] = {}
        for kind, names in known.items():
            lists[kind] = getattr(block, kind) or tuple(names)
            for name in lists[kind]:
                if name not in names:
                    raise unknown(f"{key}.{kind}", name, names)
        rates = block.lr or {}
        for name in rates:
            if name not in {"*", *lists["optimizers"]}:
                raise unknown(f"{key}.lr", name, lists["optimizers"])
        blocks.append(
            ResolvedBlock(
                workloads=tuple(lists["workloads"]),
                optimizers=tuple(lists["optimizers"]),
                schedules=tuple(lists["schedules"]),
                seeds=seeds if block.seeds is None else tuple(block.seeds),
                lr={
                    o: rates.get(o) or rates.get("*") or (None if given.tuning else optimizers[o].lr)
                    for o in lists["optimizers"]
                },
            )
        )
    if (cells := sum(block.size for block in blocks)) > MOST_CELLS:
        raise UserError(f"matrix: {cells} cells are more than {MOST_CELLS}, the most of a study")
    for kind, names in known.items():
        idle = set(names) - {name for block in blocks for name in getattr(block, kind)}
        if idle:
            raise UserError(f"{kind}.{min(idle)}: no block of the matrix uses it")
    return tuple(blocks)
