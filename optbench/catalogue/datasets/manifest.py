"""What is known of a prepared data set without loading it (no torch, no numpy)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any, Final

from optbench.core.checksums import read_checked, sha256_of_file
from optbench.core.errors import CorruptFileError
from optbench.core.files import holds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from optbench.core.specs import DatasetSpec


NOWHERE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})
"""What the system answers where no file can be."""


def read_manifest(name: str, data_folder: Path) -> dict[str, Any]:
    """data/<name>/manifest.json; one that says `unavailable` where there is none.

    Raises:
        CorruptFileError: it is none, or not the one that was written.
        OSError: it may not be read.
    """
    file = data_folder / name / "manifest.json"
    try:
        manifest = read_checked(file)
    except OSError as problem:
        if problem.errno not in NOWHERE:
            raise
        return {"name": name, "status": "unavailable", "reason": "it has not been prepared"}
    status, files = manifest.get("status"), manifest.get("files", {})
    if not isinstance(status, str) or not isinstance(files, dict):
        raise CorruptFileError(file, "is not the manifest of a data set")
    return manifest


def spoilt_files(name: str, data_folder: Path) -> Iterator[CorruptFileError]:
    """What is wrong with each file of a data set that is not as it was prepared, its manifest included.

    Every file is read: a data set is small beside what is done with it, and a byte that has flipped makes
    every cell that uses it fail.

    Raises:
        OSError: a file may not be read.
    """
    try:
        files = read_manifest(name, data_folder).get("files", {})
    except CorruptFileError as problem:
        yield problem
        return
    for file, sha256 in files.items():
        path = data_folder / name / file
        try:
            if sha256_of_file(path) != sha256:
                yield CorruptFileError(path, "has changed since it was prepared")
        except (FileNotFoundError, NotADirectoryError):
            yield CorruptFileError(path, "is not there")
        except CorruptFileError as problem:
            yield problem


def is_prepared(spec: DatasetSpec, data_folder: Path, digest: str) -> bool:
    """Whether the data set lies ready, from the very files that `spec` names and read as today.

    Args:
        spec: the data set.
        data_folder: where prepared data lies.
        digest: what `optbench.cells.data.data_digests` gives for it.
    """
    try:
        manifest = read_manifest(spec.name, data_folder)
    except CorruptFileError:
        return False
    return manifest["status"] == "ready" and not is_outdated(spec, data_folder, digest)


def is_outdated(spec: DatasetSpec, data_folder: Path, digest: str) -> bool:
    """Whether there is a manifest, of other files or read and cut otherwise; one that does not say is."""
    if not holds((data_folder / spec.name / "manifest.json").exists):
        return False
    try:
        manifest = read_manifest(spec.name, data_folder)
    except CorruptFileError:
        return True
    return (manifest.get("fingerprint", ""), manifest.get("digest", "")) != (spec.fingerprint, digest)
