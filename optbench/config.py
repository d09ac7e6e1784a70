"""From a study file to a `Study` of specs, or one clear line about what is wrong.

Layer 1: no torch, no pandas. Snakemake imports this module at parse time.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar
from urllib.parse import quote

from optbench.catalogue.datasets import DATASETS
from optbench.catalogue.optimizers import OPTIMIZERS
from optbench.catalogue.schedules import SCHEDULES
from optbench.catalogue.workloads import WORKLOADS
from optbench.errors import UserError, nearest, unknown
from optbench.files import write_if_changed
from optbench.plugins import check_importable, keyword_names
from optbench.rulesets import resolve_tuning, with_defaults
from optbench.spec import (
    DatasetSpec,
    ExecutionSpec,
    MetricSpec,
    OptimizerSpec,
    ScheduleSpec,
    Setting,
    TuningSpec,
    WorkloadSpec,
)
from optbench.study_file import Block, Entry, OptimizerEntry, ScheduleEntry, StudyFile, WorkloadEntry
from optbench.study_file import read_study_file as _read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Spec: TypeAlias = WorkloadSpec | OptimizerSpec | ScheduleSpec
S = TypeVar("S", WorkloadSpec, OptimizerSpec, ScheduleSpec)

LONGEST_SLUG = 200
"""Bytes of a name as a path: file systems stop at 255, and a trace adds its own part."""


class Range(NamedTuple):
    """Bounds of a hyperparameter; `open_low` and `open_high` leave a bound itself out."""

    low: float
    high: float
    open_low: bool = False
    open_high: bool = False

    def holds(self, value: object) -> bool:
        """Whether `value` is a number within the bounds."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        above = value > self.low if self.open_low else value >= self.low
        return above and (value < self.high if self.open_high else value <= self.high)

    def __str__(self) -> str:
        if self.high == float("inf"):
            return f"{'>' if self.open_low else '>='} {self.low:g}"
        low, high = "(" if self.open_low else "[", ")" if self.open_high else "]"
        return f"in {low}{self.low:g}, {self.high:g}{high}"


HYPERPARAMETERS: Mapping[str, Range] = {
    "momentum": Range(0, 1, open_high=True),
    "betas": Range(0, 1, open_high=True),
    "alpha": Range(0, 1),
    "rho": Range(0, 1),
    "dampening": Range(0, 1),
    "weight_decay": Range(0, float("inf")),
    "eps": Range(0, float("inf")),
    "gamma": Range(0, float("inf"), open_low=True),
    "factor": Range(0, 1, open_low=True),
}
"""What the usual hyperparameters may be, in torch's factories and ours; others have their own rules."""

CHECKED_PACKAGES = frozenset({"torch", "optbench"})


@dataclass(frozen=True)
class ResolvedBlock:
    """One block of the matrix with its lists filled in.

    `lr` maps optimizer names to learning rates, None for one that is tuned.
    """

    workloads: tuple[str, ...]
    optimizers: tuple[str, ...]
    schedules: tuple[str, ...]
    seeds: tuple[int, ...]
    lr: Mapping[str, float | None]

    @property
    def size(self) -> int:
        """How many cells it has."""
        return len(self.workloads) * len(self.optimizers) * len(self.schedules) * len(self.seeds)


@dataclass(frozen=True)
class Study:
    """A study that has been read: its name, its specs and which of them meet.

    Attributes:
        name: results/<name>, reports/<name>.
        file: the study file; plug-ins are importable from its folder.
        text: the study file as it was read.
        device: `cpu` or `cuda`, no longer `auto`.
        cells_per_job: cells that a Snakemake job trains, or None to choose by the cores.
        data_folder: where prepared data lies.
        probe_every: steps to each look at the probe batch, 0 to measure nothing inside training.
        report: rules of the page's comparisons: threshold, reference (`reference_of`), family, seed; pdf: figures
            as PDF too.
        timing_s: seconds that timing one workload may take, None to time nothing.
        oracle: whether its tables are compared with the oracle's closed forms.
        tuning: how learning rates are searched, None where none is.
        execution: how cells are to be trained.
        blocks: the matrix, each block complete.
    """

    name: str
    title: str
    question: str
    file: Path
    text: str
    seeds: tuple[int, ...]
    device: str
    threads: int
    timeout_s: float
    cells_per_job: int | None
    probe_every: int
    report: Mapping[str, Any]
    timing_s: float | None
    oracle: bool
    data_folder: Path
    workloads: Mapping[str, WorkloadSpec]
    optimizers: Mapping[str, OptimizerSpec]
    schedules: Mapping[str, ScheduleSpec]
    metrics: tuple[MetricSpec, ...]
    blocks: tuple[ResolvedBlock, ...]
    tuning: TuningSpec | None = None
    execution: ExecutionSpec = field(default_factory=ExecutionSpec)

    @property
    def folder(self) -> Path:
        """Where the study file lies; its plug-ins import from here."""
        return self.file.resolve().parent

    @property
    def results(self) -> Path:
        """The study's results, below the current folder."""
        return Path("results") / self.name

    @property
    def datasets(self) -> dict[str, DatasetSpec]:
        """The data sets that its workloads need, by name."""
        return {w.dataset.name: w.dataset for w in self.workloads.values() if w.dataset}


