"""The folders that a run works in: what lies in their place and is none is set aside before it begins.

A pipe, a file or a link to nowhere where `tables` should be would end the run at its first file. And a link
out of the result folder is not entered: what lies behind it is not this run's to write, sweep or rename. (A
link in the place of `results`, of a study's folder in it or in `reports`, or of prepared data, is the user's
own way of keeping them on another disk.)
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from optbench.core.errors import CorruptFileError, UserError, one_line
from optbench.core.files import put_aside, slug
from optbench.core.folders import LeadsOutError, NowhereError, folder_problem, make_folder, problem_here
from optbench.core.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from optbench.study.study import Study

COMPUTED: Final = ("cells", "tuning", "timing")
"""Folders of results/<study> that hold what took long: a link from there elsewhere is not set aside."""

DERIVED: Final = ("tables", "figures", "checksums", "plan")
"""Those that are made from them in no time."""

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})
"""What a disk answers that is full, or breaks: nothing goes on then."""


def set_folders_aside(study: Study, *, look_only: bool = False) -> None:
    """Names what lies in the place of a study's folders and is none, and sets it aside.

    Args:
        study: the study.
        look_only: whether nothing is to be renamed.

    Raises:
        UserError: `results` or `reports` is a link to what is not there, a disk that is not mounted perhaps;
            or a link leads out of the results, to what may have taken long to compute.
        OSError: a folder cannot be looked at, or not be written to.
    """
    for top in (Path("results"), Path("reports")):
        if isinstance(problem := problem_here(top), NowhereError):
            raise UserError(f"{problem}: mount or make that, or remove the link")
        named: list[Path] = []
        for folder, home in _below(study, top):
            if look_only and any(folder.is_relative_to(one) for one in named):
                continue  # where nothing is renamed, a loop of links is in the way of all below it
            problem = problem_here(folder, home)
            if isinstance(problem, LeadsOutError) and _is_computed(problem.path, study):
                raise UserError(f"{problem}: let {study.results} itself be the link")
            if problem is not None:
                _say(problem, "made anew", look_only=look_only)
                named.append(folder)
    for name in study.datasets:
        if _problem_of(study.data_folder) is None and (problem := problem_here(study.data_folder / name)):
            _say(problem, "prepared again", look_only=look_only)


def _below(study: Study, top: Path) -> Iterator[tuple[Path, Path | None]]:
    """The folders of a study in `results` or `reports`, each with the one that it may not lead out of."""
    yield top, None
    yield top / study.name, None
    if top.name == "reports":
        return
    home = study.results
    parts = [[slug(name) for name in names] for names in (study.workloads, study.optimizers, study.schedules)]
    for name in (*COMPUTED, *DERIVED):
        yield home / name, home
    for kind in ("cells", "tuning"):
        # From the top down, and into none that is not there: there may be thousands.
        above = [home / kind]
        for level in parts:
            above = [folder / name for folder in above if folder.is_dir() for name in level]
            yield from ((folder, home) for folder in above)


def _is_computed(path: Path, study: Study) -> bool:
    return path.relative_to(study.results).parts[0] in COMPUTED


def _say(problem: CorruptFileError, then: str, *, look_only: bool) -> None:
    told = f"{problem}; it will be {then}" if look_only else put_aside(problem, then)
    print(f"optbench: {told}", file=sys.stderr)  # noqa: T201


def _problem_of(data_folder: Path) -> str | None:
    """What keeps the data folder from being one, in words."""
    try:
        problem = folder_problem(data_folder)
    except OSError as error:
        return one_line(error.strerror or error)  # type: ignore[arg-type]
    return None if problem is None else str(problem)


def _not_writable(home: Path) -> str | None:
    """Why nothing can be prepared in a folder where nothing is; what lies there needs no leave to be read."""
    if (home / "manifest.json").exists() or os.access(home, os.W_OK | os.X_OK):
        return None
    return f"{home} cannot be written to"


def without_place(study: Study, names: Iterable[str]) -> dict[str, str]:
    """Why data sets cannot be prepared where the study keeps its data, of those for which there is no place.

    Their folders are made. The data folder itself is the user's: what lies there is never renamed.

    Args:
        study: the study.
        names: of its data sets.

    Returns:
        By the data set's name, one line that names the key.

    Raises:
        OSError: the disk is full, or broken.
    """
    found = {}
    for name in names:
        why = _problem_of(study.data_folder)
        try:
            if why is None:
                make_folder(study.data_folder / name)
                why = _not_writable(study.data_folder / name)
        except CorruptFileError as problem:
            why = str(problem)
        except OSError as problem:
            if problem.errno in NO_ROOM:
                raise
            why = f"{study.data_folder / name} cannot be made: {problem.strerror or problem}"
        if why is not None:
            found[name] = f"data_folder: {shown(str(study.data_folder))} cannot be used: {why}"
    return found
