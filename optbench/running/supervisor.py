"""The parent of the training processes: no torch here, so that nothing a cell does can hurt it.

Every child has one cell in hand at a time, or the seeds that are trained together. A child that dies costs
that cell: its trace says `killed` (or `timeout`) with the reason, and the cells that wait go on in a fresh
child. Where it had several in hand, each of them is tried alone. A parent that dies takes its children along.

Where cells are small, a child finds its next one in the pipe when it has finished one, so that neither waits
for the other; a child that dies has not begun that one, and another gets it.

Cells whose factories are all of optbench or torch may follow each other in one child. A cell that names a
plug-in or a third-party package shares a child only with cells that name the same ones, so that whatever
these do to their process changes no number of another's cell.
"""

from __future__ import annotations

import math
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.cells.domains import trust_domain
from optbench.cells.matrix import trained_at_once
from optbench.cells.paths import is_complete, trace_path
from optbench.cells.search import with_choice
from optbench.core.files import sweep
from optbench.core.status import ERROR, KILLED, TIMEOUT
from optbench.running.channel import SpoiltError
from optbench.running.child import Child, start_child
from optbench.running.launcher import Launcher
from optbench.running.tasks import Task, TaskQueue, written
from optbench.running.worker import LAST, STATUSES, UNWRITABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from optbench.cells.cell import CellSpec


MOST_TRIES = 2
"""Times that a cell is tried whose process is killed from outside."""

SMALL_S = 0.5
"""A child whose last cell took less has its next one handed to it ahead."""


