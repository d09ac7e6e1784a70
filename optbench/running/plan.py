"""What Snakemake runs: which cells are left, in which batches (no torch, no pandas).

A cell is left when its trace is not there as a whole. Batches are cut from what is left when the workflow is
read; each is a file that lists its cells, named by their digest, so that a job on a cluster that reads the
workflow again finds its own batch whatever has finished meanwhile. A job's output is a mark beside that
file, never the traces: Snakemake deletes the outputs of a job that fails, and a trace that is
finished must survive the job it was made in.
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.cells.data import outdated_data, spoilt_data
from optbench.cells.identity import digest
from optbench.cells.matrix import trained_at_once
from optbench.cells.paths import check_complete, trace_path
from optbench.cells.race import planned_cells
from optbench.cells.slices import code_digest
from optbench.core.errors import CorruptFileError, UserError
from optbench.core.files import (
    PACKAGE_FOLDER,
    holds,
    put_aside,
    read_regular,
    read_utf8,
    slug,
    write_if_changed,
    write_text,
)
from optbench.core.text import shown
from optbench.study.locate import note_study_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from optbench.cells.cell import CellSpec
    from optbench.study.study import Study

DEFAULT_STUDY = Path("config/default.yaml")

CELLS_PER_CLUSTER_JOB = 50
"""Cells of a job where the number of cores is not known and the study does not say."""

MOST_CELLS_PER_JOB = 500

LONGEST_JOB_S = 8 * 3600
"""Seconds that the cells of such a job may take together, each to its limit, unless the study says more."""

START_MINUTES = 5
"""Minutes of a job for starting Python on a slow file system."""

LOOKING = frozenset({"-n", "--dry-run", "--dryrun", "--lint", "--dag", "--rulegraph", "--summary"})
"""Options of Snakemake under which nothing runs, so that a run beside it is no matter."""

FORCING = frozenset({"-F", "--forceall", "-f", "--force", "-R", "--forcerun"})
"""Options of Snakemake under which finished cells are trained again."""


@dataclass(frozen=True)
class Plan:
    """What there is to do for a study.

    Attributes:
        study: the study.
        traces: paths of the traces that are finished.
        batches: names of the batches that cover what is left.
    """

    study: Study
    traces: tuple[str, ...]
    batches: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Where batch files and their marks lie."""
        return plan_folder(self.study)


def plan_folder(study: Study) -> Path:
    """Where the batch files of a study lie."""
    return study.results / "plan"


def study_file(configfiles: Sequence[Path | str], overrides: Mapping[str, object]) -> Path:
    """The study file that Snakemake was given, or the default one.

    Args:
        configfiles: what stood behind --configfile.
        overrides: what stood behind --config; `cells_per_job` may, and `only`, the file of a batch.

    Raises:
        UserError: more than one file, an override of a study's key, or one that is out of range.
    """
    extra = sorted(set(overrides) - {"cells_per_job", "only"})
    if extra:
        raise UserError(f"--config {extra[0]}: only cells_per_job can be given there; write a study file")
    size = overrides.get("cells_per_job", 1)
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= MOST_CELLS_PER_JOB:
        raise UserError(
            f"--config cells_per_job must be a whole number from 1 to {MOST_CELLS_PER_JOB}; got {shown(size)}"
        )
    if len(configfiles) > 1:
        raise UserError(
            f"--configfile takes one study file, not {len(configfiles)}: studies are never merged"
        )
    if not configfiles:
        return DEFAULT_STUDY
    # Snakemake makes it absolute; tables and page name it as the user would, and hold no machine's folders.
    file = Path(configfiles[0])
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file


