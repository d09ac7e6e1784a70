"""Which study file a name, a file or a folder of results means."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.core.errors import CorruptFileError, UserError, nearest
from optbench.core.files import put_aside, read_utf8, write_if_changed
from optbench.core.text import shown, unshowable

if TYPE_CHECKING:
    from optbench.study.study import Study


LONGEST_PATH, LONGEST_PART = 4000, 250
"""Bytes of a path and of a name in it: a system that is asked for more refuses to look."""


def note_study_file(study: Study) -> None:
    """Leaves the study file's path in results/<study>/, where `find_study_file` looks for it.

    What lies there and is no path is named and set aside.
    """
    note = study.results / "study_file"
    try:
        _read_note(note)
    except CorruptFileError as problem:
        print(f"optbench: {put_aside(problem, 'written anew')}", file=sys.stderr)  # noqa: T201
    write_if_changed(note, f"{study.file.as_posix()}\n")


def _read_note(note: Path) -> Path | None:
    """The path that a note of `note_study_file` holds; None where there is none."""
    try:
        text = read_utf8(note).removesuffix("\n")
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not text or unshowable(text):
        raise CorruptFileError(note, "is not the path of a study file")
    return Path(text)


def find_study_file(argument: str) -> Path:
    """The study file that `argument` names: itself, or the one behind a study's or result folder's name.

    Raises:
        UserError: there is no such file and no study of that name, or what a folder says of it is no path.
    """
    given = Path(argument)
    raw = os.fsencode(argument)
    if len(raw) > LONGEST_PATH or max(map(len, raw.split(b"/"))) > LONGEST_PART:
        raise UserError(f"no study file or study {shown(argument)}")
    if given.is_file():
        return given
    problems: list[CorruptFileError] = []
    for folder in (given, Path("results") / argument):
        try:
            named = _read_note(folder / "study_file")
        except CorruptFileError as problem:
            problems.append(problem)
        else:
            if named is not None and named.is_file():
                return named
            if named is not None:
                told = f"{folder / 'study_file'} names {named}, which is not there"
                raise UserError(f"{told}: give the study file itself")
    shipped = Path("config") / f"{argument}.yaml"
    if shipped.is_file():
        return shipped
    if problems:
        raise CorruptFileError(problems[0].path, f"{problems[0].why}: give the study file itself")
    names = [note.parent.name for note in Path("results").glob("*/study_file")]
    names += [file.stem for file in Path("config").glob("*.yaml")]
    if argument and given.is_dir():
        raise UserError(f"{shown(argument)} is a folder that no study was run into, and no study file")
    raise UserError(f"no study file or study {shown(argument)}{nearest(argument, names)}")
