"""The verbs of a race: `race`, which decides its looks, and `extend`, which adds one."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

from optbench.cli.choices import cores_option, device_option, read, study_argument
from optbench.cli.output import echo
from optbench.cli.stages import run_study
from optbench.core.checksums import with_checksum
from optbench.core.errors import UserError
from optbench.core.files import write_text
from optbench.core.words import count, number, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from optbench.cells.cell import CellSpec
    from optbench.cells.race import RaceOf
    from optbench.findings.race import Race
    from optbench.study.study import Study


@click.command()
@study_argument
@click.option("--look", type=click.IntRange(1), help="Decide this look alone, counted from 1.")
@device_option
def race(study: str, look: int | None, device: str | None) -> None:
    """Decide the looks of a race whose runs are there: who goes on to more seeds.

    It writes results/<study>/race/look-<seeds>-<digest>.json, by which the next runs are planned. `run` and
    Snakemake do this by themselves.
    """
    from optbench.cells.race import RaceOf  # noqa: PLC0415

    found = read(study, device)
    if found.race is None:
        raise UserError(f"{found.file}: no race: give 'seeds: {{until: decided}}' or 'extend'")
    of = RaceOf(found)
    if look is not None and look > len(of.looks):
        raise UserError(f"--look {look}: the race has {count(len(of.looks), 'look')}")
    for place in range(len(of.looks)) if look is None else [look - 1]:
        if decide_look(found, of, place):
            break


def race_to_the_end(study: Study, of: RaceOf, train: Callable[[Sequence[CellSpec]], object]) -> None:
    """Looks and trains by turns until nobody is in.

    Args:
        study: the study.
        of: its race.
        train: called once a look with all cells that it rests on; it trains those that are left.
    """
    for look in range(len(of.looks)):
        train(of.planned_at(look))
        if decide_look(study, of, look):
            break


def decide_look(study: Study, of: RaceOf, look: int) -> bool:
    """Decides a look, writes its file, says who is still in; returns whether the race is over.

    Raises:
        UserError: a run that it rests on is not there.
    """
    import pandas as pd  # noqa: PLC0415

    from optbench.core.status import MISSING  # noqa: PLC0415
    from optbench.findings.analysis import primary_answers  # noqa: PLC0415
    from optbench.tables.collect import describe  # noqa: PLC0415
    from optbench.tables.traces import read_group  # noqa: PLC0415
    from optbench.tables.tuning import tuning_table  # noqa: PLC0415

    cells = of.planned_at(look)
    rows = read_group(cells).rows
    missing = [row["cell"] for row in rows if row["status"] == MISSING.name]
    if missing:
        raise UserError(
            f"look {look + 1} rests on {len(rows)} runs and {len(missing)} of them are missing: {missing[0]} "
            "for one"
        )
    tuning = tuning_table(study) if study.tuning else None
    found = primary_answers(pd.DataFrame(rows), describe(study, {}, []), tuning).race
    if found is None:
        raise AssertionError("a study that races has a race")
    planned = {
        f"{workload}/{one.optimizer}/{one.schedule}": n for (workload, one), n in found.planned.items()
    }
    values: dict[str, Any] = {"look": of.looks[look], "planned": planned, "over": found.over}
    of.path(look).parent.mkdir(parents=True, exist_ok=True)
    write_text(of.path(look), json.dumps(with_checksum(values), indent=1) + "\n")
    echo(f"optbench: {_said(found, of, len(cells))}", err=True)
    return found.over


def _said(found: Race, of: RaceOf, cells: int) -> str:
    """How far a race is after the last look at which somebody was in."""
    from optbench.tables.rows import Combination  # noqa: PLC0415

    held = [place for place in found.places if place.look == found.places[-1].look]
    if not held:
        return "no workload that races has a run with a loss"
    states = Counter(place.state for place in held)
    told = ", ".join(f"{n} {state}" for state, n in states.items())
    line = f"look {held[0].look} at {held[0].n} seeds: of {len(held)} combinations {told}"
    if found.cut:
        return f"{line}; the budget ends the race at {cells} cells"
    if found.over:
        return f"{line}; the race is over, with {cells} of {len(of.cells)} cells"
    stand = {
        (place.workload, Combination(place.optimizer, place.schedule)): place.n for place in found.places
    }
    going = [(n, stand[who]) for who, n in found.planned.items() if n > stand[who]]
    most = sum(of.looks[-1] - now for _, now in going)
    likely = float(sum(later - now for later, now in going))
    share = min(len(going) / len(held), 1.0)
    left = len(going) * share
    for now, later in pairwise(n for n in of.looks if n >= going[0][0]):
        likely += left * (later - now)
        left *= share
    return f"{line}; at most {most} cells to go, about {number(round(likely))} if as many leave at each look"


@click.command()
@study_argument
@click.option("--seeds", type=click.IntRange(1), help="Seeds in all, at the further look.")
@click.option(
    "--error",
    default="1%",
    show_default=True,
    help="Chance of a false claim at this look, on top of the study's own.",
)
@cores_option
@device_option
def extend(study: str, seeds: int | None, error: str, cores: int, device: str | None) -> None:
    """Add a further look to a finished study or race, and go on: only what is not told apart gets more seeds.

    Writes `extend` into the study file, so that the same study is the same everywhere, and runs it.
    """
    from optbench.cells.matrix import cells_of  # noqa: PLC0415
    from optbench.cells.paths import trace_path  # noqa: PLC0415
    from optbench.cells.race import RaceOf, planned_cells  # noqa: PLC0415
    from optbench.running.plan import left_of  # noqa: PLC0415

    found = read(study, device)
    if seeds is None:
        raise UserError(f"say with --seeds how many there are to be; the study has {len(found.seeds)}")
    if seeds <= len(found.seeds):
        raise UserError(f"--seeds must be more than {len(found.seeds)}, which the study has; got {seeds}")
    cells = cells_of(found)
    left = left_of(map(trace_path, planned_cells(found, cells)), look_only=True)
    if left or (found.race is not None and not RaceOf(found, cells).is_over()):
        raise UserError(
            f"{found.file}: the study is not finished: {count(len(left), 'cell')} to train; "
            "run it to its end first"
        )
    extended = declare_extension(found.file, seeds, error)
    if extended.race is None:
        raise AssertionError("what is extended is a race")
    total = extended.report["error"] + sum(share for _, share in extended.race.extended)
    echo(
        f"optbench: {found.file}: a look at {seeds} seeds is declared; the chance of any false claim is now "
        f"at most {percent(total)}",
        err=True,
    )
    run_study(read(study, device), cores)


def declare_extension(file: Path, seeds: int, error: str) -> Study:
    """Writes a further look into a study file, behind all else; returns the study that it is then.

    Raises:
        UserError: it cannot be declared, or not by adding a line: the file is as it was then.
    """
    from optbench.study.document import read_text, read_yaml  # noqa: PLC0415
    from optbench.study.resolve import read_study  # noqa: PLC0415

    text = read_text(file)
    document: Any = read_yaml(text).value
    given = document.get("extend") or []
    known = [given] if isinstance(given, dict) else list(given)
    looks = ", ".join(
        f"{{seeds: {one['seeds']}, error: {one.get('error', '1%')}}}"
        for one in [*known, {"seeds": seeds, "error": error}]
    )
    line = f"extend: [{looks}]\n"
    others = re.sub(r"(?m)^extend:.*\n?(?:^[ \t-].*\n?)*", "", text) if known else text
    write_text(file, f"{others.rstrip()}\n{line}")
    found = None
    try:
        found = read_study(file)
    finally:
        if found is None or found.race is None or len(found.race.extended) != len(known) + 1:
            write_text(file, text)
            found = None
    if found is None:
        raise UserError(f"{file}: write it into the study file by hand: {line.rstrip()}")
    return found


COMMANDS = (race, extend)
