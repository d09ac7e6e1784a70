"""Writing files so that a reader sees a whole one or none."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

PACKAGE_FOLDER: Final = Path(__file__).resolve().parents[1]
"""Where this package lies."""


@contextmanager
def write_atomically(path: Path, *, synced: bool = True) -> Iterator[Path]:
    """Gives a temporary path beside `path` and renames it to `path` when the block ends without exception.

    Args:
        path: what is written.
        synced: whether it is on the disk before the rename, so that a power cut leaves the old file or the
            new one. Without, it may leave a piece: for files that are made again where they are not whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield unfinished
        if synced:
            with unfinished.open("rb") as file:
                os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def sweep(folder: Path, name: str | None = None) -> None:
    """Removes what killed writers of `folder`/`name`, or of any file in `folder`, have left.

    Nobody may be writing there now.
    """
    for left in os.listdir(folder) if folder.is_dir() else ():  # noqa: PTH208  (names, ten times as fast)
        stem, _, process = left.rpartition(".")
        if process.isdigit() and stem.startswith(".") and name in {None, stem[1:]}:
            (folder / left).unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text atomically."""
    with write_atomically(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def write_if_changed(path: Path, text: str) -> None:
    """Writes text atomically unless the file holds it already: its modification time means a change."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def write_table(table: pd.DataFrame, stem: Path) -> None:
    """Writes a table as `stem`.parquet and `stem`.csv."""
    with write_atomically(stem.with_suffix(".parquet")) as unfinished:
        table.to_parquet(unfinished, index=False)
    with write_atomically(stem.with_suffix(".csv")) as unfinished:
        table.to_csv(unfinished, index=False)


def holds(question: Callable[[], bool]) -> bool:
    """What a path answers to `path.is_file` and its like; no where it is too long to be one."""
    try:
        return question()
    except OSError:
        return False


def slug(name: str) -> str:
    """A name as one part of a path: percent-encoded, so that two names never share a file."""
    coded = quote(name, safe="")
    return "%2E" + coded[1:] if coded.startswith(".") else coded
