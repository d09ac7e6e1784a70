"""Which timings a study means, and where each one's file lies (no torch, no pandas)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from optbench.cells.identity import identified_timing
from optbench.cells.slices import Slices
from optbench.cells.source import save_cache
from optbench.core.errors import unknown
from optbench.core.files import slug
from optbench.study.timing import TimingSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from optbench.study.study import Study


def timings_of(study: Study) -> list[TimingSpec]:
    """One timing a workload, in the study's order: its optimizers in the matrix, and the reference first.

    An optimizer that no block of the matrix pairs with the workload is not timed on it, unless it is the
    reference.

    Raises:
        UserError: a plug-in does not parse.
    """
    reference = str(study.report["reference"])
    slices = Slices(study.folder)
    timings = []
    for name, workload in study.workloads.items():
        met = {o for block in study.blocks if name in block.workloads for o in block.optimizers}
        names = [reference, *(o for o in study.optimizers if o in met and o != reference)]
        optimizers = tuple(study.optimizers[o] for o in names)
        timing = TimingSpec(
            study.name, workload, optimizers, reference, workload.device or study.device, study.threads
        )
        timings.append(identified_timing(timing, study, slices))
    save_cache()
    return timings


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
