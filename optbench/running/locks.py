"""Who works on what: locks that end with the process that holds them (standard library only).

The kernel lets go of these locks when their holder dies, however it dies, and a network file system does so
when its machine goes: none is ever stale, and no command is needed to break one.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import socket
import sys
from pathlib import Path
from typing import IO

from optbench.core.errors import CorruptFileError, UserError
from optbench.core.files import open_for_writing, put_aside, sweep
from optbench.core.folders import leads_out, make_folder

NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})
"""What a file system without locks answers: work then goes on unguarded."""

HELD = frozenset({errno.EACCES, errno.EAGAIN})


class KeyLocks:
    """Claims on single keys, one byte of one file each, so that ten thousand need no file of their own.

    Two processes never hold one key at a time, on two machines neither where their file system has locks.
    Threads of one process share their claims: they must not ask for one key twice.
    """

    def __init__(self, file: Path) -> None:
        """Opens `file`, which is made if need be."""
        make_folder(file.parent)
        # Never opened twice in a process: closing either would let go of all.
        self._file = _open(file)

    def take(self, key: str) -> bool:
        """Claims `key`; False where another process holds it."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _byte(key))
        except OSError as problem:
            if problem.errno in HELD:
                return False
            if problem.errno not in NO_LOCKS:
                raise
        return True

    def leave(self, key: str) -> None:
        """Gives `key` back."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _byte(key))
        except OSError as problem:
            if problem.errno not in NO_LOCKS:
                raise

    def close(self) -> None:
        """Gives everything back."""
        os.close(self._file)


def _open(file: Path) -> int:
    """Opens the file of a lock; sets aside what is none: a lock's content means nothing."""
    try:
        return open_for_writing(file)
    except CorruptFileError as problem:
        print(f"optbench: {put_aside(problem, 'made anew')}", file=sys.stderr)  # noqa: T201
    return open_for_writing(file)


def _byte(key: str) -> int:
    """A place of the file for `key`: 62 bits, so two keys hardly ever share one (and would only wait)."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") >> 2


def hold_run(results: Path) -> IO[str]:
    """Makes this process the only one that runs a study, for as long as the file returned stays open.

    What killed runs left half written in the folders of the later stages is removed; traces are looked
    after cell by cell, since jobs of a cluster may outlive their run.

    Args:
        results: the study's result folder.

    Raises:
        UserError: another process runs it.
    """
    make_folder(results)
    holder = os.fdopen(_open(results / ".run"), "r+", encoding="utf-8")
    try:
        fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        if problem.errno in HELD:
            who = holder.read().strip() or "another process"
            holder.close()
            raise UserError(f"{results.name}: {who} runs this study; let it end, or end it") from None
        if problem.errno not in NO_LOCKS:
            raise
    holder.truncate(0)
    holder.write(f"process {os.getpid()} on {socket.gethostname()}")
    holder.flush()
    for folder in ("tables", "figures", "timing", "plan", "checksums"):
        if not leads_out(results / folder, results):
            sweep(results / folder)
    sweep(Path("reports") / results.name)
    return holder
