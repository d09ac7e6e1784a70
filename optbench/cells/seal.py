"""The checksum of a trace, or a timing: over every byte of its file, kept in the file itself.

A parquet file notices that it was cut short and little else: a flipped byte in a page of numbers is read as
another number. So its end holds, under `optbench-sha256`, the sha256 of the whole file with 64 zeros in that
hash's place. It is verified before anything is decoded, without a library (docs/reference/tables.md#traces).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from optbench.core.errors import CorruptFileError

if TYPE_CHECKING:
    from pathlib import Path

SEAL_KEY: Final = "optbench-sha256"
"""Key of the checksum in the metadata of a parquet file."""

BLANK: Final = "0" * 64
"""What is written under it at first."""

_BLANK: Final = BLANK.encode()

MAGIC: Final = b"PAR1"
"""How a whole parquet file begins and ends."""

_BEGINS: Final = SEAL_KEY.encode() + b"\x18\x40"
"""What stands before the hash: its key, then a field of type binary, 64 bytes long (thrift's compact
protocol, in which parquet's end is written). JSON has no such characters, so no fact can look like it."""


def sealed(content: bytes) -> bytes:
    """A parquet file's bytes with their checksum where `BLANK` stood under `SEAL_KEY`.

    Raises:
        ValueError: it does not stand there, once.
    """
    start = _place(content)
    if start is None or content[start : start + len(BLANK)] != _BLANK:
        raise ValueError(f"no blank {SEAL_KEY} in the end of this parquet file")
    digest = hashlib.sha256(content).hexdigest().encode()
    return b"".join((content[:start], digest, content[start + len(BLANK) :]))


def check_seal(path: Path, content: bytes) -> bytes:
    """The end of a parquet file, which holds its metadata, once its checksum is found to be right.

    Args:
        path: what the file is called, for the message.
        content: the whole file.

    Raises:
        NoSealError: it has no checksum, as files of earlier versions.
        CorruptFileError: it was cut short, or a byte of it is not what was written.
    """
    end = _end(content)
    if end is None:
        raise CorruptFileError(path, "is not whole: it has not the frame of a parquet file")
    start = _place(content)
    if start is None:
        raise NoSealError(path, "has no checksum")
    stop = start + len(BLANK)
    whole = memoryview(content)
    found = hashlib.sha256(whole[:start])
    found.update(_BLANK)
    found.update(whole[stop:])
    if found.hexdigest().encode() != content[start:stop]:
        raise CorruptFileError(path, "is corrupt: its checksum is not that of its content")
    return content[end:]


class NoSealError(CorruptFileError):
    """A parquet file without a checksum of ours."""


def _end(content: bytes) -> int | None:
    """Where the end begins; None where this is no whole parquet file."""
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    whole = content[:4] == MAGIC == content[-4:] and start >= len(MAGIC)
    return start if whole else None


def _place(content: bytes) -> int | None:
    """Where the checksum stands; None where it does not, or not once."""
    end = _end(content)
    if end is None:
        return None
    first = content.find(_BEGINS, end)
    start = first + len(_BEGINS)
    alone = first >= 0 and content.find(_BEGINS, start) < 0 and start + len(BLANK) <= len(content) - 8
    return start if alone else None
