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
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

RUN = "OPTBENCH_RUN"
"""Environment variable that names the process a job belongs to: `PID@HOST`."""

PARENT = "OPTBENCH_PARENT"
"""Environment variable with the process id of the one that starts a child."""

PR_SET_PDEATHSIG = 1


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
    if not parent:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):  # it was dead before the kernel knew
        os._exit(1)


def this_run() -> str:
    """What `RUN` says of jobs that belong to this process."""
    return f"{os.getpid()}@{socket.gethostname()}"


def die_with_run() -> None:
    """Ends this process when the one that `RUN` names ends; does nothing on another machine.

    Snakemake starts its jobs through a shell, so the kernel's signal for a dead parent would miss its death.
    """
    pid, _, host = os.environ.get(RUN, "").partition("@")
    if not pid or host != socket.gethostname() or not hasattr(os, "pidfd_open"):
        return
    try:
        run = os.pidfd_open(int(pid))
    except ProcessLookupError:
        os._exit(1)

    def wait() -> None:
        select.select([run], [], [])
        print("optbench: what started this job is gone; stopping", file=sys.stderr, flush=True)  # noqa: T201
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
