"""Work on several processes, with the results of one (layer 0: no libraries)."""

from __future__ import annotations

import multiprocessing
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 2
"""Results a process may be ahead of whoever takes them: memory stays bounded however many items there are."""


def mapped(work: Callable[[Item], Result], items: Iterable[Item], processes: int) -> Iterator[Result]:
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
            if len(waiting) > AHEAD * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def beside(work: Callable[[Item], Result], item: Item, *, apart: bool) -> Iterator[Callable[[], Result]]:
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
