"""Writing files so that a reader sees a whole one or none, and reading what may have become another."""

from __future__ import annotations

import errno
import filecmp
import itertools
import json
import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from optbench.core.errors import CorruptFileError, one_line
from optbench.core.folders import KINDS, make_folder
from optbench.core.text import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

PACKAGE_FOLDER: Final = Path(__file__).resolve().parents[1]
"""Where this package lies."""


@contextmanager
def write_atomically(path: Path, *, synced: bool = True) -> Iterator[Path]:
    """Gives a temporary path beside `path` and renames it to `path` when the block ends without exception.

    A link at `path` is replaced itself, and what it leads to stays as it is.

    Args:
        path: what is written.
        synced: whether it is on the disk before the rename, so that a power cut leaves the old file or the
            new one. Without, it may leave a piece: for files that are made again where they are not whole.

    Raises:
        CorruptFileError: something else lies where its folder should.
        OSError: it cannot be written.
    """
    make_folder(path.parent)
    if _is_folder(path):  # no file can be renamed over it
        set_aside(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    _make_way(unfinished)
    try:
        yield unfinished
        if synced:
            with unfinished.open("rb") as file:
                os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _make_way(path: Path) -> None:
    """Removes what lies where a file is about to be written: through a link it would be written elsewhere."""
    if _is_folder(path):
        set_aside(path)
    else:
        path.unlink(missing_ok=True)


def sweep(folder: Path, name: str | None = None) -> None:
    """Removes what killed writers of `folder`/`name`, or of any file in `folder`, have left.

    Nobody may be writing there now. A folder that has such a name is no writer's and stays.
    """
    for left in os.listdir(folder) if folder.is_dir() else ():  # noqa: PTH208  (names, ten times as fast)
        stem, _, process = left.rpartition(".")
        unfinished = process.isdigit() and stem.startswith(".") and name in {None, stem[1:]}
        if unfinished and not _is_folder(folder / left):
            (folder / left).unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text atomically."""
    with write_atomically(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def write_if_changed(path: Path, text: str) -> None:
    """Writes text atomically unless the file holds it already: its modification time means a change."""
    try:
        if read_regular(path) == text.encode():
            return
    except (FileNotFoundError, CorruptFileError):  # as good as another text
        pass
    write_text(path, text)


def open_regular(path: Path) -> int:
    """Opens a file for reading and returns its descriptor, never waiting: a pipe would never answer.

    Raises:
        CorruptFileError: there is something else than a file, or links that lead nowhere but to each other.
        OSError: it is not there, or may not be read.
    """
    return _open(path)[0]


def _open(path: Path) -> tuple[int, int]:
    """As `open_regular`; with the file's size."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as problem:
        if problem.errno == errno.ELOOP:
            raise CorruptFileError(path, "is a link that leads back to itself") from None
        if problem.errno == errno.ENXIO:
            raise CorruptFileError(path, "is a socket, not a file") from None
        raise
    found = os.fstat(number)
    kind = stat.S_IFMT(found.st_mode)
    if kind != stat.S_IFREG:
        os.close(number)
        raise CorruptFileError(path, f"is {KINDS.get(kind, 'something else')}, not a file")
    return number, found.st_size


def open_for_writing(path: Path) -> int:
    """Opens a file for reading and writing where it lies, made if need be; returns its descriptor.

    For what must keep its place, as a lock must: other files are written by `write_atomically`.

    Raises:
        CorruptFileError: there is something else than a file: a link too, for it may lead anywhere.
        OSError: it may not be opened.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        number = os.open(path, flags, 0o666)
    except OSError as problem:
        why = {
            errno.ELOOP: "is a link, not a file",
            errno.ENXIO: "is a socket, not a file",
            errno.EISDIR: "is a folder, not a file",
        }.get(problem.errno or 0)
        if why is None:
            raise
        raise CorruptFileError(path, why) from None
    kind = stat.S_IFMT(os.fstat(number).st_mode)
    if kind != stat.S_IFREG:
        os.close(number)
        raise CorruptFileError(path, f"is {KINDS.get(kind, 'something else')}, not a file")
    return number


def read_regular(path: Path) -> bytes:
    """The content of a file.

    Raises:
        CorruptFileError: as `open_regular`.
        OSError: as `open_regular`.
    """
    number, size = _open(path)
    try:
        # In one call where it can be: traces are read by the ten thousand.
        content = os.read(number, size + 1)
        if len(content) == size:
            return content
        parts = [content]
        while parts[-1]:
            parts.append(os.read(number, 1 << 24))
        return b"".join(parts)
    finally:
        os.close(number)


def read_utf8(path: Path) -> str:
    """The text of a file.

    Raises:
        CorruptFileError: it is not UTF-8, or no file.
        OSError: as `open_regular`.
    """
    try:
        return read_regular(path).decode("utf-8")
    except UnicodeDecodeError as problem:
        raise CorruptFileError(path, f"is not text: byte {problem.start} is not UTF-8") from None


def read_json(path: Path, kind: type[dict[str, Any] | list[Any]] = dict) -> Any:  # noqa: ANN401 - JSON
    """The value that a JSON file holds.

    Args:
        path: the file.
        kind: what its outermost value must be.

    Raises:
        CorruptFileError: it is no JSON of that kind, not UTF-8, or no file.
        OSError: as `open_regular`.
    """
    text = read_utf8(path)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise CorruptFileError(path, f"is not JSON: {one_line(problem)}") from None
    if not isinstance(found, kind):
        raise CorruptFileError(path, f"is JSON of another shape: no {kind.__name__}")
    return found


MOST_ASIDE: Final = 9
"""Corrupt files of one name that are kept: what is spoilt each time must not fill the disk. Folders are kept
all."""


def set_aside(path: Path) -> Path:
    """Renames what lies at `path` to PATH.corrupt, PATH.corrupt-2, ... and returns that; nothing is deleted.

    A file that is the same as an earlier one takes its place; beyond `MOST_ASIDE`, the last one's.

    Raises:
        OSError: the folder cannot be written to.
    """
    for count in itertools.count(1):
        goal = path.with_name(f"{path.name}.corrupt{f'-{count}' if count > 1 else ''}")
        if not os.path.lexists(goal) or _same(path, goal):
            break
        if count >= MOST_ASIDE and not _is_folder(path) and not _is_folder(goal):
            break
    with suppress(FileNotFoundError):  # another process did it meanwhile
        path.replace(goal)
    return goal


def put_aside(problem: CorruptFileError, then: str) -> str:
    """Sets the file aside that is corrupt; returns the line that says so.

    Args:
        problem: the file and what is wrong with it.
        then: what becomes of it next, `made anew` for one.

    Raises:
        OSError: the folder cannot be written to.
    """
    if not os.path.lexists(problem.path):
        return f"{problem}; it is {then}"
    return f"{problem}; it is set aside as {set_aside(problem.path).name} and {then}"


def _same(one: Path, other: Path) -> bool:
    return all(stat.S_ISREG(path.lstat().st_mode) for path in (one, other)) and filecmp.cmp(
        one, other, shallow=False
    )


FORMULA: Final = ("=", "+", "-", "@", "\t", "＝", "＋", "－", "＠")
"""What a text begins with that a spreadsheet takes for a formula."""


def write_table(table: pd.DataFrame, stem: Path) -> None:
    """Writes a table as `stem`.parquet and `stem`.csv.

    The CSV can be opened by a spreadsheet and shown in a terminal: a text that would be a formula has an
    apostrophe before it, and what cannot be shown is an escape (a bare carriage return, which ends a row for
    most readers, among it). Programs read the parquet.
    """
    with write_atomically(stem.with_suffix(".parquet")) as unfinished:
        table.to_parquet(unfinished, index=False)
    with write_atomically(stem.with_suffix(".csv")) as unfinished:
        texts = table.select_dtypes(exclude=["number", "bool"]).columns
        shown: dict[str, Any] = {name: [_in_csv(value) for value in table[name]] for name in texts}
        table.assign(**shown).to_csv(unfinished, index=False)


def _in_csv(value: object) -> object:
    """A text as it is safe to open; a number that is spelled out stays one."""
    if not isinstance(value, str):
        return value
    text = escaped(value, lines=True)
    if not text.startswith(FORMULA):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text


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
