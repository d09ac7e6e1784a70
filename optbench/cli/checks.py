"""The verbs that hold one training against another: verify, compare."""

from __future__ import annotations

import math
import random
import shutil
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import click

from optbench.cli.choices import (
    FiniteNumber,
    cores_option,
    device_option,
    read,
    reading,
    study_argument,
)
from optbench.cli.output import echo, plain
from optbench.cli.stages import prepare_data, train_cells
from optbench.core.errors import UserError
from optbench.core.provenance import differing
from optbench.core.status import REPEATABLE
from optbench.core.text import shown
from optbench.core.words import interval, number
from optbench.running.launcher import Launcher

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from optbench.cells.cell import CellSpec
    from optbench.findings.agreement import Kind, ResultComparison
    from optbench.study.study import Study

EXIT_DIFFERS = 1
"""Exit status where what was compared does not hold up."""


def _share(ctx: click.Context, param: click.Parameter, value: str) -> str:  # noqa: ARG001  (click calls it)
    """The text as it is, once it is known to mean something."""
    try:
        number = float(value.removesuffix("%"))
    except ValueError:
        number = 0
    most = 100 if value.endswith("%") else math.inf
    if not 0 < number <= most or not (value.endswith("%") or number.is_integer()):
        raise click.BadParameter(f"{shown(value)} is neither a share such as 5% nor a number of cells")
    return value


@click.command()
@study_argument
@click.option("--sample", default="5%", show_default=True, callback=_share, help="Share or number of cells.")
@click.option("--seed", default=0, show_default=True, help="Of the sample.")
@cores_option
@device_option
def verify(study: str, sample: str, seed: int, cores: int, device: str | None) -> None:
    """Train a sample of the finished cells again, elsewhere, and compare with what is there.

    On the machine and versions that made a trace, it must be equal bit for bit; elsewhere its losses must
    agree to 0.001 relative. The exit status is 1 where one does not. Every trace that is corrupt is named,
    and does not hold up.
    """
    from optbench.cells.look import look_at  # noqa: PLC0415
    from optbench.cells.matrix import cells_of  # noqa: PLC0415
    from optbench.cells.paths import trace_path  # noqa: PLC0415

    found = read(study, device)
    looks = [(cell, look_at(trace_path(cell))) for cell in cells_of(found)]
    broken = [(cell, there.problem) for cell, there in looks if there.problem]
    # What died or ran out of time has no numbers to repeat.
    ran = [cell for cell, there in looks if there.status in REPEATABLE]
    if not ran and not broken:
        raise UserError(f"{study}: no cell has been trained yet")
    wanted = math.ceil(len(ran) * float(sample[:-1]) / 100) if sample.endswith("%") else int(float(sample))
    chosen = random.Random(seed).sample(ran, min(wanted, len(ran)))  # noqa: S311  (not for secrets)
    # A trace that is corrupt does not hold up, whatever is drawn.
    for cell, problem in broken:
        echo(f"{'BAD':4}{cell.name}  {problem}")
    bad = len(broken) + _trained_again(found, chosen, cores)
    of = len(chosen) + len(broken)
    echo(f"optbench: {of - bad} of {of} cells hold up ({len(ran) + len(broken)} are there)", err=True)
    sys.exit(EXIT_DIFFERS if bad else 0)