def make_plan(
    study: Study,
    cores: int | None,
    cells_per_job: int | None,
    *,
    again: bool = False,
    only: Sequence[str] | None = None,
    look_only: bool = False,
    cells: Sequence[CellSpec] | None = None,
) -> Plan:
    """Cuts what is left of a study into batches and writes the batch files.

    The batch size decides nothing but how many cells share a process. Left open, there are as many batches as
    cores; the cells are dealt out in turn, so that every batch holds the same mix of workloads. Cells that
    need another device, memory or time limit have batches of their own. Seeds that are trained together stay
    together.

    Args:
        study: the study.
        cores: cores that Snakemake may use, None on a cluster.
        cells_per_job: cells of a batch (1 to 500), None for the study's own.
        again: whether finished cells count as left.
        only: paths of the traces that count as left, finished or not, and no others.
        look_only: whether nothing will run, so that corrupt files stay where they are.
        cells: those that the plan is for; left out: what the study means as far as its looks say.

    Raises:
        UserError: braces stand in a path that Snakemake's rules name.
    """
    for what, path in (("the study file", study.file), ("data_folder", study.data_folder)):
        if set("{}") & set(str(path)):
            raise UserError(
                f"{what}: Snakemake reads braces in a path as a wildcard: rename {shown(str(path))}, "
                "or use 'optbench run'"
            )
    planned = {trace_path(cell): cell for cell in (planned_cells(study) if cells is None else cells)}
    unfinished = set(left_of(planned, look_only=look_only))
    chosen = set(planned) if again else set(map(Path, only)) if only is not None else unfinished
    finished = [path.as_posix() for path in planned if path not in chosen | unfinished]
    kinds: dict[tuple[str, int, float], list[list[str]]] = {}
    for group in trained_at_once(cell for path, cell in planned.items() if path in chosen):
        kind = group[0].device, group[0].workload.memory_mb, group[0].timeout_s
        kinds.setdefault(kind, []).append([trace_path(cell).as_posix() for cell in group])
    batches = []
    for (_, _, timeout_s), left in kinds.items():
        count = _batches(sum(map(len, left)), cores, cells_per_job or study.cells_per_job, timeout_s)
        for start in range(min(count, len(left))):
            lines = [path for group in left[start::count] for path in group]
            name = digest(lines)
            # Its time says what counts as finished since; what is left by force was finished before it.
            write = write_text if again or only is not None else write_if_changed
            write_batch(plan_folder(study) / f"{name}.txt", "\n".join(lines) + "\n", write)
            remove_mark(plan_folder(study) / f"{name}.done")
            batches.append(name)
    note_study_file(study)
    return Plan(study, tuple(finished), tuple(batches))


def write_batch(file: Path, text: str, write: Callable[[Path, str], None] = write_if_changed) -> None:
    """Writes a file of a plan that is called after its content: what holds another one is set aside first."""
    problem = CorruptFileError(file, "is corrupt: its content is not what its name says")
    try:
        whole = read_regular(file) == text.encode()
    except FileNotFoundError:
        whole = True
    except CorruptFileError as other:
        whole, problem = False, other
    if not whole:
        _say(put_aside(problem, "made anew"))
    write(file, text)


def remove_mark(file: Path) -> None:
    """Removes the mark of a job that is done; a folder of that name is set aside."""
    if file.is_dir() and not file.is_symlink():
        _say(put_aside(CorruptFileError(file, "is a folder, not a file"), "made anew"))
    file.unlink(missing_ok=True)


