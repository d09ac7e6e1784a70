"""Which study file a name, a file or a folder of results means."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.core.errors import UserError, nearest
from optbench.core.files import write_if_changed
from optbench.core.text import shown

if TYPE_CHECKING:
    from optbench.study.study import Study


LONGEST_PATH, LONGEST_PART = 4000, 250
"""Bytes of a path and of a name in it: a system that is asked for more refuses to look."""


def note_study_file(study: Study) -> None:
    """Leaves the study file's path in results/<study>/, where `find_study_file` looks for it."""
    write_if_changed(study.results / "study_file", f"{study.file.as_posix()}\n")


def find_study_file(argument: str) -> Path:
    """The study file that `argument` names: itself, or the one behind a study's or result folder's name.

    Raises:
        UserError: there is no such file and no study of that name.
    """
    given = Path(argument)
    raw = os.fsencode(argument)
    if len(raw) > LONGEST_PATH or max(map(len, raw.split(b"/"))) > LONGEST_PART:
        raise UserError(f"no study file or study {shown(argument)}")
    if given.is_file():
        return given
    for folder in (given, Path("results") / argument):
        note = folder / "study_file"
        if note.is_file():
            return Path(note.read_text(encoding="utf-8").strip())
    shipped = Path("config") / f"{argument}.yaml"
    if shipped.is_file():
        return shipped
    names = [note.parent.name for note in Path("results").glob("*/study_file")]
    names += [file.stem for file in Path("config").glob("*.yaml")]
    if argument and given.is_dir():
        raise UserError(f"{shown(argument)} is a folder that no study was run into, and no study file")
    raise UserError(f"no study file or study {shown(argument)}{nearest(argument, names)}")
