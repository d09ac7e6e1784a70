"""The verbs of the stages, and `run` that walks them all."""

from __future__ import annotations

import math
import os
import sys
from collections import Counter
from contextlib import chdir, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from optbench.cli.choices import (
    MOST_CORES,
    FiniteNumber,
    cores_option,
    device_option,
    read,
    reading,
    study_argument,
)
from optbench.cli.oracle import EXIT_FACTS_DIFFER, print_oracle
from optbench.cli.output import echo
from optbench.core.errors import UserError
from optbench.core.files import PACKAGE_FOLDER
from optbench.core.text import shown
from optbench.core.words import count
from optbench.findings.recommended import recommended
from optbench.running.launcher import Launcher
from optbench.study.timing import MOST_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from optbench.cells.cell import CellSpec
    from optbench.cells.search import Search
    from optbench.findings.analysis import Analysis
    from optbench.study.study import Study
    from optbench.study.timing import TimingSpec


@click.command()
@study_argument
@click.argument("datasets", nargs=-1)
def prepare(study: str, datasets: tuple[str, ...]) -> None:
    """Prepare the data sets of a study: data/<dataset>/."""
    prepare_data(read(study), datasets)


def prepare_data(study: Study, only: Sequence[str] = ()) -> None:
    """Prepares the data sets of a study that are missing, outdated or corrupt, or those named."""
    from optbench.core.errors import unknown  # noqa: PLC0415

    if only and not study.datasets:
        raise UserError(f"{study.file}: no workload of the study uses a data set; got {shown(only[0])}")
    for name in only:
        if name not in study.datasets:
            raise unknown("data set", name, study.datasets)
    wanted = {name: spec for name, spec in study.datasets.items() if not only or name in only}
    from optbench.catalogue.datasets.manifest import is_prepared  # noqa: PLC0415
    from optbench.cells.data import data_digests  # noqa: PLC0415
    from optbench.running.folders import without_place  # noqa: PLC0415
    from optbench.running.plan import set_data_aside  # noqa: PLC0415

    digests = data_digests(study)
    spoilt = set_data_aside(study, wanted)
    nowhere = without_place(study, wanted)
    for name, spec in wanted.items():
        if not only and name not in spoilt and is_prepared(spec, study.data_folder, digests[name]):
            continue
        reason = nowhere.get(name) or _prepare(study, name, digests[name])
        if reason:
            echo(f"optbench: data set {name} is not available: {reason}", err=True)


def _prepare(study: Study, name: str, digest: str) -> str:
    """Prepares a data set; why it is not available, "" where it is.

    Raises:
        UserError: it lies there as it was prepared otherwise, and cannot be prepared again.
        OSError: the disk is full, or broken.
    """
    from optbench.catalogue.datasets.prepare import prepare as prepare_dataset  # noqa: PLC0415
    from optbench.running.folders import NO_ROOM  # noqa: PLC0415

    try:
        manifest = prepare_dataset(study.datasets[name], study.data_folder, digest)
    except OSError as problem:
        if problem.errno in NO_ROOM:
            raise
        reason = f"data_folder: {study.data_folder / name} cannot be written to: {problem.strerror}"
        if os.path.lexists(study.data_folder / name / "manifest.json"):
            raise UserError(f"{reason}, and the data that lies there was prepared otherwise") from problem
        return reason
    return "" if manifest["status"] == "ready" else str(manifest["reason"])


