"""Drawing on several cores: every process goes through the whole plan and draws what no other has begun.

A plan reads tables, writes captions and names files, which takes little; drawing takes the most. Processes
that stay keep what matplotlib has made once (fonts, measures of texts), and nothing has to be sent to them.
What is drawn does not depend on who draws it.
"""

from __future__ import annotations

import fcntl
import gc
import json
import multiprocessing
import os
import sys
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from optbench.core.errors import CorruptFileError, UserError
from optbench.core.processes import PARENT, die_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Result = TypeVar("Result")

LEFT: Final = 3
"""Exit code of a process that has left what it met to its parent."""

_AFTER_NUMBER: Final = 8
"""Where that lies in the file that they share."""


class WorkCounter:
    """How many pieces of work somebody has begun, shared by processes that come to them in the same order."""

    def __init__(self) -> None:
        # The kernel lets go of this file's lock when a process that holds it is killed.
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  (closed in `close`)

    def take(self, number: int) -> bool:
        """Return whether the piece of this number, counted from 1, is still to do; now it is begun."""
        file = self._file.fileno()
        fcntl.lockf(file, fcntl.LOCK_EX)
        try:
            begun = int.from_bytes(os.pread(file, 8, 0), "little")
            if begun < number:
                os.pwrite(file, number.to_bytes(8, "little"), 0)
        finally:
            fcntl.lockf(file, fcntl.LOCK_UN)
        return begun < number

    def leave(self, problem: UserError | OSError) -> None:
        """Leave what a process has met where its parent finds it, in words."""
        words: list[object] = [str(problem)]
        if isinstance(problem, CorruptFileError):
            words = [str(problem.path), problem.why]
        elif isinstance(problem, OSError):
            file = None if problem.filename is None else str(problem.filename)
            words = [problem.errno, problem.strerror, file]
        os.pwrite(self._file.fileno(), json.dumps(words).encode(), _AFTER_NUMBER)

    def left(self) -> UserError | OSError:
        """What `leave` was given."""
        file = self._file.fileno()
        words = json.loads(os.pread(file, os.fstat(file).st_size, _AFTER_NUMBER))
        if len(words) == 1:
            return UserError(words[0])
        return CorruptFileError(Path(words[0]), words[1]) if len(words) == 2 else OSError(*words)  # noqa: PLR2004

    def close(self) -> None:
        """Forget it."""
        self._file.close()


class DrawingProcess:
    """One of the processes that share the work of a plan; alone, it does all of it."""

    def __init__(self, begun: WorkCounter | None = None) -> None:
        self._begun = begun
        self._number = 0

    def do(self, work: Callable[[], None]) -> None:
        """Do the next piece of work, unless another process has begun it."""
        self._number += 1
        if self._begun is None or self._begun.take(self._number):
            work()
            gc.collect(0)  # figures are full of cycles; see `_collecting_by_hand`


def draw_in_processes(plan: Callable[[DrawingProcess], Result], cores: int = 1) -> Result:
    """Return what `plan` returns, once all its work is done by `cores` processes that go through it together.

    Args:
        plan: hands its pieces of work to the painter it is given, always the same in the same order.
        cores: processes, this one included.

    Raises:
        UserError: what is drawn from is not what it should be.
        OSError: a file cannot be read or written.
        RuntimeError: another process failed; its traceback is on stderr.
    """
    with _collecting_by_hand():
        # Only on Linux do forked children get along with the libraries that draw.
        if cores < 2 or sys.platform != "linux":  # noqa: PLR2004 - alone
            return plan(DrawingProcess())
        begun = WorkCounter()
        fork = multiprocessing.get_context("fork")
        children = [
            fork.Process(target=_in_child, args=(plan, begun, os.getpid()), daemon=True)
            for _ in range(cores - 1)
        ]
        try:
            with warnings.catch_warnings():
                # Newer Pythons warn of any thread; those here are Arrow's, which begins anew in a child.
                warnings.simplefilter("ignore", DeprecationWarning)
                for child in children:
                    child.start()
            result = plan(DrawingProcess(begun))
            for child in children:
                child.join()
                if child.exitcode == LEFT:
                    raise begun.left()
                if child.exitcode:
                    raise RuntimeError(f"a process that drew figures ended with {child.exitcode}")
        finally:
            for child in children:
                if child.pid is not None:
                    child.terminate()
                    child.join()
            begun.close()
        return result


def _in_child(plan: Callable[[DrawingProcess], object], begun: WorkCounter, parent: int) -> None:
    os.environ[PARENT] = str(parent)
    die_with_parent()  # else it would draw on while a further run draws the same figures
    try:
        plan(DrawingProcess(begun))
    except (UserError, OSError) as problem:  # a table that is none, a full disk: no fault of ours to trace
        begun.leave(problem)
        sys.exit(LEFT)


@contextmanager
def _collecting_by_hand() -> Iterator[None]:
    """The garbage collector runs only where it is called, and leaves alone what was there before.

    Left to itself it goes through a figure again and again while it is drawn, when nothing is garbage yet.
    """
    enabled = gc.isenabled()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
        gc.unfreeze()
