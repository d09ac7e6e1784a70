"""The command line: one verb a stage, and doors to single cells (layer 4).

Every verb imports what it needs itself: `optbench train` is a parent without torch, `optbench report` never
loads torch, and a mistake in a study file is told before anything heavy is imported.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optbench import __version__
from optbench.errors import UserError
from optbench.timing_spec import SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optbench.config import Study
    from optbench.spec import CellSpec
    from optbench.timing_spec import TimingSpec

USER_MISTAKE = 2
"""Exit status for what the user can mend."""

study_argument = click.argument("study", metavar="STUDY-OR-CONFIG")
device_option = click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), help="Overrides the study's device."
)
cores_option = click.option(
    "--cores",
    default=len(os.sched_getaffinity(0)),
    type=click.IntRange(1),
    help="Cores to use at a time.",
)


def main() -> None:
    """Runs the command line; a user's mistake is one line and exit status 2."""
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        _end(error.format_message())
    except click.exceptions.Abort:
        _end("interrupted; what is finished is safe, and the same command goes on from there", 130)
    except UserError as error:
        _end(str(error))
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        _end(f"{error.strerror or error}{where}; what is finished is safe")


def _end(line: str, status: int = USER_MISTAKE) -> None:
    click.echo(f"optbench: {' '.join(line.split())}", err=True)
    sys.exit(status)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Compare optimizers and learning-rate schedules over seeds and workloads."""


def _read(study: str, device: str | None = None) -> Study:
    from optbench.config import find_study_file, read_study  # noqa: PLC0415

    return read_study(find_study_file(study), device)


@cli.command()
@study_argument
@click.argument("datasets", nargs=-1)
def prepare(study: str, datasets: tuple[str, ...]) -> None:
    """Prepare the data sets of a study: data/<dataset>/."""
    _prepare(_read(study), datasets)


def _prepare(study: Study, only: Sequence[str] = ()) -> None:
    from optbench.errors import unknown  # noqa: PLC0415

    for name in only:
        if name not in study.datasets:
            raise unknown("data set", name, study.datasets)
    wanted = {name: spec for name, spec in study.datasets.items() if not only or name in only}
    from optbench.manifest import is_prepared  # noqa: PLC0415

    for name, spec in wanted.items():
        if not only and is_prepared(spec, study.data_folder):
            continue
        from optbench.datasets import prepare as prepare_dataset  # noqa: PLC0415  (torch)

        manifest = prepare_dataset(spec, study.data_folder)
        if manifest["status"] != "ready":
            click.echo(f"optbench: data set {name} is not available: {manifest['reason']}", err=True)


@cli.command()
@study_argument
@click.argument("paths", nargs=-1)
@click.option("--batch", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File of paths.")
@click.option("--workers", default=1, type=click.IntRange(1), help="Training processes side by side.")
@device_option
def train(study: str, paths: tuple[str, ...], batch: Path | None, workers: int, device: str | None) -> None:
    """Train the cells whose traces or readable names are given."""
    from optbench.matrix import cells_of, select  # noqa: PLC0415
    from optbench.pipeline import read_batch  # noqa: PLC0415

    found = _read(study, device)
    cells = cells_of(found)
    _train(found, select(cells, [*paths, *(read_batch(batch) if batch else ())]), cells, workers)


def _train(study: Study, cells: Sequence[CellSpec], every: Sequence[CellSpec], workers: int) -> Counter[str]:
    from optbench.progress import Progress  # noqa: PLC0415
    from optbench.supervise import train_all  # noqa: PLC0415

    counts: Counter[str] = Counter()
    progress = Progress(every, cells, study.results / "plan" / ".progress", "cells")

    def finished(cell: CellSpec, status: str) -> None:
        counts[status] += 1
        progress.tell(cell, status)

    train_all(cells, study.data_folder, study.folder, workers, finished)
    return counts


@cli.command(name="time")
@study_argument
@click.argument("workloads", metavar="[WORKLOAD]...", nargs=-1)
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    help="Budget of one workload, if not the study's.",
)
@device_option
def time_(study: str, workloads: tuple[str, ...], seconds: float | None, device: str | None) -> None:
    """Time every optimizer on the workloads given, or on all: results/<study>/timing/.

    Nothing else should run on the machine meanwhile. `optbench collect` makes the table.
    """
    from optbench.timing_plan import select_timings, timings_of  # noqa: PLC0415

    found = _read(study, device)
    _time(found, select_timings(timings_of(found), workloads), seconds or found.timing_s or SECONDS)


def _time_what_is_left(study: Study) -> None:
    from optbench.matrix import is_complete  # noqa: PLC0415
    from optbench.timing_plan import timing_path, timings_of  # noqa: PLC0415

    if study.timing_s is not None:
        left = [timing for timing in timings_of(study) if not is_complete(timing_path(timing))]
        _time(study, left, study.timing_s)


def _time(study: Study, timings: Sequence[TimingSpec], seconds: float) -> None:
    from optbench.timing_child import time_in_child  # noqa: PLC0415

    for timing in timings:
        problem = time_in_child(timing, study.data_folder, study.folder, seconds)
        name, n = timing.workload.name, len(timing.optimizers)
        told = f"could not be timed: {problem}" if problem else f"timed with {n} optimizers"
        click.echo(f"optbench: {name}: {told}", err=True)


@cli.command()
@study_argument
@device_option
def collect(study: str, device: str | None) -> None:
    """Gather the traces that exist into tables/runs, tables/curves and tables/study.json."""
    _collect(_read(study, device))


def _collect(study: Study) -> None:
    from optbench.collect import collect as collect_study  # noqa: PLC0415
    from optbench.files import write_text  # noqa: PLC0415
    from optbench.timing_table import collect_timing  # noqa: PLC0415

    write_text(study.results / "study_file", f"{study.file.as_posix()}\n")
    counts = collect_study(study)
    collect_timing(study)
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    click.echo(f"optbench: {sum(counts.values())} cells: {told}", err=True)


@cli.command()
@study_argument
def summarize(study: str) -> None:
    """Boil the runs down over seeds: tables/summary and tables/convergence."""
    from optbench.summarize import summarize as summarize_results  # noqa: PLC0415

    summarize_results(_results(study))


@cli.command()
@study_argument
def plot(study: str) -> None:
    """Draw the figures: results/<study>/figures/*.svg and *.pdf."""
    from optbench.figures.plan import draw_all  # noqa: PLC0415

    results = _results(study)
    draw_all(results / "tables", results / "figures")


@cli.command()
@study_argument
def report(study: str) -> None:
    """Render the page: reports/<study>/index.html."""
    from optbench.report.build import render  # noqa: PLC0415

    click.echo(render(_results(study), Path("reports")).absolute().as_uri())


def _results(study: str) -> Path:
    """The result folder that a study file, a study's name or the folder itself names."""
    folder = Path(study)
    return folder if (folder / "tables").is_dir() else _read(study).results


@cli.command()
@study_argument
@cores_option
@device_option
def run(study: str, cores: int, device: str | None) -> None:
    """Run a study from its file to its page, without Snakemake; what is there already stays."""
    from optbench.matrix import cells_of, is_complete, trace_path  # noqa: PLC0415

    found = _read(study, device)
    cells = cells_of(found)
    _prepare(found)
    left = [cell for cell in cells if not is_complete(trace_path(cell))]
    there = len(cells) - len(left)
    click.echo(f"optbench: {there} of {len(cells)} cells are there, {len(left)} to train", err=True)
    _train(found, left, cells, max(1, cores // found.threads))
    _time_what_is_left(found)
    _publish(found)


def _publish(study: Study) -> None:
    """The stages from the traces to the page, each in its turn."""
    from optbench.figures.plan import draw_all  # noqa: PLC0415
    from optbench.report.build import render  # noqa: PLC0415
    from optbench.summarize import summarize as summarize_results  # noqa: PLC0415

    _collect(study)
    summarize_results(study.results)
    draw_all(study.results / "tables", study.results / "figures")
    click.echo(render(study.results, Path("reports")).absolute().as_uri())


@cli.command()
@study_argument
@click.argument("patterns", metavar="[CELL]...", nargs=-1)
@click.option("--failed", is_flag=True, help="Every cell that ended in error, was killed or ran out of time.")
@click.option("--dry-run", "-n", is_flag=True, help="Only say which cells would be trained.")
@cores_option
@device_option
def rerun(
    study: str, patterns: tuple[str, ...], *, failed: bool, dry_run: bool, cores: int, device: str | None
) -> None:
    """Train single cells again, and what follows from them.

    A CELL is workload/optimizer/schedule/seed; * and ? stand for any text.
    """
    from optbench.matrix import cells_of, is_complete, select, trace_path  # noqa: PLC0415
    from optbench.trace import read_trace  # noqa: PLC0415

    found = _read(study, device)
    cells = cells_of(found)
    chosen = select(cells, patterns)
    if failed:
        there = [cell for cell in cells if is_complete(trace_path(cell)) and cell not in chosen]
        again = {"error", "killed", "timeout"}
        chosen += [cell for cell in there if read_trace(trace_path(cell)).facts["status"] in again]
    elif not patterns:
        raise UserError("name the cells to train again, or give --failed")
    for cell in chosen:
        click.echo(f"{cell.name}  {trace_path(cell)}")
    if dry_run or not chosen:
        click.echo(
            f"optbench: {len(chosen)} cells {'would be' if dry_run else 'to be'} trained again", err=True
        )
        return
    _prepare(found)
    _train(found, chosen, cells, max(1, cores // found.threads))
    _publish(found)


@cli.command()
@click.argument("cell", metavar="CELL")
@click.option("--study", default="default", show_default=True, help="The study, or its file.")
@device_option
def show(cell: str, study: str, device: str | None) -> None:
    """Print everything about one cell: how it ended, its numbers, its settings, how to train it again."""
    from optbench.matrix import cells_of, select  # noqa: PLC0415

    found = _read(study, device)
    for one in select(cells_of(found), [cell]):
        _show(found, one)


def _show(study: Study, cell: CellSpec) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    from optbench.matrix import is_complete, trace_path  # noqa: PLC0415
    from optbench.metrics import run_measures  # noqa: PLC0415
    from optbench.trace import read_trace  # noqa: PLC0415

    path = trace_path(cell)
    facts: dict[str, Any] = {"trace": path.as_posix(), "status": "missing"}
    error = ""
    if is_complete(path):
        trace = read_trace(path)
        error = trace.facts["error"]
        keys = ("status", "steps", "device", "threads", "versions", "machine")
        facts |= {key: trace.facts[key] for key in keys}
        facts |= {key: value for key, value in run_measures(trace).items() if value == value}  # noqa: PLR0124
        facts |= trace.times
    facts |= {
        "lr": cell.lr,
        "workload": f"{cell.workload.factory} {dict(cell.workload.settings)} {dict(cell.workload.overrides)}",
        "optimizer": f"{cell.optimizer.factory} {dict(cell.optimizer.settings)}",
        "schedule": f"{cell.schedule.factory or 'constant'} {dict(cell.schedule.settings)}",
        "train it again": f"optbench rerun {study.file} '{cell.name}'",
    }
    table = Table(title=escape(cell.name), show_header=False, title_justify="left")
    for key, value in facts.items():
        table.add_row(key, escape(f"{value:.6g}" if isinstance(value, float) else str(value)))
    console = Console()
    console.print(table)
    if error:
        console.print(error, markup=False, highlight=False)


@cli.command(name="list")
@click.argument("study", metavar="[STUDY-OR-CONFIG]", required=False)
@device_option
def list_(study: str | None, device: str | None) -> None:
    """List the built-in workloads, optimizers and schedules; or the cells of a study with their status."""
    if study is None:
        _list_built_ins()
        return
    from optbench.matrix import cells_of, is_complete, trace_path  # noqa: PLC0415
    from optbench.trace import read_trace  # noqa: PLC0415

    for cell in cells_of(_read(study, device)):
        path = trace_path(cell)
        click.echo(f"{read_trace(path).facts['status'] if is_complete(path) else 'missing':9} {cell.name}")


def _list_built_ins() -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    from optbench.catalogue.optimizers import OPTIMIZERS  # noqa: PLC0415
    from optbench.catalogue.schedules import SCHEDULES  # noqa: PLC0415
    from optbench.catalogue.workloads import WORKLOADS  # noqa: PLC0415

    kinds: dict[str, dict[str, Any]] = {
        "workloads": dict(WORKLOADS),
        "optimizers": dict(OPTIMIZERS),
        "schedules": dict(SCHEDULES),
    }
    console = Console()
    for kind, specs in kinds.items():
        table = Table("name", "what it is", "factory", title=kind, title_justify="left")
        for name, spec in specs.items():
            table.add_row(name, spec.label, spec.factory or "-")
        console.print(table)


@cli.command()
@study_argument
@device_option
def check(study: str, device: str | None) -> None:
    """Read a study and build everything it names, before anything is trained."""
    from optbench.matrix import cells_of  # noqa: PLC0415

    found = _read(study, device)
    cells = cells_of(found)
    _prepare(found)
    from optbench.testing import check_cells  # noqa: PLC0415

    sys.path.insert(0, str(found.folder))
    problems = check_cells(cells, found.data_folder)
    for problem in problems:
        click.echo(f"optbench: {problem}", err=True)
    if problems:
        sys.exit(USER_MISTAKE)
    click.echo(f"optbench: {found.file} is sound: {len(cells)} cells")