@click.command()
@study_argument
@click.argument("paths", nargs=-1)
@click.option("--batch", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File of paths.")
@click.option(
    "--workers", default=1, type=click.IntRange(1, MOST_CORES), help="Training processes side by side."
)
@device_option
def train(study: str, paths: tuple[str, ...], batch: Path | None, workers: int, device: str | None) -> None:
    """Train the cells whose traces or readable names are given, or all that are left.

    A name is workload/optimizer/schedule/seed; * and ? stand for any text.
    """
    from optbench.cells.matrix import cells_of, select  # noqa: PLC0415
    from optbench.cells.paths import trace_path  # noqa: PLC0415
    from optbench.cells.race import planned_cells  # noqa: PLC0415
    from optbench.core.processes import die_with_run  # noqa: PLC0415
    from optbench.running.folders import set_folders_aside  # noqa: PLC0415
    from optbench.running.plan import left_of, read_batch  # noqa: PLC0415
    from optbench.study.locate import note_study_file  # noqa: PLC0415

    die_with_run()
    since = batch.stat().st_mtime if batch else math.inf
    found = read(study, device)
    cells = cells_of(found)
    listed = read_batch(batch) if batch else []
    if batch and not listed:
        raise UserError(f"{batch} is no batch: it lists no cell")
    chosen = select(cells, [*paths, *listed])
    if batch is None:  # by hand, before anything else ran, perhaps
        set_folders_aside(found)
        note_study_file(found)
        prepare_data(found)
        left_of(map(trace_path, chosen))  # names what is corrupt and keeps it beside
    with Launcher() as launcher:
        if batch is None and not paths:
            tune_unfinished(found, cells, workers, launcher)
            train_unfinished(found, cells, workers, launcher)
            return
        train_cells(found, chosen, planned_cells(found, cells), workers, launcher, since)


def train_unfinished(study: Study, cells: Sequence[CellSpec], workers: int, launcher: Launcher) -> None:
    """Trains the cells of a study that have no whole trace; of a race look by look, as long as it goes on."""
    from optbench.cells.race import RaceOf  # noqa: PLC0415

    def train(these: Sequence[CellSpec]) -> None:
        train_cells(study, _left(these), these, workers, launcher)

    if study.race is None:
        train(cells)
        return
    from optbench.cli.race import race_to_the_end  # noqa: PLC0415

    race_to_the_end(study, RaceOf(study, cells), train)


def _left(cells: Sequence[CellSpec]) -> list[CellSpec]:
    """The cells that have no whole trace; says how many."""
    from optbench.cells.paths import trace_path  # noqa: PLC0415
    from optbench.running.plan import left_of  # noqa: PLC0415

    cell_of = {trace_path(cell): cell for cell in cells}
    left = [cell_of[path] for path in left_of(cell_of)]
    there = len(cells) - len(left)
    echo(f"optbench: {there} of {len(cells)} cells are there, {len(left)} to train", err=True)
    return left


def train_cells(
    study: Study,
    cells: Sequence[CellSpec],
    every: Sequence[CellSpec],
    workers: int,
    launcher: Launcher,
    since: float = math.inf,
    what: str = "cells",
) -> Counter[str]:
    """Trains cells in supervised workers, tells the progress, counts what became of them.

    A trace that another process finished after `since` (seconds since 1970, now at the latest) counts.
    """
    from optbench.running.gpus import gpus  # noqa: PLC0415
    from optbench.running.progress import Progress, one_of_each_first  # noqa: PLC0415
    from optbench.running.supervisor import train_all  # noqa: PLC0415

    counts: Counter[str] = Counter()
    progress = Progress(every, cells, study.results / "plan" / ".progress", what)

    def finished(cell: CellSpec, status: str) -> None:
        counts[status] += 1
        progress.tell(cell, status)

    # A GPU trains one cell at a time, so more processes than GPUs would only wait.
    for device, most in (("cpu", workers), ("cuda", min(workers, len(gpus()) or 1))):
        chosen = one_of_each_first([cell for cell in cells if cell.device == device])
        train_all(chosen, study.data_folder, study.folder, most, finished, since, launcher)
    return counts


@click.command()
@study_argument
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--batch", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File of a plan.")
@click.option("--again", is_flag=True, help="Train trials again that are finished.")
@cores_option
@device_option
def tune(
    study: str, names: tuple[str, ...], *, batch: Path | None, again: bool, cores: int, device: str | None
) -> None:
    """Search the learning rates of the NAMEs given, or of all that are left.

    A NAME is workload/optimizer/schedule; * and ? stand for any text. Trials lie in results/<study>/tuning/,
    and a trial that is finished is not repeated.
    """
    from optbench.cells.search import searches_of, select_searches  # noqa: PLC0415
    from optbench.core.processes import die_with_run  # noqa: PLC0415
    from optbench.running.folders import set_folders_aside  # noqa: PLC0415
    from optbench.running.tuning_plan import read_tune_batch, searches_left  # noqa: PLC0415

    die_with_run()
    found = read(study, device)
    if found.tuning is None:
        raise UserError(f"{found.file}: 'tuning' is off: each optimizer keeps its own learning rate")
    searches = searches_of(found)
    if batch is not None:
        job = read_tune_batch(batch)
        with Launcher() as launcher:
            tune_searches(
                found, select_searches(searches, job.choices), job.workers, launcher, again=job.again
            )
        return
    set_folders_aside(found)
    prepare_data(found)
    chosen = select_searches(searches, names) if names else searches
    left = searches_left(chosen)
    if not names and not again:
        chosen = left
    with Launcher() as launcher:
        tune_searches(found, chosen, max(1, cores // found.threads), launcher, again=again)


def tune_searches(
    study: Study, searches: Sequence[Search], workers: int, launcher: Launcher, *, again: bool = False
) -> None:
    """Runs searches, tells what they chose, and drops what was trained with an earlier choice."""
    from optbench.cells.matrix import cells_of  # noqa: PLC0415
    from optbench.cells.search import read_choice  # noqa: PLC0415
    from optbench.running.tuning import drop_stale, tune  # noqa: PLC0415

    if not searches:
        return

    def train(left: Sequence[CellSpec], trials: Sequence[CellSpec]) -> None:
        train_cells(study, left, trials, workers, launcher, what="trials")

    tune(searches, train, again=again)
    choices = [choice for search in searches if (choice := read_choice(search.path))]
    trials = sum(len(choice["trials"]) for choice in choices)
    echo(f"optbench: {len(choices)} learning rates chosen, from {trials} trials", err=True)
    for problem, what in (("failed", "no candidate ended well with every seed"), ("at_edge", AT_EDGE)):
        names = [choice["search"] for choice in choices if choice[problem]]
        if names:
            more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
            echo(f"optbench: {what}: {', '.join(names[:MOST_NAMED])}{more}", err=True)
    tuned = {search.name for search in searches}
    stale = drop_stale([cell for cell in cells_of(study) if cell.combination in tuned])
    if stale:
        echo(f"optbench: {len(stale)} cells were trained with an earlier choice: dropped", err=True)


AT_EDGE = "the best candidate lies on the edge of a grid that was widened as far as it may be"
MOST_NAMED = 5
"""Searches that a line names; the rest are counted."""


def tune_unfinished(study: Study, cells: Sequence[CellSpec], workers: int, launcher: Launcher) -> None:
    """Makes the choices that cells wait for and that are not there yet."""
    from optbench.cells.search import searches_of  # noqa: PLC0415
    from optbench.running.tuning_plan import searches_left  # noqa: PLC0415

    tune_searches(study, searches_left(searches_of(study, cells)), workers, launcher)


@click.command(name="time")
@study_argument
@click.argument("workloads", metavar="[WORKLOAD]...", nargs=-1)
@click.option(
    "--seconds",
    type=FiniteNumber(0, MOST_SECONDS, min_open=True),
    help="Budget of one workload, if not the study's.",
)
@device_option
def time_(study: str, workloads: tuple[str, ...], seconds: float | None, device: str | None) -> None:
    """Time every optimizer on the workloads given, or on all: results/<study>/timing/.

    Nothing else should run on the machine meanwhile. `optbench collect` makes the table.
    """
    from optbench.cells.timings import select_timings, timing_path, timings_of  # noqa: PLC0415
    from optbench.running.folders import set_folders_aside  # noqa: PLC0415
    from optbench.running.plan import left_of  # noqa: PLC0415

    found = read(study, device)
    if found.timing_s is None:
        raise UserError(f"{found.file}: 'timing' is off: no step is timed")
    set_folders_aside(found)
    chosen = select_timings(timings_of(found), workloads)
    # A job of Snakemake names a timing's path: the data of all jobs is prepared before them, by one.
    if not {timing_path(timing).as_posix() for timing in chosen} & set(workloads):
        left_of(map(timing_path, chosen))  # names what is corrupt and keeps it beside
        if any(timing.workload.dataset for timing in chosen):
            prepare_data(found)
    with Launcher() as launcher:
        _time(found, chosen, seconds or found.timing_s, launcher)


def _time_unfinished(study: Study, launcher: Launcher) -> None:
    from optbench.cells.timings import timing_path, timings_of  # noqa: PLC0415
    from optbench.running.plan import left_of  # noqa: PLC0415

    if study.timing_s is not None:
        timings = {timing_path(timing): timing for timing in timings_of(study)}
        _time(study, [timings[path] for path in left_of(timings)], study.timing_s, launcher)


def _time(study: Study, timings: Sequence[TimingSpec], seconds: float, launcher: Launcher) -> None:
    from optbench.running.timing import time_in_child  # noqa: PLC0415

    for timing in timings:
        part_s = timing.seconds(seconds)
        timeout_s = timing.workload.timeout_s or study.timeout_s
        problem, errors = time_in_child(timing, study.data_folder, study.folder, part_s, timeout_s, launcher)
        name, n = timing.workload.name, len(timing.optimizers)
        told = f"timed with {count(n - len(errors), 'optimizer')}"
        if problem:
            told = f"could not be timed: {problem}"
        elif errors:
            failed = "; ".join(f"{one}: {why}" for one, why in list(errors.items())[:MOST_NAMED])
            more = f"; and {len(errors) - MOST_NAMED} more" if len(errors) > MOST_NAMED else ""
            told = f"timed with {n - len(errors)} of {n} optimizers ({failed}{more})"
        echo(f"optbench: {name}: {told}", err=True)


@click.command()
@study_argument
@cores_option
@device_option
def collect(study: str, cores: int, device: str | None) -> None:
    """Gather the traces that exist into tables/runs, tables/curves and tables/study.json."""
    _collect(read(study, device), cores)


def _collect(study: Study, cores: int) -> None:
    from optbench.running.folders import set_folders_aside  # noqa: PLC0415
    from optbench.running.outputs import summed_stage  # noqa: PLC0415
    from optbench.study.locate import note_study_file  # noqa: PLC0415
    from optbench.tables.collect import collect as collect_study  # noqa: PLC0415
    from optbench.tables.timing import collect_timing  # noqa: PLC0415
    from optbench.tables.tuning import collect_tuning  # noqa: PLC0415

    set_folders_aside(study)
    note_study_file(study)
    with summed_stage(study.results, "collect"):
        counts = collect_study(study, cores)
        collect_timing(study)
        collect_tuning(study)
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    echo(f"optbench: {sum(counts.values())} cells: {told}", err=True)


@click.command()
@study_argument
@cores_option
def summarize(study: str, cores: int) -> None:
    """Boil the runs down over seeds, compare them in pairs, check the textbook's claims.

    Writes tables/summary, convergence, comparisons, ranking, findings, claims.
    """
    with reading(study, "collect") as results:
        _summarize(results, cores)


RUNS_WORTH_A_PROCESS = 2000
"""Runs from which on it takes longer to compare them than to start a process for it."""


def _summarize(results: Path, cores: int) -> None:
    # Many small products: the threads of numpy's linear algebra would spin while they wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from optbench.core.processes import run_beside  # noqa: PLC0415
    from optbench.running.outputs import summed_stage  # noqa: PLC0415

    tables = results / "tables"
    apart = cores > 1 and _rows(tables / "runs.parquet") >= RUNS_WORTH_A_PROCESS
    # By a function of this module: the process that compares starts while this one still imports.
    with summed_stage(results, "summarize"), run_beside(_compare, tables, apart=apart) as compared:
        from optbench.findings.write import write_findings  # noqa: PLC0415
        from optbench.tables.sensitivity import summarize_tuning  # noqa: PLC0415
        from optbench.tables.summary import summarize as summarize_results  # noqa: PLC0415
        from optbench.theory.textbook.claims import write_claims  # noqa: PLC0415

        summarize_results(results)
        summarize_tuning(results)
        write_claims(results)
        write_findings(results, compared())


def _rows(file: Path) -> int:
    """How many rows a table has, by its metadata: without pandas, whose import would hold up the other."""
    from io import BytesIO  # noqa: PLC0415

    from pyarrow import ArrowException  # noqa: PLC0415
    from pyarrow.parquet import read_metadata  # noqa: PLC0415

    from optbench.core.errors import CorruptFileError, one_line  # noqa: PLC0415
    from optbench.core.files import read_regular  # noqa: PLC0415

    content = read_regular(file)
    try:
        return int(read_metadata(BytesIO(content)).num_rows)
    except (OSError, ArrowException) as problem:
        raise CorruptFileError(file, f"is no table: {one_line(problem)}") from None


def _compare(tables: Path) -> Analysis:
    from optbench.findings.analysis import compare_all  # noqa: PLC0415

    return compare_all(tables)


def _draw_all() -> Callable[..., object]:
    """The function that draws, with matplotlib imported where no `matplotlibrc` lies in the working folder.

    It would read one there, before that of the user, and not start where that is no text.
    """
    with chdir(PACKAGE_FOLDER):
        from optbench.report.figures.draw import draw_all  # noqa: PLC0415
    return draw_all


@click.command()
@study_argument
@cores_option
@click.option("--pdf", is_flag=True, help="Write PDFs too, whatever the study's report.pdf says.")
def plot(study: str, cores: int, *, pdf: bool) -> None:
    """Draw the figures: results/<study>/figures/*.svg, and *.pdf where asked for."""
    with reading(study, "collect", "summarize", "oracle") as results:
        _plot(results, cores, pdf=True if pdf else None)


def _plot(results: Path, cores: int, *, pdf: bool | None = None) -> None:
    from optbench.running.outputs import summed_stage  # noqa: PLC0415

    with summed_stage(results, "plot"):
        _draw_all()(results / "tables", results / "figures", cores=cores, pdf=pdf, on_failure=_not_drawn)


def _not_drawn(what: str, problem: Exception) -> None:
    """Says that a figure, or those of a section, could not be drawn: the others are, and the page is made."""
    from optbench.cli.choices import innermost  # noqa: PLC0415
    from optbench.core.errors import told  # noqa: PLC0415

    echo(f"optbench: {what} is not drawn: {told(problem)} ({innermost(problem)})", err=True)


@click.command()
@study_argument
@click.option("--now", is_flag=True, help="Collect, summarize and plot what there is first; a run may go on.")
def report(study: str, *, now: bool) -> None:
    """Render the page: reports/<study>/index.html."""
    if now:
        publish(read(study))
        return
    with reading(study, "collect", "summarize", "oracle", "plot") as results:
        _report(results)


def _report(results: Path) -> None:
    from optbench.report.page.build import render  # noqa: PLC0415
    from optbench.running.outputs import spoilt_drawings, summed_stage  # noqa: PLC0415

    # The folder of somebody else's results stays as it is.
    own = results.resolve() == Path("results", results.name).resolve()
    with summed_stage(results, "report") if own else nullcontext():
        page = render(results, Path("reports"), spoilt=spoilt_drawings(results))
    echo(page.absolute().as_uri())


@click.command()
@study_argument
@click.option("--write-only", is_flag=True, help="Write the table and end with 0 whatever it says.")
def oracle(study: str, *, write_only: bool) -> None:
    """Compare a study's tables with closed forms: predicted beside measured, tables/oracle.

    Ends with exit status 1 where a fact differs or was not measured.
    """
    from optbench.running.outputs import summed_stage  # noqa: PLC0415

    with reading(study, "collect") as results:
        if write_only:
            _write_oracle(results)
            return
        with summed_stage(results, "oracle"):
            differs = print_oracle(results)
    if differs:
        sys.exit(EXIT_FACTS_DIFFER)


def _write_oracle(results: Path) -> None:
    from optbench.running.outputs import summed_stage  # noqa: PLC0415
    from optbench.theory.oracle.table import write_oracle  # noqa: PLC0415

    with summed_stage(results, "oracle"):
        write_oracle(results / "tables")


@click.command()
@study_argument
@cores_option
@device_option
def run(study: str, cores: int, device: str | None) -> None:
    """Run a study from its file to its page, without Snakemake; what is there already stays."""
    run_study(read(study, device), cores)


def run_study(found: Study, cores: int) -> None:
    """All stages of a study, each as far as it is left."""
    from optbench.cells.matrix import cells_of  # noqa: PLC0415
    from optbench.running.folders import set_folders_aside  # noqa: PLC0415
    from optbench.running.locks import hold_run  # noqa: PLC0415

    cells = cells_of(found)
    set_folders_aside(found)
    with hold_run(found.results):
        _run(found, cells, cores)


def _run(found: Study, cells: Sequence[CellSpec], cores: int) -> None:
    from optbench.running.outputs import set_outputs_aside  # noqa: PLC0415

    workers = max(1, cores // found.threads)
    set_outputs_aside(found.results)
    prepare_data(found)
    with Launcher() as launcher:
        tune_unfinished(found, cells, workers, launcher)
        train_unfinished(found, cells, workers, launcher)
        _time_unfinished(found, launcher)
    publish(found, cores)


def publish(study: Study, cores: int = 1) -> None:
    """The stages from the traces to the page, each in its turn."""
    _collect(study, cores)
    _summarize(study.results, cores)
    if study.oracle:
        _write_oracle(study.results)
    _plot(study.results, cores)
    for line in recommended(study.results / "tables"):
        echo(line)
    _report(study.results)
    # After the page, which shows what failed.
    if study.oracle and print_oracle(study.results):
        sys.exit(EXIT_FACTS_DIFFER)


COMMANDS = (prepare, tune, train, time_, collect, summarize, oracle, plot, report, run)
"""In the order in which a study passes through them."""
