"""Processes: work on several with the results of one, and ends that come with those that started them."""

from __future__ import annotations

import atexit
import ctypes
import multiprocessing
import os
import select
import signal
import socket
import sys
import threading
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator
    from multiprocessing.connection import Connection

RUN = "OPTBENCH_RUN"
"""Environment variable that names the process a job belongs to: `PID@HOST`."""

PARENT = "OPTBENCH_PARENT"
"""Environment variable with the process id of the one that starts a child."""

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


Item = TypeVar("Item")
Result = TypeVar("Result")

RESULTS_AHEAD = 2
"""Results a process may be ahead of whoever takes them: memory stays bounded however many items there are."""


def map_in_processes(
    work: Callable[[Item], Result], items: Iterable[Item], processes: int
) -> Iterator[Result]:
    """Yield `work(item)` for every item, in order; with one process here, else in processes of their own.

    Args:
        work: a function of a module, for it is sent by name.
        items: picklable where there are several processes, which start before the first is asked for.
        processes: how many work at a time (>= 1).

    Raises:
        Exception: whatever `work` raises.
    """
    if processes == 1:
        yield from map(work, items)
        return
    with _pool(processes) as pool:
        for _ in range(processes):
            pool.submit(_import, work)
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > RESULTS_AHEAD * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def run_beside(work: Callable[[Item], Result], item: Item, *, apart: bool) -> Iterator[Callable[[], Result]]:
    """Start `work(item)` beside the block; what is given returns its result, and raises what it raises.

    Args:
        work: a function of a module, for it is sent by name.
        item: picklable.
        apart: whether a process of its own does it; else it is done here when its result is asked for.
    """
    if not apart:
        yield partial(work, item)
        return
    with _pool(1) as pool:
        yield pool.submit(work, item).result


class Apart:
    """A process of its own that does one piece of work after the other, for code that may never come back.

    Start it and `call` it from one thread; the kernel ends it with that.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(target=_work_for, args=(there, os.getpid()), daemon=True)
        self._process.start()
        there.close()

    def call(self, work: Callable[[Item], Result], item: Item, limit_s: float) -> Result:
        """What `work(item)` returns.

        Args:
            work: a function of a module, for it is sent by name.
            item: picklable, as what is returned.
            limit_s: seconds that it may take.

        Raises:
            TimeoutError: it took longer; the process has been killed.
            EOFError: the process ended over it.
        """
        try:
            self._here.send((work, item))
            if self._here.poll(limit_s):
                return self._here.recv()  # type: ignore[no-any-return]
        except OSError:
            raise EOFError from None
        self.close()
        raise TimeoutError

    def close(self) -> None:
        """Kills the process."""
        self._process.kill()
        self._process.join()
        self._here.close()


def _work_for(there: Connection, parent: int) -> None:
    die_with(parent)
    while True:
        try:
            work, item = there.recv()
        except EOFError:
            return
        there.send(work(item))


def _import(_: Callable[[Item], Result]) -> None:
    """Nothing; the process that is told to do it has started and imported the module of what it is given."""


def _pool(processes: int) -> ProcessPoolExecutor:
    # Not forked: Arrow's threads run already.
    return ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))


@contextmanager
def exit_at_once() -> Iterator[None]:
    """Make this process end at once when it ends after a block that raised nothing.

    Python takes every module and object apart before it ends: with torch half a second, for memory that the
    kernel is about to take back whole. What others have registered with `atexit` since the block began is
    done first, and the exit status is 0.
    """
    done = False

    def leave() -> None:
        if done:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)

    atexit.register(leave)  # the first that is registered is the last that is called
    yield
    done = True


def die_with_parent() -> None:
    """Has the kernel kill this process when the thread that started it ends, if that one set `PARENT`."""
    parent = os.environ.pop(PARENT, "")
    if parent:
        die_with(int(parent))


def die_with(parent: int) -> None:
    """Has the kernel kill this process when the thread of `parent` that started it ends."""
    if sys.platform == "linux":
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was dead before the kernel knew
        os._exit(1)


def adopt_orphans() -> None:
    """Has processes that descend from this one become its children when their own parents end (Linux)."""
    if sys.platform == "linux":
        _prctl(PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value)


def children() -> list[int]:
    """The processes whose parent is this one, zombies included (Linux; elsewhere none are known)."""
    listed = [Path("/proc/self/task", task, "children") for task in _tasks()]
    if all(file.exists() for file in listed):
        return [int(pid) for file in listed for pid in file.read_text().split()]
    found = []  # a kernel without these lists
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            after_name = (folder / "stat").read_text(errors="replace").rpartition(")")[2]
            if int(after_name.split()[1]) == os.getpid():
                found.append(int(folder.name))
    return found


def _tasks() -> list[str]:
    """The threads of this process as the kernel counts them (Linux; elsewhere none are known)."""
    return [task.name for task in Path("/proc/self/task").iterdir()] if sys.platform == "linux" else []


def end_children(keep: Container[int]) -> None:
    """Kills the children of this process but those to keep; whoever waits for its children buries them."""
    for pid in children():
        if pid not in keep:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def end_descendants(keep: Container[int]) -> None:
    """Kills and reaps the children of this process but those to keep, and whoever becomes its child by that.

    Of a process that adopts orphans, so that none is left: each generation comes when its parents are gone.
    """
    while ended := [pid for pid in children() if pid not in keep]:
        end_children(keep)
        for pid in ended:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def open_end(pid: int) -> int | None:
    """A descriptor that can be read once the process has ended; None where the system has none to give.

    Linux has it since 5.3.
    """
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


MENDED_BY_FORK = frozenset({"jemalloc_bg_thd"})
"""Names of threads that take care of themselves in a fork: the one of Arrow's memory allocator."""


def has_threads() -> bool:
    """Whether this process has threads that a fork would not take along, those outside Python included."""
    for task in _tasks():
        name = Path("/proc/self/task", task, "comm").read_text().strip()
        if int(task) != threading.get_native_id() and name not in MENDED_BY_FORK:
            return True
    return sys.platform != "linux"


def leave(status: int = 0) -> NoReturn:
    """Ends this process without waiting for its threads; what was registered with `atexit` is done first."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, or replaced, by a plug-in
            stream.flush()
    os._exit(status)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def this_run() -> str:
    """What `RUN` says of jobs that belong to this process."""
    return f"{os.getpid()}@{socket.gethostname()}"


def die_with_run() -> None:
    """Ends this process when the one that `RUN` names ends; does nothing on another machine.

    Snakemake starts its jobs through a shell, so the kernel's signal for a dead parent would miss its death.
    """
    pid, _, host = os.environ.get(RUN, "").partition("@")
    if not pid or host != socket.gethostname():
        return
    run = open_end(int(pid))
    if run is None:
        if not _lives(int(pid)):
            os._exit(1)
        return

    def wait() -> None:
        select.select([run], [], [])
        print("optbench: what started this job is gone; stopping", file=sys.stderr, flush=True)  # noqa: T201
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
