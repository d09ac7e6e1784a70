"""Folders: made where they are missing, entered only where they are one that belongs there.

What writes, removes or makes something in a result folder stays in it: a link there may lead anywhere, and
the folder may be somebody else's. Links that the user chose, `results` itself on another disk for one, are
above what is asked about here and are followed.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

from optbench.core.errors import CorruptFileError

KINDS: Final = {
    stat.S_IFREG: "a file",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
"""What may lie somewhere, by its type in `stat`."""

_NOT_THERE: Final = frozenset({errno.ENOENT, errno.ENOTDIR})


class LeadsOutError(CorruptFileError):
    """A link that leads out of the folder that it should stay in; `out_of` makes it."""


class NowhereError(CorruptFileError):
    """A link to what is not there."""


def out_of(home: Path, path: Path) -> LeadsOutError:
    """The error for a link that leads out of `home`."""
    return LeadsOutError(path, f"is a link that leads out of {home}")


def leads_out(path: Path, home: Path) -> bool:
    """Whether what `path` means in the end, by whatever links, lies outside of the folder `home`."""
    place, root = os.path.realpath(path), os.path.realpath(home)
    return os.path.commonpath([root, place]) != root


def folder_problem(folder: Path, home: Path | None = None) -> CorruptFileError | None:
    """What keeps `folder` from being one: it, or the first of those above it that is no folder.

    Args:
        folder: what may be there, or may be made.
        home: no link below it may lead out of it; left out: links may lead anywhere.

    Raises:
        OSError: the system does not say, as for a name that is too long.
    """
    for part in (*reversed(folder.parents), folder):
        below = home is not None and part != home and part.is_relative_to(home)
        if problem := problem_here(part, home if below else None):
            return problem
    return None


def problem_here(folder: Path, home: Path | None = None) -> CorruptFileError | None:
    """As `folder_problem`, of `folder` itself alone: those above it are folders, or are not there."""
    try:
        mode = folder.stat().st_mode
    except OSError as problem:
        if problem.errno == errno.ELOOP:
            return CorruptFileError(folder, "is a link that leads back to itself")
        if problem.errno not in _NOT_THERE:
            raise
        if not folder.is_symlink():
            return None
        return NowhereError(folder, f"is a link to {folder.readlink()}, which is not there")
    if not stat.S_ISDIR(mode):
        return CorruptFileError(folder, f"is {KINDS.get(stat.S_IFMT(mode), 'something else')}, not a folder")
    if home is not None and folder.is_symlink() and leads_out(folder, home):
        return out_of(home, folder)
    return None


def make_folder(folder: Path, home: Path | None = None) -> None:
    """Makes a folder, with those above it, unless it is there.

    Args:
        folder: what to make.
        home: a folder that no link on the way may lead out of; left out: links may lead anywhere.

    Raises:
        CorruptFileError: something else lies there or above, or a link that leads out of `home`.
        OSError: it cannot be made.
    """
    if home is not None and (problem := folder_problem(folder, home)):
        raise problem
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        if problem.errno not in {errno.EEXIST, errno.ENOTDIR, errno.ELOOP, errno.ENOENT}:
            raise
        found = folder_problem(folder)
        if found is None:
            raise
        raise found from None


def is_own(results: Path) -> bool:
    """Whether this is a result folder that a run here made, and makes anew: not one from elsewhere."""
    here = Path("results") / results.name
    return (results / "study_file").is_file() and results.resolve() == here.resolve()
