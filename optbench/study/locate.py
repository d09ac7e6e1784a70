"""Which study file a name, a file or a folder of results means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from optbench.core.errors import UserError, nearest, shown
from optbench.core.files import write_if_changed
from optbench.core.text import unshowable

if TYPE_CHECKING:
    from collections.abc import Callable

    from optbench.study.study import Study


def note_study_file(study: Study) -> None:
    """Leaves the study file's path in results/<study>/, where `find_study_file` looks for it."""
    write_if_changed(study.results / "study_file", f"{study.file.as_posix()}\n")


def find_study_file(argument: str) -> Path:
    """The study file that `argument` names: itself, or the one behind a study's or result folder's name.

    Raises:
        UserError: there is no such file and no study of that name, or the file's name is no text.
    """
    given = Path(argument)
    if _is_file(given):
        return _sound(given)
    for folder in (given, Path("results") / argument):
        note = folder / "study_file"
        if _is_file(note):
            return _sound(Path(note.read_text(encoding="utf-8").strip()))
    shipped = Path("config") / f"{argument}.yaml"
    if _is_file(shipped):
        return _sound(shipped)
    names = [note.parent.name for note in Path("results").glob("*/study_file")]
    names += [file.stem for file in Path("config").glob("*.yaml")]
    what = "no study file or study"
    if argument and _is(given.is_dir):
        what = "a folder that no study was run into, and no study file:"
    raise UserError(f"{what} {shown(argument)}{nearest(argument, names)}")


def _is_file(path: Path) -> bool:
    return _is(path.is_file)


def _is(what: Callable[[], bool]) -> bool:
    """What is asked of a path; no where it is too long for one."""
    try:
        return what()
    except OSError:
        return False


def _sound(file: Path) -> Path:
    """The file, once its name is known to be text: tables, commands and logs repeat it."""
    if escape := unshowable(str(file)):
        raise UserError(f"the name of the study file holds the character {escape}: rename it")
    return file
