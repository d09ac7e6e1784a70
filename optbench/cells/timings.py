"""Which timings a study means, and where each one's file lies (no torch, no pandas)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from optbench.cells.domains import foreign
from optbench.cells.identity import identified_timing
from optbench.cells.slices import Slices
from optbench.cells.source import save_cache
from optbench.core.errors import unknown
from optbench.core.files import slug
from optbench.study.timing import TimingSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from optbench.core.specs import OptimizerSpec
    from optbench.study.study import Study


def timings_of(study: Study) -> list[TimingSpec]:
    """The timings of every workload in the study's order: its optimizers in the matrix, the reference first.

    Optimizers of optbench and torch are timed in one process. Those of a plug-in or a third-party package
    might change what the others take, so those of each factory have a process with the reference to
    themselves, and their ratios are to what that took there.

    An optimizer that no block of the matrix pairs with the workload is not timed on it, unless it is the
    reference.

    Raises:
        UserError: a plug-in does not parse.
    """
    slices = Slices(study.folder)
    timings = []
    for name, workload in study.workloads.items():
        reference, *others = optimizers_timed(study, name)
        of_all = foreign(reference.factory)
        domains: dict[frozenset[str], list[OptimizerSpec]] = {of_all: [reference]}
        for optimizer in others:
            domains.setdefault(of_all | foreign(optimizer.factory), [reference]).append(optimizer)
        for optimizers in domains.values():
            timing = TimingSpec(
                study.name,
                workload,
                tuple(optimizers),
                reference.name,
                workload.device or study.device,
                study.threads,
                1 + len(others),
            )
            timings.append(identified_timing(timing, study, slices))
    save_cache()
    return timings


def optimizers_timed(study: Study, workload: str) -> list[OptimizerSpec]:
    """The reference, then the optimizers that a block of the matrix pairs with the workload, in order."""
    reference = str(study.report["reference"])
    met = {o for block in study.blocks if workload in block.workloads for o in block.optimizers}
    names = [reference, *(o for o in study.optimizers if o in met and o != reference)]
    return [study.optimizers[name] for name in names]


def timing_path(timing: TimingSpec) -> Path:
    """Where the timing's file lies, relative to the folder that optbench runs in."""
    return Path("results") / timing.study / "timing" / f"{slug(timing.workload.name)}-{timing.digest}.parquet"


def select_timings(timings: Sequence[TimingSpec], wanted: Iterable[str]) -> list[TimingSpec]:
    """The timings whose workload or path is named, each once; all of them where nothing is named.

    Raises:
        UserError: a name is neither.
    """
    names = list(wanted)
    known = {t.workload.name for t in timings} | {timing_path(t).as_posix() for t in timings}
    for name in names:
        if name not in known:
            raise unknown("workload", name, [t.workload.name for t in timings])
    return [t for t in timings if not names or {t.workload.name, timing_path(t).as_posix()} & set(names)]
