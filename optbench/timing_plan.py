"""Which timings a study means, and where each one's file lies (layer 1: no torch, no pandas)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.catalogue.datasets import DATASETS
from optbench.config import slug
from optbench.digest import code_digest, digest
from optbench.errors import UserError, unknown
from optbench.timing_spec import TimingSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from optbench.config import Study
    from optbench.spec import OptimizerSpec, WorkloadSpec

TIMING = "optbench.timing"
"""The module whose code decides what is measured."""


def timings_of(study: Study) -> list[TimingSpec]:
    """One timing a workload, in the study's order: its optimizers in the matrix, and the reference first.

    An optimizer that no block of the matrix pairs with the workload is not timed on it, unless it is the
    reference.

    Raises:
        UserError: a plug-in does not parse.
    """
    reference = str(study.report["reference"])
    timings = []
    for name, workload in study.workloads.items():
        met = {o for block in study.blocks if name in block.workloads for o in block.optimizers}
        names = [reference, *(o for o in study.optimizers if o in met and o != reference)]
        optimizers = tuple(study.optimizers[o] for o in names)
        timing = TimingSpec(
            study.name, workload, optimizers, reference, workload.device or study.device, study.threads
        )
        timings.append(replace(timing, digest=_digest(timing, study)))
    return timings


def _digest(timing: TimingSpec, study: Study) -> str:
    factories = (timing.workload.factory, *(spec.factory for spec in timing.optimizers))
    modules = sorted({factory.partition(":")[0] for factory in factories})
    dataset = timing.workload.dataset
    try:
        code = code_digest((TIMING, *modules), study.folder)
    except UserError as error:
        raise UserError(f"{study.file}: {error}") from None
    return digest(
        {
            "workload": _identity(timing.workload),
            "overrides": dict(timing.workload.overrides),
            "data": dataset
            and {"name": dataset.name, "sha256": dataset.fingerprint or DATASETS[dataset.name].sha256},
            "optimizers": [{"name": o.name, "lr": o.lr, **_identity(o)} for o in timing.optimizers],
            "reference": timing.reference,
            "device": timing.device,
            "threads": timing.threads,
            "code": code,
        }
    )


def _identity(spec: WorkloadSpec | OptimizerSpec) -> dict[str, object]:
    return {"factory": spec.factory, "settings": dict(spec.settings)}


def timing_path(timing: TimingSpec) -> Path:
    """Where the timing's file lies, relative to the folder that optbench runs in."""
    return Path("results") / timing.study / "timing" / f"{slug(timing.workload.name)}-{timing.digest}.parquet"


def select_timings(timings: Sequence[TimingSpec], wanted: Iterable[str]) -> list[TimingSpec]:
    """The timings whose workload or path is named, each once; all of them where nothing is named.

    Raises:
        UserError: a name is neither.
    """
    names = list(wanted)
    known = {key: t for t in timings for key in (t.workload.name, timing_path(t).as_posix())}
    for name in names:
        if name not in known:
            raise unknown("workload", name, [t.workload.name for t in timings])
    chosen = {known[name].workload.name: known[name] for name in names}
    return list(chosen.values()) if names else list(timings)