def _batches(cells: int, cores: int | None, size: int | None, timeout_s: float) -> int:
    """How many batches so many cells are cut into."""
    if size is None and cores is not None:
        return cores * -(-cells // (MOST_CELLS_PER_JOB * cores))
    if size is None:
        size = max(1, min(CELLS_PER_CLUSTER_JOB, int(LONGEST_JOB_S / timeout_s)))
    return -(-cells // min(size, MOST_CELLS_PER_JOB))


@dataclass(frozen=True)
class Needs:
    """What a job asks a cluster for: memory in MB, run time in minutes, GPUs."""

    memory_mb: int
    minutes: int
    gpus: int


def needs_of(study: Study, paths: Sequence[str]) -> Needs:
    """What training the cells behind `paths` takes at most, each to its own time limit.

    A seed that is trained with others takes them along, even where its trace alone is asked for.

    Raises:
        UserError: the first is no trace of the study.
    """
    names = {slug(name): spec for name, spec in study.workloads.items()}
    parts = Path(paths[0]).parts if paths else ()
    spec = names.get(parts[3]) if len(parts) > 3 else None  # noqa: PLR2004  (results/STUDY/cells/WORKLOAD)
    if spec is None:
        raise UserError(f"{paths[0] if paths else 'an empty batch'} is no trace of {study.file}")
    seeds = {seed for block in study.blocks for seed in block.seeds}
    cells = max(len(paths), min(study.execution.together, len(seeds)))
    seconds = cells * (spec.timeout_s or study.timeout_s)
    gpus = int((spec.device or study.device) == "cuda")
    return Needs(spec.memory_mb, math.ceil(seconds / 60) + START_MINUTES, gpus)


def left_of(paths: Iterable[Path], *, look_only: bool = False) -> list[Path]:
    """The traces, or timings, that are not there as a whole.

    Files that are something else, or whose content has changed, are named and set aside. One that may not be
    read is named and counts as there, for nobody knows what it holds.

    Args:
        paths: where they lie.
        look_only: whether nothing is to be renamed.
    """
    left = []
    for path in paths:
        try:
            check_complete(path)
        except (FileNotFoundError, NotADirectoryError):
            left.append(path)
        except CorruptFileError as problem:
            left.append(path)
            _say(f"{problem}; it will be made anew" if look_only else put_aside(problem, "made anew"))
        except PermissionError as problem:
            _say(f"{path} cannot be read ({problem.strerror}): it stays as it is")
    return left


def _say(line: str) -> None:
    print(f"optbench: {line}", file=sys.stderr)  # noqa: T201


def newer_than_data(study: Study, *, look_only: bool = False) -> dict[str, str]:
    """A file written just now for each data set that lies there but was read otherwise, or is corrupt.

    Snakemake sees a file's age and not what a manifest says, so an input that was written just now has it
    prepare such a data set again. Data that is not there at all needs none. Corrupt files are named and set
    aside, or only named where nothing will run (`look_only`).
    """
    spoilt = set_data_aside(study, study.datasets, look_only=look_only)
    names = dict.fromkeys((*outdated_data(study), *spoilt))
    return {name: written_now(study, f"data-{name}") for name in names}


def set_data_aside(study: Study, names: Iterable[str], *, look_only: bool = False) -> list[str]:
    """Names the files of prepared data that are corrupt and sets them aside; returns the data sets' names.

    Args:
        study: the study.
        names: of its data sets.
        look_only: whether nothing is to be renamed.

    Raises:
        OSError: a file may not be read.
    """
    found = []
    for name in names:
        there = holds((study.data_folder / name).is_dir)
        problems = list(spoilt_data(study, name)) if there else []
        for problem in problems:
            told = f"{problem}; it will be prepared again"
            _say(told if look_only else put_aside(problem, "prepared again"))
        found += [name] if problems else []
    return found


def written_now(study: Study, name: str) -> str:
    """A file of a plan that was written just now, for a rule that must run although its outputs are newer.

    Snakemake makes no file anew that is missing where what was made from it is there. It says when it was
    written: a small input that is newer but holds what it held the last time counts as unchanged.
    """
    file = plan_folder(study) / f"{name}.txt"
    write_text(file, f"{time.time_ns()}\n")
    return file.as_posix()


def metrics_code(study: Study) -> str:
    """Eight hexadecimal digits over the code of the study's own measures, so that an edit collects again."""
    modules = {spec.factory.partition(":")[0] for spec in study.metrics}
    return digest(code_digest(sorted(modules), study.folder))


def read_batch(file: Path) -> list[str]:
    """The paths of the traces that a batch file lists.

    Raises:
        CorruptFileError: it is no text, or no file; a plan is written anew whenever the workflow is read.
        OSError: it may not be read.
    """
    return read_utf8(file).split()


def stage_code(*modules: str) -> str:
    """Eight hexadecimal digits over a stage's code and templates, so that a newer optbench runs it again.

    Args:
        modules: the dotted modules of the stage, `optbench.tables.collect` for one.
    """
    parts = [code_digest(modules, PACKAGE_FOLDER)]
    for folder in dict.fromkeys(PACKAGE_FOLDER.joinpath(*module.split(".")[1:-1]) for module in modules):
        parts += [file.read_text(encoding="utf-8") for file in sorted(folder.glob("templates/*"))]
    return digest(parts)