def slug(name: str) -> str:
    """A name as one part of a path: percent-encoded, so that two names never share a file."""
    coded = quote(name, safe="")
    return "%2E" + coded[1:] if coded.startswith(".") else coded


def note_study_file(study: Study) -> None:
    """Leaves the study file's path in results/<study>/, where `find_study_file` looks for it."""
    write_if_changed(study.results / "study_file", f"{study.file.as_posix()}\n")


def find_study_file(argument: str) -> Path:
    """The study file that `argument` names: itself, or the one behind a study's or result folder's name.

    Raises:
        UserError: there is no such file and no study of that name.
    """
    given = Path(argument)
    if given.is_file():
        return given
    for folder in (given, Path("results") / argument):
        note = folder / "study_file"
        if note.is_file():
            return Path(note.read_text(encoding="utf-8").strip())
    shipped = Path("config") / f"{argument}.yaml"
    if shipped.is_file():
        return shipped
    names = [note.parent.name for note in Path("results").glob("*/study_file")]
    names += [file.stem for file in Path("config").glob("*.yaml")]
    raise UserError(f"no study file or study {argument!r}{nearest(argument, names)}")


def read_study(file: Path, device: str | None = None) -> Study:
    """Reads a study file.

    Args:
        file: the YAML file.
        device: overrides the file's own (a job runs on what the main process resolved).

    Raises:
        UserError: one line that names the file, the key, the value and what is allowed.
    """
    try:
        given, text = _read(file)
        return _resolve(given, file, text, device or given.device)
    except UserError as error:
        raise UserError(f"{file}: {error}") from None


def has_gpu() -> bool:
    """Whether this machine shows an NVIDIA GPU (found without importing torch)."""
    return Path("/dev/nvidia0").exists() and shutil.which("nvidia-smi") is not None


