"""The arguments and options that verbs share, and how they name a study."""

from __future__ import annotations

import math
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optbench.core.errors import CorruptFileError, UserError
from optbench.core.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from optbench.study.study import Study

USER_MISTAKE = 2
"""Exit status for what the user can mend."""

MOST_CORES = 4096
"""Processes are started for cores: a number beyond every machine's is a slip of the pen."""


class FiniteNumber(click.FloatRange):
    """A number within bounds; `nan`, which Python reads as a number and which is below no bound, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401
        """The number that `value` is."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{shown(value)} is not a finite number", param, ctx)
        return number


study_argument = click.argument("study", metavar="STUDY-OR-CONFIG")
device_option = click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), help="Overrides the study's device."
)
cores_option = click.option(
    "--cores",
    default=len(os.sched_getaffinity(0)),
    type=click.IntRange(1, MOST_CORES),
    help="Cores to use at a time.",
)


def read(study: str, device: str | None = None) -> Study:
    """The study that a file, a name or a result folder stands for."""
    from optbench.study.locate import find_study_file  # noqa: PLC0415
    from optbench.study.resolve import read_study  # noqa: PLC0415

    return read_study(find_study_file(study), device)


def results_folder(study: str) -> Path:
    """The result folder that a study file, a study's name or the folder itself names.

    A folder is never left for the study file that it names: it may be somebody else's.

    Raises:
        UserError: it has no tables.
    """
    named = Path("results") / study
    for folder in (Path(study), named):
        if (folder / "tables").is_dir():
            # The page is called after it: `.` and `..` have no name of their own.
            return folder if folder.name not in {"", ".."} else folder.resolve()
    if study and Path(study).is_dir():
        raise UserError(f"{study} holds no results: it has no folder 'tables'")
    if not study or not named.is_dir():
        named = read(study).results
    if not (named / "tables").is_dir():
        raise UserError(f"{named} holds no results yet: no folder 'tables' (optbench run {study} makes it)")
    return named


@contextmanager
def reading(study: str, *stages: str) -> Iterator[Path]:
    """The result folder that `study` names, for a block that reads what some stages wrote there.

    Whatever lies in the folder, which may come from anywhere: what cannot be read, or is not what optbench
    writes, is one line that names the file and its key or column. An exception for which no file is to blame
    is a fault of optbench, and goes on as it is.

    Args:
        study: a study file, a study's name, or a result folder.
        stages: whose files are to be as they were written, of `optbench.running.outputs.OUTPUTS`.

    Raises:
        UserError: there are no results, or they are not what optbench writes.
    """
    from optbench.running.outputs import check_outputs  # noqa: PLC0415

    results = results_folder(study)
    check_outputs(results, *stages)
    try:
        yield results
    except FileNotFoundError as problem:
        raise UserError(f"{results} is incomplete: {problem.filename} is not there{MADE_ANEW}") from problem
    except (UserError, OSError, click.ClickException, click.exceptions.Exit):
        raise
    except Exception as problem:
        # Where every file holds what it should, the fault is our own and must be seen as what it is.
        found = _what_is_wrong(results)
        if found is None:
            raise
        raise CorruptFileError(found.path, f"{found.why}{MADE_ANEW}") from problem


def _what_is_wrong(results: Path) -> CorruptFileError | None:
    from optbench.tables.expected import what_is_wrong  # noqa: PLC0415

    return what_is_wrong(results)


MADE_ANEW = "; optbench run STUDY makes tables and figures anew"


def innermost(problem: BaseException) -> str:
    """The last place in this package that an exception passed: `report/study.py:60`."""
    from traceback import extract_tb  # noqa: PLC0415

    from optbench.core.files import PACKAGE_FOLDER  # noqa: PLC0415

    places = [Path(frame.filename) for frame in extract_tb(problem.__traceback__)]
    lines = [frame.lineno for frame in extract_tb(problem.__traceback__)]
    ours = [(p, n) for p, n in zip(places, lines, strict=True) if p.is_relative_to(PACKAGE_FOLDER)]
    path, line = ours[-1]
    return f"{path.relative_to(PACKAGE_FOLDER).as_posix()}:{line}"