def _trained_again(study: Study, chosen: Sequence[CellSpec], cores: int) -> int:
    """Trains cells again in a scratch folder and tells how each agrees; how many do not hold up."""
    from optbench.cells.search import with_choice  # noqa: PLC0415

    pairs, bad = [], 0
    scratch = replace(study, name=f"{study.name}.verify")
    for cell in chosen:
        try:
            pairs.append((cell, replace(with_choice(cell), study=scratch.name)))
        except UserError as problem:  # the choice that it was trained with is corrupt, or gone
            echo(f"{'BAD':4}{cell.name}  cannot be trained again: {problem}")
            bad += 1
    if not pairs:
        return bad
    if any(cell.workload.dataset for cell, _ in pairs):
        prepare_data(study)  # with a file of it corrupt none of its cells would hold up
    _remove(scratch.results)
    copies = [copy for _, copy in pairs]
    try:
        with Launcher() as launcher:
            train_cells(scratch, copies, copies, max(1, cores // study.threads), launcher)
        return bad + sum(not _holds(cell, copy) for cell, copy in pairs)
    finally:
        _remove(scratch.results)


def _remove(folder: Path) -> None:
    """Removes the folder of a comparison's own traces; a link in its place goes, and not what it leads to."""
    if folder.is_symlink():
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)


def _holds(cell: CellSpec, copy: CellSpec) -> bool:
    """Tells how a cell and its second training agree; whether that is as it must be."""
    from optbench.cells.paths import trace_path  # noqa: PLC0415
    from optbench.cells.trace import read_trace  # noqa: PLC0415
    from optbench.findings.agreement import TOLERANCE, agreement  # noqa: PLC0415

    there, again = read_trace(trace_path(cell)), read_trace(trace_path(copy))
    elsewhere = [fact.name for fact in differing(there.facts, again.facts)]
    if there.facts.get("execution") != again.facts.get("execution"):
        elsewhere.append("execution")
    found = agreement(there, again)
    holds = found.kind == "equal" or (found.kind == "close" and bool(elsewhere))
    must = f"to {TOLERANCE:g}: other {', '.join(elsewhere)}" if elsewhere else "bit for bit"
    why = f": {found.why}" if found.why else ""
    if again.facts["error"] and there.facts["status"] != again.facts["status"]:
        why += f" ({again.facts['error'].splitlines()[-1]})"
    echo(f"{'ok' if holds else 'BAD':4}{cell.name}  {found.kind} (must agree {must}){why}")
    return holds


@click.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option(
    "--map", "renamed", metavar="OLD=NEW", multiple=True, help="Compare optimizer OLD of A with NEW of B."
)
@click.option(
    "--require",
    type=click.Choice(["not-worse", "close", "equal"]),
    default="not-worse",
    show_default=True,
    help="What must hold for exit status 0.",
)
@click.option(
    "--threshold",
    default=0.01,
    show_default=True,
    type=FiniteNumber(0),
    help="Smallest relative difference that counts.",
)
def compare(
    a: str, b: str, renamed: tuple[str, ...], require: Kind | Literal["not-worse"], threshold: float
) -> None:
    """Compare two result folders (or studies): is B equal, close, different; better or worse than A?

    Paired by seed on the final validation loss. The exit status is 1 where B does not hold up, or where it
    differs and there are too few seeds to tell.
    """
    from optbench.findings.agreement import compare_results, origins_differ, passes  # noqa: PLC0415

    pairs = dict(text.partition("=")[::2] for text in renamed)
    if bad := [old for old, new in pairs.items() if not (old and new)]:
        raise UserError(f"--map takes OLD=NEW; got {shown(bad[0])}")
    with reading(a, "collect") as old, reading(b, "collect") as new:
        rows = compare_results(old, new, rename=pairs, threshold=threshold)
        differ = origins_differ(old, new)
    _print(rows)
    if differ:
        echo(
            f"optbench: made on other {' and '.join(differ)}, so equal bits are not to be expected; "
            "times are never compared here",
            err=True,
        )
    good = passes(rows, require)
    echo(f"optbench: {b} is {'' if good else 'NOT '}{require} compared with {a}", err=True)
    sys.exit(0 if good else EXIT_DIFFERS)


def _print(rows: Sequence[ResultComparison]) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    quantity = {"ratio": "B / A", "difference": "B - A"}
    table = Table("cells", "agree", "n", "final loss", "p (Holm)", "B is", "missing in B")
    for row in rows:
        size = ""
        if not math.isnan(row.effect):
            ends = interval(row.low, row.high, digits=3)
            size = f"{quantity[row.scale]} = {number(row.effect, 3)} {ends}".strip()
        missing = str(len(row.missing)) if row.missing else ""
        table.add_row(*map(plain, (row.name, row.kind, row.n, size, number(row.p, 3), row.verdict, missing)))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


COMMANDS = (verify, compare)
