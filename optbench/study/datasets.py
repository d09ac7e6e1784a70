"""Where a study's raw data lies, and what lies there."""

from __future__ import annotations

import hashlib
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.catalogue.datasets.entries import DATASETS
from optbench.core.errors import UserError, unknown
from optbench.core.specs import DatasetSpec
from optbench.core.text import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optbench.study.file import DatasetEntry

MOST_FILES = 1000
"""Files below a `root`: all of them are read for its fingerprint, and `/` holds everything."""


def resolve_datasets(given: Mapping[str, DatasetEntry], folder: Path) -> dict[str, DatasetSpec]:
    """The specs of a study's `datasets`.

    Raises:
        UserError: one is unknown, comes with a package, or has a folder that cannot be read.
    """
    specs: dict[str, DatasetSpec] = {}
    for name, entry in given.items():
        if name not in DATASETS:
            raise unknown("datasets", name, DATASETS)
        if entry.root is None:
            specs[name] = DatasetSpec(name, download=entry.download)
            continue
        if DATASETS[name].sha256:
            # A hash of the content stands in the catalogue just where an installed package carries it.
            outside = ", ".join(sorted(known for known, data in DATASETS.items() if not data.sha256))
            raise UserError(
                f"datasets.{name}.root: {name} comes with an installed package; got {shown(entry.root)} "
                f"(read from a folder: {outside})"
            )
        root = _root(f"datasets.{name}.root", entry.root, folder)
        specs[name] = DatasetSpec(
            name, str(root), download=False, fingerprint=_fingerprint(f"datasets.{name}.root", root)
        )
    return specs


def _root(key: str, given: str, folder: Path) -> Path:
    try:
        root = (folder / Path(given).expanduser()).resolve()
        there = root.is_dir()
    except (OSError, RuntimeError) as error:  # too long a name; `~` of nobody
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UserError(f"{key}: {shown(given)} cannot be a folder: {why}") from None
    if not there:
        raise UserError(f"{key}: there is no folder {shown(given)} (looked in {folder})")
    return root


def _fingerprint(key: str, root: Path) -> str:
    """sha256 over the names and contents of the files below `root`."""
    files = list(islice((found for found in root.rglob("*") if found.is_file()), MOST_FILES + 1))
    if len(files) > MOST_FILES:
        raise UserError(
            f"{key}: more than {MOST_FILES} files lie below {root}; "
            "give the folder of the publisher's files alone"
        )
    sha = hashlib.sha256()
    for file in sorted(files):
        try:
            with file.open("rb") as stream:
                content = hashlib.file_digest(stream, "sha256").digest()
        except OSError as error:
            raise UserError(f"{key}: {file} cannot be read: {error.strerror}") from None
        # A name need not be UTF-8.
        name = file.relative_to(root).as_posix().encode("utf-8", "surrogateescape")
        sha.update(name + f"\0{file.stat().st_size}\0".encode())
        sha.update(content)
    return sha.hexdigest()