def _resolve(given: StudyFile, file: Path, text: str, device: str) -> Study:
    folder = file.resolve().parent
    for kind in ("workloads", "optimizers", "schedules"):
        for name in getattr(given, kind):
            _check_path_part(kind, name)
    datasets = _datasets(given, folder)
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
    blocks = _blocks(given, workloads, optimizers, schedules)
    execution = ExecutionSpec(**given.execution.model_dump())
    tuning = resolve_tuning(given.tuning, optimizers, blocks)
    if tuning is not None:
        tuning = replace(tuning, together=execution.together)
    if given.tuning is not None and "default" in given.tuning.rulesets:
        optimizers, blocks = with_defaults(optimizers, blocks)
    return Study(
        name=given.study,
        title=given.title or given.study,
        question=given.question,
        file=file,
        text=text,
        seeds=tuple(given.seeds),
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
        metrics=_metrics(given, folder),
        blocks=blocks,
        tuning=tuning,
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
    for name, entry in given.metrics.items():
        check_importable(entry.factory, f"metrics.{name}.factory", folder)
    return tuple(
        MetricSpec(name, entry.factory, entry.direction, entry.label or name.replace("_", " ").capitalize())
        for name, entry in given.metrics.items()
    )


def _datasets(given: StudyFile, folder: Path) -> dict[str, DatasetSpec]:
    specs: dict[str, DatasetSpec] = {}
    for name, entry in given.datasets.items():
        if name not in DATASETS:
            raise unknown("datasets", name, DATASETS)
        if entry.root is None:
            specs[name] = DatasetSpec(name, download=entry.download)
            continue
        if DATASETS[name].sha256:
            # A hash of the content stands in the catalogue just where an installed package carries it.
            outside = ", ".join(sorted(known for known, data in DATASETS.items() if not data.sha256))
            raise UserError(
                f"datasets.{name}.root: {name} comes with an installed package; got {entry.root!r} "
                f"(read from a folder: {outside})"
            )
        root = (folder / Path(entry.root).expanduser()).resolve()
        if not root.is_dir():
            raise UserError(f"datasets.{name}.root: there is no folder {entry.root!r} (looked in {folder})")
        specs[name] = DatasetSpec(name, str(root), download=False, fingerprint=_fingerprint(root))
    return specs


def _fingerprint(root: Path) -> str:
    """sha256 over the names and contents of the files below `root`."""
    sha = hashlib.sha256()
    for file in sorted(found for found in root.rglob("*") if found.is_file()):
        sha.update(f"{file.relative_to(root).as_posix()}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as stream:
            sha.update(hashlib.file_digest(stream, "sha256").digest())
    return sha.hexdigest()


def _check_path_part(kind: str, name: str) -> None:
    """Raises UserError for a name that cannot be part of a path."""
    if not name.isprintable():
        raise UserError(f"{kind}.{name!r}: a name becomes a path: its characters must be printable")
    if len(slug(name)) > LONGEST_SLUG:
        raise UserError(
            f"{kind}.{name}: a name becomes a path: it must have at most {LONGEST_SLUG} bytes there; "
            f"it has {len(slug(name))}"
        )


def _settle(kind: str, name: str, entry: Entry, known: Mapping[str, S], folder: Path, **own: Any) -> S:  # noqa: ANN401
    """The spec of one entry: the built-in it starts from, or its own factory, with its settings on top."""
    key = f"{kind}.{name}"
    for setting, value in entry.settings.items():
        _check_value(f"{key}.{setting}", value)
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


def _check_value(key: str, value: object) -> None:
    """Raises UserError unless the value is one that a cell's identity can be made of."""
    if isinstance(value, list):
        for place, part in enumerate(value):
            _check_value(f"{key}[{place}]", part)
    elif isinstance(value, dict):
        for name, part in value.items():
            if not isinstance(name, str):
                raise UserError(f"{key}: the key {name!r} must be text")
            _check_value(f"{key}.{name}", part)
    elif not isinstance(value, str | int | float | None):
        raise UserError(
            f"{key} must be a number, text, true, false, null, a list or a mapping; got {value!s} "
            f"(a {type(value).__name__})"
        )


def _check_names(key: str, spec: Spec, entry: Entry, folder: Path, supplied: int = 1) -> None:
    """Raises UserError for a setting that the factory's source shows it does not take.

    Args:
        key: where the entry stands.
        spec: what became of it.
        entry: the entry; its own keys are what a misspelt setting may have meant.
        folder: the study file's folder.
        supplied: arguments in front that the program gives to the factory.
    """
    names = keyword_names(spec.factory, folder, supplied) if spec.factory else set()
    if names is None:
        return
    for name in entry.settings:
        if name not in names:
            raise unknown(f"{key}.{name}", name, names | set(type(entry).model_fields))


def _check_ranges(key: str, factory: str, settings: Mapping[str, Setting]) -> None:
    if factory.partition(":")[0].split(".")[0] not in CHECKED_PACKAGES:
        return
    for name, value in settings.items():
        allowed = HYPERPARAMETERS.get(name)
        if allowed is None or value is None:
            continue
        for place, number in enumerate(value if isinstance(value, list) else [value]):
            if not allowed.holds(number):
                at = f"[{place}]" if isinstance(value, list) else ""
                raise UserError(f"{key}.{name}{at} must be {allowed}; got {number!r}")


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
        for place, value in enumerate(values):
            _check_value(f"{key}.{name}[{place}]", value)
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
) -> tuple[ResolvedBlock, ...]:
    known: dict[str, Mapping[str, object]] = {
        "workloads": workloads,
        "optimizers": optimizers,
        "schedules": schedules,
    }
    blocks = []
    for place, block in enumerate(given.matrix or [Block()]):
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
                seeds=tuple(block.seeds if block.seeds is not None else given.seeds),
                lr={
                    o: rates.get(o) or rates.get("*") or (None if given.tuning else optimizers[o].lr)
                    for o in lists["optimizers"]
                },
            )
        )
    for kind, names in known.items():
        idle = set(names) - {name for block in blocks for name in getattr(block, kind)}
        if idle:
            raise UserError(f"{kind}.{min(idle)}: no block of the matrix uses it")
    return tuple(blocks)
