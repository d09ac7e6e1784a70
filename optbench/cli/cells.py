"""The verbs of single cells, and what looks without training: rerun, show, list, why, check."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optbench.cli.choices import (
    USER_MISTAKE,
    cores_option,
    device_option,
    read,
    reading,
    study_argument,
)
from optbench.cli.output import doing, echo, plain
from optbench.cli.stages import prepare_data, publish, train_cells, train_unfinished, tune_unfinished
from optbench.core.commands import optbench_command
from optbench.core.errors import CorruptFileError, UserError, unknown
from optbench.core.files import holds
from optbench.core.provenance import PROVENANCE
from optbench.core.status import FAILED
from optbench.core.words import number
from optbench.running.launcher import Launcher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optbench.cells.cell import CellSpec
    from optbench.study.study import Study


CELL_SLASHES = 3
"""Of a cell's name: workload/optimizer/schedule/seed."""

MOST_NAMED = 20
"""Corrupt files that `why --all` names, of each kind."""


@click.command()
@study_argument
@click.argument("patterns", metavar="[CELL]...", nargs=-1)
@click.option(
    "--failed",
    is_flag=True,
    help="Every cell that ended in error, was killed, ran out of time, or whose trace is corrupt.",
)
@click.option("--dry-run", "-n", is_flag=True, help="Only say which cells would be trained.")
@click.option("--executor", help="Train on a cluster: the name of a profile, slurm for profiles/slurm.")
@cores_option
@device_option
def rerun(
    study: str,
    patterns: tuple[str, ...],
    *,
    failed: bool,
    dry_run: bool,
    executor: str | None,
    cores: int,
    device: str | None,
) -> None:
    """Train single cells again, and what follows from them.

    A CELL is workload/optimizer/schedule/seed; * and ? stand for any text.
    """
    from optbench.cells.look import CORRUPT, look_at  # noqa: PLC0415
    from optbench.cells.matrix import cells_of, select  # noqa: PLC0415
    from optbench.cells.paths import trace_path  # noqa: PLC0415
    from optbench.cells.race import planned_cells  # noqa: PLC0415
    from optbench.running.plan import left_of  # noqa: PLC0415

    found = read(study, device)
    profile = None if executor is None else _profile(executor)
    cells = cells_of(found)
    chosen = select(cells, patterns)
    if failed:
        others = [cell for cell in cells if cell not in chosen]
        chosen += [one for one in others if look_at(trace_path(one)).status in {*FAILED, CORRUPT}]
    elif not patterns:
        raise UserError("name the cells to train again, or give --failed")
    for cell in chosen:
        echo(f"{cell.name}  {trace_path(cell)}")
    if dry_run or not chosen:
        left_of(map(trace_path, chosen), look_only=True)  # names what is corrupt
        echo(f"optbench: {len(chosen)} cells {'would be' if dry_run else 'to be'} trained again", err=True)
        return
    if profile is not None:
        _rerun_on(profile, found, chosen)
        return
    from optbench.running.folders import set_folders_aside  # noqa: PLC0415
    from optbench.running.locks import hold_run  # noqa: PLC0415
    from optbench.running.outputs import set_outputs_aside  # noqa: PLC0415

    workers = max(1, cores // found.threads)
    set_folders_aside(found)
    with hold_run(found.results):
        set_outputs_aside(found.results)
        left_of(map(trace_path, chosen))  # names what is corrupt and keeps it beside
        prepare_data(found)
        with Launcher() as launcher:
            tune_unfinished(found, chosen, workers, launcher)
            train_cells(found, chosen, planned_cells(found, cells), workers, launcher)
            if found.race is not None:
                train_unfinished(found, cells, workers, launcher)  # its looks may be others now
        publish(found)


def _profile(executor: str) -> Path:
    """The folder of a profile beside the Snakefile; raises UserError where there is none of that name."""
    profile = Path("profiles") / executor
    if not holds((profile / "config.yaml").is_file) or not Path("Snakefile").is_file():
        known = [file.parent.name for file in Path("profiles").glob("*/config.yaml")]
        raise unknown("--executor", executor, set(known) - {"default"})
    return profile


def _rerun_on(profile: Path, study: Study, cells: Sequence[CellSpec]) -> None:
    """Has Snakemake train cells again under one of the profiles beside it."""
    from optbench.cells.paths import trace_path  # noqa: PLC0415
    from optbench.core.files import write_text  # noqa: PLC0415
    from optbench.running.plan import plan_folder  # noqa: PLC0415

    again = plan_folder(study) / "again.txt"
    write_text(again, "".join(f"{trace_path(cell).as_posix()}\n" for cell in cells))
    # Absolute: a name may begin like an option.
    command = ["snakemake", "--workflow-profile", str(profile), "--configfile", str(study.file.absolute())]
    done = subprocess.run([*command, "--config", f"only={again}"], check=False)  # noqa: S603
    sys.exit(done.returncode)


@click.command()
@click.argument("what", metavar="[CELL|STUDY]", required=False)
@click.option("--study", help="The study of the cell, or its file; left out: default.")
@device_option
def show(what: str | None, study: str | None, device: str | None) -> None:
    """Print a study's verdict, or everything about one cell.

    With a STUDY (its name, file or result folder), or with nothing: the findings and the rankings. A CELL is
    workload/optimizer/schedule/seed: how it ended, its numbers, its settings, how to train it again. A trial
    of a tuning is workload/optimizer/schedule/lr.../seed.
    """
    if what is None or (study is None and not _is_cell(what)):
        from optbench.cli.verdict import show_verdict  # noqa: PLC0415

        with reading(what or study or "default", "collect", "summarize") as results:
            show_verdict(results)
        return
    _show_cells(what, study or "default", device)


def _is_cell(what: str) -> bool:
    """Whether this is meant for a cell: no path that is there, but the slashes of a cell, or a pattern."""
    return not holds(Path(what).exists) and (what.count("/") >= CELL_SLASHES or "*" in what or "?" in what)


def _show_cells(cell: str, study: str, device: str | None) -> None:
    from optbench.cells.matrix import cells_of, select  # noqa: PLC0415
    from optbench.cells.search import known_trials  # noqa: PLC0415

    found = read(study, device)
    trials = [trial for trial in known_trials(found) if cell == trial.name]
    for one in trials or select(cells_of(found), [cell]):
        _show(found, one)


def _show(study: Study, cell: CellSpec) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    from optbench.cells.look import look_at  # noqa: PLC0415
    from optbench.cells.paths import trace_path  # noqa: PLC0415
    from optbench.cells.search import choice_path, read_choice, with_choice  # noqa: PLC0415
    from optbench.cells.trace import read_trace  # noqa: PLC0415
    from optbench.tables.metrics import run_measures  # noqa: PLC0415

    path = trace_path(cell)
    choice, no_choice = None, "not chosen yet"
    try:
        choice = read_choice(choice_path(cell)) if cell.tuning else None
    except CorruptFileError as problem:
        no_choice = f"not known: {problem}"
    if choice is not None:
        cell = with_choice(cell)
    there = look_at(path)
    facts: dict[str, Any] = {"trace": path.as_posix(), "status": there.status}
    if there.problem:
        facts["what is wrong"] = there.problem
    error = ""
    if there.is_whole:
        trace = read_trace(path)
        error = trace.facts["error"]
        keys = ("status", "steps", "execution", "probes_failed", *(fact.name for fact in PROVENANCE))
        facts |= {key: trace.facts[key] for key in keys if key in trace.facts}
        facts |= {key: value for key, value in run_measures(trace).items() if value == value}  # noqa: PLR0124
        facts |= trace.times
    facts |= {
        "lr": no_choice if cell.tuning and choice is None else cell.lr,
        "workload": f"{cell.workload.factory} {dict(cell.workload.settings)} {dict(cell.workload.overrides)}",
        "optimizer": f"{cell.optimizer.factory} {dict(cell.optimizer.settings)}",
        "schedule": f"{cell.schedule.factory or 'constant'} {dict(cell.schedule.settings)}",
        "train it again": optbench_command("rerun", str(study.file), cell.name),
    }
    if cell.trial:
        facts["train it again"] = optbench_command(
            "tune", str(study.file), cell.combination, options=("--again",)
        )
    if cell.tuning:
        facts["tuned by"] = choice_path(cell).as_posix()
    table = Table(title=plain(cell.name), show_header=False, title_justify="left")
    table.add_column()
    table.add_column(overflow="fold")  # a path that is cut names no file
    for key, value in facts.items():
        table.add_row(plain(key), plain(number(value, 6) if isinstance(value, float) else value))
    console = Console()
    console.print(table)
    if error:
        console.print(plain(error, lines=True), highlight=False)


@click.command(name="list")
@click.argument("study", metavar="[STUDY-OR-CONFIG]", required=False)
@device_option
def list_(study: str | None, device: str | None) -> None:
    """List the built-in workloads, optimizers and schedules; or the cells of a study with their status."""
    if study is None:
        _list_built_ins()
        return
    from optbench.cells.look import look_at  # noqa: PLC0415
    from optbench.cells.paths import trace_path  # noqa: PLC0415
    from optbench.cells.race import planned_cells  # noqa: PLC0415

    for cell in planned_cells(read(study, device)):
        there = look_at(trace_path(cell))
        echo(f"{there.status:9} {cell.name}{f': {there.problem}' if there.problem else ''}")


def _list_built_ins() -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    from optbench.catalogue.optimizers.entries import OPTIMIZERS  # noqa: PLC0415
    from optbench.catalogue.schedules.entries import SCHEDULES  # noqa: PLC0415
    from optbench.catalogue.workloads.entries import WORKLOADS  # noqa: PLC0415

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


@click.command()
@study_argument
@click.argument("patterns", metavar="[CELL]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every cell that the next run would train, by cause.")
@device_option
def why(study: str, patterns: tuple[str, ...], *, every: bool, device: str | None) -> None:
    """Say why cells are trained again: what differs from the traces that lie there.

    A CELL is workload/optimizer/schedule/seed; * and ? stand for any text. With --all: what the next run
    would train, choose and measure, so that after an edit it tells what the edit costs.
    """
    from optbench.cells.matrix import cells_of, select  # noqa: PLC0415

    if bool(patterns) == every:
        raise UserError("name the cells, or give --all")
    found = read(study, device)
    cells = cells_of(found)
    if every:
        from optbench.cells.race import planned_cells  # noqa: PLC0415

        _why_all(found, planned_cells(found, cells))
    else:
        _why_each(found, select(cells, patterns))


def _why_all(study: Study, cells: Sequence[CellSpec]) -> None:
    """Prints what the next run would make, a line a cause, and one name of each."""
    from optbench.cells.data import data_to_prepare  # noqa: PLC0415
    from optbench.cells.search import known_trials, searches_of  # noqa: PLC0415
    from optbench.cells.timings import timings_of  # noqa: PLC0415
    from optbench.cells.why import (  # noqa: PLC0415
        SPOILT,
        grouped,
        reasons,
        reasons_of_choices,
        reasons_of_timings,
    )

    groups: list[tuple[str, tuple[str, ...], list[str]]] = []
    groups += [("data set", (why,), [name]) for name, why in data_to_prepare(study).items()]
    searches = searches_of(study, cells) if study.tuning else []
    timings = timings_of(study) if study.timing_s is not None else []
    for kind, found in (
        ("trial", reasons(known_trials(study))),
        ("learning rate to choose", reasons_of_choices(searches)),
        ("cell", reasons(cells)),
        ("timing", reasons_of_timings(timings)),
    ):
        groups += [(kind, *group) for group in grouped(found)]
    for kind, causes, names in groups:
        noun, _, rest = kind.partition(" to ")
        plural = f"{noun}{'' if len(names) == 1 else 's'}{' to ' if rest else ''}{rest}"
        echo(f"{len(names)} {plural}: {'; '.join(causes)}")
        # Of those of which a file is corrupt each one is named.
        listed = names[: MOST_NAMED if SPOILT in causes else 1]
        more = f" and {len(names) - len(listed)} more" if len(names) > len(listed) else ""
        echo("\n".join(f"  {name}" for name in listed) + more)
    if not groups:
        echo("nothing would be trained")


def _why_each(study: Study, cells: Sequence[CellSpec]) -> None:
    """Prints of each cell what there is to say of it, of its data and of the choice that it waits for."""
    from optbench.cells.data import data_to_prepare  # noqa: PLC0415
    from optbench.cells.search import searches_of  # noqa: PLC0415
    from optbench.cells.why import KEPT, SPOILT, UP_TO_DATE, reasons, reasons_of_choices  # noqa: PLC0415

    data = data_to_prepare(study)
    choices = {one.name: one for one in reasons_of_choices(searches_of(study, cells))}
    for cell, one in zip(cells, reasons(cells), strict=True):
        if one.beside is None:
            again = ", and would be trained again" if one.state == SPOILT else ""
            echo(f"{one.name}: {one.state}{again}")
        else:
            state = UP_TO_DATE if one.state == UP_TO_DATE else "would be trained again"
            echo(f"{one.name}: {state}; {one.beside.name} differs:")
        for line in (one.problem,) if one.problem else (*one.causes, *one.aside):
            echo(f"  {line}")
        name = cell.workload.dataset.name if cell.workload.dataset else ""
        if name in data:
            echo(f"  its data set {name} would be prepared first: {data[name]}")
        choice = choices.get(cell.combination)
        if choice is not None and choice.state == KEPT:
            echo(f"  {choice.problem}: it stays as it is")
        elif choice is not None and choice.state != UP_TO_DATE:
            said = choice.problem or "; ".join(choice.causes) or choice.state
            echo(f"  its learning rate would be chosen first: {said}")


@click.command()
@study_argument
@device_option
def check(study: str, device: str | None) -> None:
    """Read a study and try everything it names, before anything is trained.

    What makes cells fail, or their comparison wrong, is a line each, and the exit status is 2. A warning is
    worth knowing and fails nothing.
    """
    from optbench.cells.matrix import cells_of  # noqa: PLC0415

    found = read(study, device)
    cells = cells_of(found)
    prepare_data(found)
    from optbench.cells.search import at_own_lr, known_trials  # noqa: PLC0415
    from optbench.running.check import check_apart  # noqa: PLC0415
    from optbench.study.resolve import placed  # noqa: PLC0415
    from optbench.tables.collect import RUN_COLUMNS  # noqa: PLC0415
    from optbench.tables.own_metrics import own_metrics  # noqa: PLC0415

    with own_metrics(found, RUN_COLUMNS) as own:
        unmeasured = list(own.failures())  # importing them is the check: what they return needs a curve
    with Launcher() as launcher:
        at_rates = [one for cell in cells for one in at_own_lr(cell)]
        checked = check_apart(
            at_rates, found.data_folder, found.folder, launcher,
            on_domain=lambda number, of: doing(f"trying all that it names, in process {number} of {of}"),
        )  # fmt: skip
    problems = [*unmeasured, *checked.problems]
    for problem in problems:
        echo(f"optbench: {placed(found, problem)}", err=True)
    for warning in checked.warnings:
        echo(f"optbench: warning: {placed(found, warning)}", err=True)
    if problems:
        sys.exit(USER_MISTAKE)
    for why, names in checked.refusals.items():
        echo(f"optbench: each seed alone: {', '.join(names)}: {why}", err=True)
    most = "at most " if found.race is not None else ""
    trials = known_trials(found)
    raced = "at most " if found.tuning is not None and found.tuning.race else ""
    wider = ", more where a grid is widened" if found.tuning is not None and found.tuning.widen else ""
    more = f", after {raced}{len(trials)} trials of learning rates{wider}" if trials else ""
    echo(f"optbench: {found.file} is sound: {most}{len(cells)} cells{more}")


COMMANDS = (rerun, show, list_, why, check)
