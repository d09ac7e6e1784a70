"""Checksums of what is written: in a JSON file of its own values, and beside the files of a stage.

A table, a figure or a page has no place for one. So each stage leaves them in a file of its own,
results/<study>/checksums/<stage>.sha256, in the format of `sha256sum`; the next run and whoever reads the
stage's files hold it against them.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from optbench.core.errors import CorruptFileError
from optbench.core.files import open_regular, read_json, read_utf8, write_text
from optbench.core.folders import folder_problem, leads_out, make_folder, out_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

CHECKSUM: Final = "checksum"
"""Key of a JSON file's own checksum."""

_LINE: Final = re.compile(r"([0-9a-f]{64})  ((?:tables|figures)/)?([A-Za-z0-9_%.-]+)")
"""A line of a stage's checksums: no name of it leads out of its folder."""

_PIECE: Final = 1 << 20


def with_checksum(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a JSON file and, last, the sha256 over them as canonical JSON."""
    return {**values, CHECKSUM: _checksum(values)}


def read_checked(path: Path) -> dict[str, Any]:
    """What `with_checksum` was given, read from a JSON file.

    One without a checksum is of an earlier version, or by hand, and taken as it is.

    Raises:
        CorruptFileError: it is no JSON object, or its values have not the checksum that it says.
        OSError: it is not there, or may not be read.
    """
    values: dict[str, Any] = read_json(path)
    said = values.pop(CHECKSUM, None)
    if said is not None and said != _checksum(values):
        raise CorruptFileError(path, "is corrupt: its checksum is not that of its content")
    return values


def _checksum(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def sha256_of_file(path: Path) -> str:
    """The sha256 of a file's content.

    Raises:
        CorruptFileError: it is no file.
        OSError: it is not there, or may not be read.
    """
    number, sha = open_regular(path), hashlib.sha256()
    try:
        while piece := os.read(number, _PIECE):
            sha.update(piece)
    finally:
        os.close(number)
    return sha.hexdigest()


def sums_path(results: Path, stage: str) -> Path:
    """Where the checksums of a stage's files lie."""
    return results / "checksums" / f"{stage}.sha256"


@contextmanager
def summed(results: Path, stage: str, root: Path, files: Callable[[], Iterable[Path]]) -> Iterator[None]:
    """Leaves the checksums of what a stage writes in the block; none while it writes, or where it fails.

    Args:
        results: results/<study>.
        stage: the stage.
        root: the folder that the names are relative to.
        files: gives the stage's files once they are there; those that are missing are left out.

    Raises:
        CorruptFileError: the folder of the checksums is none, or a link out of the results.
    """
    path = sums_path(results, stage)
    make_folder(path.parent, results)
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
    yield
    there = sorted(file for file in files() if file.exists())
    lines = [f"{sha256_of_file(file)}  {file.relative_to(root).as_posix()}\n" for file in there]
    write_text(path, "".join(lines))


def spoilt(results: Path, stage: str, root: Path) -> Iterator[CorruptFileError]:
    """What is wrong with each file of a stage that is not as it was written; with its checksums, too.

    A file that is not there is not spoilt, and nothing is known where there are no checksums.

    Raises:
        OSError: a file may not be read.
    """
    path = sums_path(results, stage)
    try:
        if elsewhere := _elsewhere(path, results):
            raise elsewhere
        sums = _read_sums(path, root)
    except CorruptFileError as problem:
        yield problem
        return
    for file, said in sums.items():
        if elsewhere := _elsewhere(file, root):
            yield elsewhere
            if elsewhere.path != file:  # its folder, which holds the others too
                return
            continue
        try:
            if sha256_of_file(file) != said:
                yield CorruptFileError(file, "is corrupt: its content has changed since it was written")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except CorruptFileError as problem:
            yield problem


def _elsewhere(file: Path, home: Path) -> CorruptFileError | None:
    """What keeps a file, or the folder that it should lie in, from being one within `home`."""
    problem = folder_problem(file.parent, home)
    return problem or (out_of(home, file) if leads_out(file, home) else None)


def missing(results: Path, stage: str, root: Path) -> list[Path]:
    """The files of a stage that were written and are not there; none where there are no checksums."""
    try:
        sums = _read_sums(sums_path(results, stage), root)
    except CorruptFileError:
        return []
    return [file for file in sums if not file.exists()]


def _read_sums(path: Path, root: Path) -> dict[Path, str]:
    """The checksums by the files that they are of; none where there are none."""
    try:
        lines = read_utf8(path).splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    sums = {}
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None or found[3] in {".", ".."}:
            raise CorruptFileError(path, "is corrupt: a line of it is no checksum of a file here")
        sums[root / (found[2] or "") / found[3]] = found[1]
    return sums