def train_all(
    cells: Sequence[CellSpec],
    data_folder: Path,
    study_folder: Path,
    workers: int,
    on_cell: Callable[[CellSpec, str], None],
    since: float = math.inf,
    launcher: Launcher | None = None,
) -> None:
    """Trains `cells` in `workers` processes side by side; every cell's trace is written, whatever happens.

    A cell that another process is training is waited for, and taken over should that process end without it.

    Args:
        cells: what to train, a tuned one with what its tuning chose; each goes to the first free process.
        data_folder: where prepared data lies.
        study_folder: plug-ins are importable from here.
        workers: training processes (>= 1).
        on_cell: called with each finished cell and its status, from several threads but never at once.
        since: when it was decided that these cells are to be trained (seconds since 1970): a trace that was
            finished after it, by another process, counts.
        launcher: what starts the processes; left out, one for this call alone.

    Raises:
        UserError: a training process does not start, or a cell's learning rate has not been chosen yet
            (nothing is trained then).
        OSError: a trace cannot be written, on a full disk for one.
    """
    if not cells:
        return
    if launcher is None:
        with Launcher() as own:
            train_all(cells, data_folder, study_folder, workers, on_cell, since, own)
        return
    since = min(since, time.time())
    groups = trained_at_once([with_choice(cell) for cell in cells])
    start = partial(start_child, launcher, data_folder, study_folder)
    tasks = TaskQueue(groups, min(workers, len(groups)), start, on_cell)
    threads = [
        threading.Thread(target=_Supervisor(tasks, since).work, daemon=True) for _ in range(tasks.workers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tasks.claims.close()
    if tasks.problems:
        raise tasks.problems[0]


class _Supervisor:
    """One thread of `train_all`, and the child that it hands cells to."""

    def __init__(self, tasks: TaskQueue, since: float) -> None:
        self._tasks = tasks
        self._since = since
        self._child: Child | None = None
        self._ahead: Task | None = None
        self._took_s = math.inf

    def work(self) -> None:
        """Has cells trained until none are left, or another thread has a problem."""
        try:
            while not self._tasks.problems and (task := self._next()) is not None:
                self._tasks.finish(task, self._statuses(task))
        except BaseException as problem:
            self._tasks.problems.append(problem)
        finally:
            if self._child is not None:
                if self._ahead is not None:  # it may have begun what nobody waits for any more
                    self._child.kill()
                self._child.end()

    def _next(self) -> Task | None:
        task, self._ahead = self._ahead, None
        return task or self._tasks.take(self._child.domain if self._child else None)

    def _statuses(self, task: Task) -> dict[str, str]:
        """Has what is left of the task trained; returns its cells' statuses by their names."""
        made = {} if task.child else self._made(task)
        left = [cell for cell in task.cells if cell.name not in made]
        if len(left) < len(task.cells):
            task = Task(left)
        return made | (self._train(task) if left else {})

    def _made(self, task: Task) -> dict[str, str]:
        """The statuses of the traces that another process has finished since training was decided on."""
        return {
            cell.name: _status(path)
            for cell, path, stamp in zip(task.cells, task.paths, task.stamps, strict=True)
            if stamp > self._since * 1e9 and is_complete(path)
        }

    def _train(self, task: Task, why_alone: str = "") -> dict[str, str]:
        """Has a child train the task's cells; returns their statuses by their names.

        A kill from outside (somebody's, or the kernel's for want of memory) may have nothing to do with the
        cells, so they get another chance; a crash of its own is a cell's result at once. Cells that were
        trained together then are tried alone: whichever of them it was, the others must not suffer.
        """
        how = ""
        for _ in range(MOST_TRIES):
            child = self._assign(task, why_alone)
            statuses, how = self._answer(child, task, why_alone)
            if statuses:
                return statuses
            if not child.killed_from_outside:
                break
        else:
            by = "the kernel for want of memory" if "SIGKILL" in how.partition("\n")[0] else "itself"
            how = f"{how}\nkilled {MOST_TRIES} times, from outside or by {by}?"
        statuses = {}
        for cell in task.cells:
            if cell.together and not why_alone:
                first_line = how.partition("\n")[0]
                statuses |= self._train(Task([cell]), f"trained together: {first_line}")
            else:
                statuses[cell.name] = _fail(cell, KILLED.name, how)
        return statuses

    def _assign(self, task: Task, why_alone: str = "") -> Child:
        """Sees to it that a living child has the task; returns the child."""
        first = task.cells[0]
        if self._child is not None and not (
            self._child.device == first.device and self._child.domain == trust_domain(first)
        ):
            self._child.end()
            self._child = None
        if self._child is None:
            self._child = self._tasks.start(first)
            self._child.domain = trust_domain(first)
        if task.child is not self._child:
            for path in task.paths:
                sweep(path.parent, path.name)
            task.child = self._child
            task.ticket = self._child.send(task.cells, why_alone)
        return self._child

    def _assign_next(self, child: Child) -> None:
        """Hands `child` what it is to do next, where that is worth it and holds nobody up."""
        if self._ahead is not None or self._took_s > SMALL_S:
            return
        self._ahead = task = self._tasks.take_ahead(child.domain)
        if task is None or len(task.cells) > 1 or self._made(task):
            return
        # An error on a GPU ends the process that met it.
        if child.device == task.cells[0].device == "cpu":
            self._assign(task)

    def _answer(self, child: Child, task: Task, why_alone: str) -> tuple[dict[str, str], str]:
        """Waits for what becomes of the task that `child` has in hand.

        Returns:
            The cells' statuses by their names, none where the child died over them, and how the child ended,
            "" if it lives.
        """
        names = [cell.name for cell in task.cells]
        limit_s = task.cells[0].timeout_s * (1 if why_alone else max(1, len(task.cells[0].together)))
        begun = time.monotonic()
        self._assign_next(child)
        try:
            answer = child.answer(limit_s, task.ticket)
        except (TimeoutError, SpoiltError) as problem:
            child.kill()
            how = self._end_child(child, task)
            told = f"the training process {problem}\n{how}"  # which is not to be trusted any more
            if isinstance(problem, TimeoutError):
                told = f"the cell did not end within its limit of {limit_s:g} s"
                if len(task.cells) > 1:
                    told = (
                        f"the cells that are trained together did not end within their limit of {limit_s:g} s"
                    )
            status = (TIMEOUT if isinstance(problem, TimeoutError) else KILLED).name
            return {cell.name: _fail(cell, status, told) for cell in task.cells}, how
        self._took_s = time.monotonic() - begun
        if answer is None:
            how = self._end_child(child, task)
            # It may have died after its traces were written, before it said so.
            if any(written(path) == stamp for path, stamp in zip(task.paths, task.stamps, strict=True)):
                return {}, how
            return dict(zip(names, map(_status, task.paths), strict=True)), how
        if not child.domain and UNWRITABLE in answer:
            raise OSError(*answer[UNWRITABLE])
        whole = len(answer.get(STATUSES, ())) == len(names) and all(map(is_complete, task.paths))
        if not whole:  # a plug-in may have patched whatever writes; where the disk is full, this says so, too
            how = self._end_child(child, task)
            reason = ": ".join(map(str, answer.get(UNWRITABLE, [0, "there is no whole trace of it"])[1:]))
            told = f"the training process could not keep what it trained: {reason}\n{how}"
            return {cell.name: _fail(cell, KILLED.name, told) for cell in task.cells}, how
        statuses = dict(zip(names, answer[STATUSES], strict=True))
        # An error may leave the GPU's state unusable, or its memory taken.
        if answer[LAST] or (child.device == "cuda" and ERROR.name in statuses.values()):
            return statuses, self._end_child(child, task)
        return statuses, ""

    def _end_child(self, child: Child, task: Task) -> str:
        """Ends the child and removes what it has left half written of the task; says how it ended."""
        how = child.end()
        self._child = None
        for path in task.paths:
            sweep(path.parent, path.name)
        return how


def _status(path: Path) -> str:
    from optbench.cells.trace import read_trace  # noqa: PLC0415  (arrow's import is for the rare case)

    return str(read_trace(path).facts["status"])


def _fail(cell: CellSpec, status: str, error: str) -> str:
    """Writes a trace without a curve for a cell that could not write its own; returns its status."""
    from optbench.cells.trace import Trace, cell_facts, write_trace  # noqa: PLC0415  (as above)

    write_trace(trace_path(cell), Trace({**cell_facts(cell), "status": status, "error": error, "steps": 0}))
    return status
