"""What the threads that have cells trained share: the cells that wait, the claims on those in hand."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.cells.domains import trust_domain
from optbench.cells.paths import trace_path
from optbench.running.locks import KeyLocks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from optbench.cells.cell import CellSpec
    from optbench.running.child import Child

CLAIMED_POLL_S = 0.5
"""Seconds between two looks at a cell that another process trains."""

WAITING_PER_THREAD = 4
"""Groups that must wait for each thread where one is set aside: none may end up behind a long one while
others have nothing to do."""


def written(path: Path) -> int:
    """When a file was written, in ns since 1970; 0 where there is none."""
    try:
        return path.stat().st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return 0


@dataclass
class Task:
    """Cells that are trained at once, claimed for this process before this is made.

    Attributes:
        cells: one at least.
        paths: of their traces.
        stamps: when these were written before, in ns since 1970; 0 where there were none.
        child: which has the cells in hand or next.
        ticket: of the request with which it got them.
    """

    cells: list[CellSpec]
    paths: list[Path] = field(init=False)
    stamps: list[int] = field(init=False)
    child: Child | None = None
    ticket: str = ""

    def __post_init__(self) -> None:
        self.paths = list(map(trace_path, self.cells))
        self.stamps = list(map(written, self.paths))


class TaskQueue:
    """What the threads of one `train_all` share."""

    def __init__(
        self,
        groups: Sequence[list[CellSpec]],
        workers: int,
        start: Callable[[CellSpec], Child],
        on_cell: Callable[[CellSpec, str], None],
    ) -> None:
        self.workers = workers
        self.start = start
        self.problems: list[BaseException] = []
        self.claims = KeyLocks(Path("results") / groups[0][0].study / ".claims")
        self._on_cell = on_cell
        self._lock = threading.Lock()
        self._waiting: dict[frozenset[str], deque[list[CellSpec]]] = {}
        for group in groups:
            self._waiting.setdefault(trust_domain(group[0]), deque()).append(group)

    def take(self, domain: frozenset[str] | None = None) -> Task | None:
        """The next cells, claimed; None where none are left. Waits while another process holds all of them.

        Args:
            domain: of the process that is to train them; others come where none of these are left.
        """
        while not self.problems:
            found = self._next(domain)
            if found is None:
                return None
            if self._claim(list(map(trace_path, found))):
                return Task(found)
            self._put_back(found)
            time.sleep(CLAIMED_POLL_S)
        return None

    def take_ahead(self, domain: frozenset[str]) -> Task | None:
        """Cells of this domain, claimed, for a process that is still busy; None where it had better not.

        Only where so many wait that a process may have some set aside while it is busy with others.
        """
        with self._lock:
            waiting = self._waiting.get(domain, ())
            if self.problems or len(waiting) < WAITING_PER_THREAD * self.workers:
                return None
            cells = self._waiting[domain].popleft()
        if self._claim(list(map(trace_path, cells))):
            return Task(cells)
        self._put_back(cells)
        return None

    def _next(self, domain: frozenset[str] | None) -> list[CellSpec] | None:
        """The cells that wait longest of the domain, else of the one of which most wait."""
        with self._lock:
            waiting = {of: cells for of, cells in self._waiting.items() if cells}
            if not waiting:
                return None
            chosen = domain if domain in waiting else max(waiting, key=lambda of: len(waiting[of]))
            return waiting[chosen].popleft()

    def _put_back(self, cells: list[CellSpec]) -> None:
        with self._lock:
            self._waiting[trust_domain(cells[0])].append(cells)

    def finish(self, task: Task, statuses: Mapping[str, str]) -> None:
        """Gives the task's cells back and tells what became of them."""
        self._leave(task.paths)
        with self._lock:
            for cell in task.cells:
                self._on_cell(cell, statuses[cell.name])

    def _claim(self, paths: Sequence[Path]) -> bool:
        """Claims all of them or, where another process holds one, none."""
        for place, path in enumerate(paths):
            if not self.claims.take(path.as_posix()):
                self._leave(paths[:place])
                return False
        return True

    def _leave(self, paths: Sequence[Path]) -> None:
        for path in paths:
            self.claims.leave(path.as_posix())
