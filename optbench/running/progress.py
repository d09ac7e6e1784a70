"""Progress of a study's training, as plain lines: cells done, rate, time left, failures."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from optbench.cells.paths import trace_path
from optbench.core.commands import optbench_command
from optbench.core.files import write_text
from optbench.core.status import FAILED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from optbench.cells.cell import CellSpec

INTERVAL_S = 5.0
"""Seconds between two lines, over all the processes that train the study."""

NAMED_FAILURES = 10
"""Failed cells that are named as they fail; the rest are only counted."""


def one_of_each_first(cells: Sequence[CellSpec]) -> list[CellSpec]:
    """The first cell of every workload, then the others in their order: what is left can be judged early."""
    first: dict[str, CellSpec] = {}
    for cell in cells:
        first.setdefault(cell.workload.name, cell)
    return [*first.values(), *(cell for cell in cells if first[cell.workload.name] is not cell)]


class Progress:
    """Counts the traces of a study and says how far it is.

    Several jobs train a study side by side and none knows of the others, so each counts the files of all
    cells that were left when it began; a shared mark keeps them from saying the same thing twice.

    A cell of one workload takes a hundred times as long as one of another. So what is left is counted in the
    seconds that a cell of each workload took here, and the speed in such seconds a second.
    """

    def __init__(self, cells: Sequence[CellSpec], mine: Sequence[CellSpec], mark: Path, what: str) -> None:
        """Starts the clock.

        Args:
            cells: all cells of the study.
            mine: those that this process trains, whether or not a trace of them is there.
            mark: a file whose modification time is that of the last line.
            what: what a cell is called in the lines, `cells` for one.
        """
        own = {trace_path(cell) for cell in mine}
        workloads = {trace_path(cell): cell.workload.name for cell in cells}
        self._left = {path: name for path, name in workloads.items() if path in own or not path.exists()}
        self._total = len(workloads)
        self._what = what
        self._mark = mark
        self._begun = time.time()
        self._failed = 0
        self._took: dict[str, list[float]] = {}
        self._since: dict[int, float] = {}  # when the worker that a thread looks after began its cell

    def _finished(self) -> Counter[str]:
        """Traces that were written since the clock started, by workload."""
        return Counter(
            name for path, name in self._left.items() if path.exists() and path.stat().st_mtime >= self._begun
        )

    def _to_go_s(self, finished: Counter[str], now: float) -> float:
        """Seconds that what is left will take; NaN where nothing is known yet."""
        mean = {name: sum(took) / len(took) for name, took in self._took.items()}
        usual = sum(mean.values()) / len(mean) if mean else math.nan
        cost = {name: mean.get(name, usual) for name in self._left.values()}
        done = sum(number * cost[name] for name, number in finished.items())
        left = sum(cost[name] for name in self._left.values()) - done
        return left * (now - self._begun) / done if done > 0 else math.nan

    def tell(self, cell: CellSpec, status: str) -> None:
        """Counts one finished cell; names it if it failed, and says how far the study is if it is time.

        Called in the thread that looks after the process that trained it.
        """
        now, worker = time.time(), threading.get_ident()
        self._took.setdefault(cell.workload.name, []).append(now - self._since.get(worker, self._begun))
        self._since[worker] = now
        if status in FAILED:
            self._failed += 1
            if self._failed <= NAMED_FAILURES:
                command = optbench_command("show", cell.name, options=("--study", cell.study))
                _say(f"{cell.name}: {status} ({command} says why)")
        if self._mark.exists() and now - self._mark.stat().st_mtime < INTERVAL_S:
            return
        write_text(self._mark, "")
        finished = self._finished()
        done = self._total - len(self._left) + finished.total()
        rate = finished.total() / max(now - self._begun, 1e-9)
        to_go_s = self._to_go_s(finished, now)
        left = f", about {duration(to_go_s)} left" if to_go_s > 0 and done < self._total else ""
        failed = f", {self._failed} failed" if self._failed else ""
        _say(
            f"trained {done} of {self._total} {self._what} ({done / self._total:.0%}), "
            f"{rate:.1f} a second{left}{failed}"
        )


def duration(seconds: float) -> str:
    """A duration in words short enough for a line: `40 s`, `3 min`, `2 h 10 min`."""
    if seconds < 90:  # noqa: PLR2004
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"  # noqa: PLR2004


def _say(line: str) -> None:
    print(f"optbench: {line}", file=sys.stderr, flush=True)  # noqa: T201
