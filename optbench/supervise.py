"""The parent of the training processes: no torch here, so that nothing a cell does can hurt it.

Every child is handed one cell at a time, or the seeds that are trained together. A child that dies costs the
cell it had in hand: its trace says `killed` (or `timeout`) with the reason, and the cells that wait go on in
a fresh child. Where it had several in hand, each of them is tried alone. A parent that dies takes its
children along.
"""

from __future__ import annotations

import json
import math
import queue
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.child import Child, start_child
from optbench.files import sweep
from optbench.locks import Claims
from optbench.matrix import is_complete, trace_path, trained_at_once
from optbench.search import settled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from optbench.spec import CellSpec


CHANCES = 2
"""Times that a cell is tried whose process is killed from outside."""

HELD_S = 0.5
"""Seconds between two looks at a cell that another process trains."""


def train_all(
    cells: Sequence[CellSpec],
    data_folder: Path,
    study_folder: Path,
    workers: int,
    on_cell: Callable[[CellSpec, str], None],
    since: float = math.inf,
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

    Raises:
        UserError: a training process does not start, or a cell's learning rate has not been chosen yet
            (nothing is trained then).
        OSError: a trace cannot be written, on a full disk for one.
    """
    if not cells:
        return
    since = min(since, time.time())
    waiting: queue.SimpleQueue[list[CellSpec]] = queue.SimpleQueue()
    groups = trained_at_once([settled(cell) for cell in cells])
    for group in groups:
        waiting.put(group)
    lock = threading.Lock()
    problems: list[BaseException] = []
    claims = Claims(Path("results") / cells[0].study / ".claims")

    def work() -> None:
        child: Child | None = None
        try:
            while not problems:
                try:
                    group = waiting.get_nowait()
                except queue.Empty:
                    return
                if not _take_all(claims, group):
                    waiting.put(group)
                    time.sleep(HELD_S)
                    continue
                try:
                    made = [(cell, _made_since(cell, since)) for cell in group]
                    statuses = {cell.name: status for cell, status in made if status is not None}
                    left = [cell for cell in group if cell.name not in statuses]
                    if left:
                        if child is not None and child.device != left[0].device:
                            child.end()
                            child = None
                        start = partial(start_child, data_folder, study_folder, left[0])
                        found, child = _train(left, child, start)
                        statuses |= found
                finally:
                    _leave_all(claims, group)
                with lock:
                    for cell in group:
                        on_cell(cell, statuses[cell.name])
        except BaseException as problem:
            problems.append(problem)
        finally:
            if child is not None:
                child.end()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(workers, len(groups)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    claims.close()
    if problems:
        raise problems[0]


def _made_since(cell: CellSpec, since: float) -> str | None:
    """The status of a trace that another process finished after `since`; None where none did."""
    path = trace_path(cell)
    return _status(path) if _stamp(path) > since * 1e9 and is_complete(path) else None


def _take_all(claims: Claims, cells: Sequence[CellSpec]) -> bool:
    """Claims all of them or, where another process holds one, none."""
    taken: list[CellSpec] = []
    for cell in cells:
        if not claims.take(trace_path(cell).as_posix()):
            _leave_all(claims, taken)
            return False
        taken.append(cell)
    return True


def _leave_all(claims: Claims, cells: Sequence[CellSpec]) -> None:
    for cell in cells:
        claims.leave(trace_path(cell).as_posix())


def _train(
    cells: Sequence[CellSpec], child: Child | None, start: Callable[[], Child], why_alone: str = ""
) -> tuple[dict[str, str], Child | None]:
    """Has a child train `cells`, which are trained at once: the one given, or a fresh one.

    A kill from outside (somebody's, or the kernel's for want of memory) may have nothing to do with the
    cells, so they get another chance; a crash of its own is a cell's result at once. Cells that were trained
    together then are tried alone: whichever of them it was, the others must not suffer.

    Returns:
        The status of each cell by its name, and a living child.
    """
    how = ""
    for _ in range(CHANCES):
        for cell in cells:
            sweep(trace_path(cell).parent, trace_path(cell).name)
        child = child or start()
        statuses, how = _one(child, cells, why_alone)
        if child.device == "cuda" and "error" in statuses.values():
            how = child.end()  # an error may leave the card's state unusable, or its memory taken
        if statuses:
            return statuses, None if how else child
        if not child.killed_from_outside:
            break
        child = None
    else:
        how = f"{how}\nkilled {CHANCES} times, by the kernel for want of memory?"
    child = None
    statuses = {}
    for cell in cells:
        if cell.together and not why_alone:
            first_line = how.partition("\n")[0]
            found, child = _train([cell], child, start, f"trained together: {first_line}")
            statuses |= found
        else:
            sweep(trace_path(cell).parent, trace_path(cell).name)
            statuses[cell.name] = _fail(cell, "killed", how)
    return statuses, child


def _one(child: Child, cells: Sequence[CellSpec], why_alone: str) -> tuple[dict[str, str], str]:
    """Has `child` train `cells`, which are trained at once.

    Returns:
        The cells' statuses by their names, none where the child died over them, and how the child ended, ""
        if it lives.
    """
    paths = [trace_path(cell) for cell in cells]
    before = [_stamp(path) for path in paths]
    names = [cell.name for cell in cells]
    limit_s = cells[0].timeout_s * (1 if why_alone else max(1, len(cells[0].together)))
    try:
        child.send(cells, why_alone)
        words = child.answer(limit_s)
    except BrokenPipeError:
        words = None
    except TimeoutError:
        child.process.kill()
        how = child.end()
        told = f"the cell did not end within its limit of {limit_s:g} s"
        if len(cells) > 1:
            told = f"the cells that are trained together did not end within their limit of {limit_s:g} s"
        return {cell.name: _fail(cell, "timeout", told) for cell in cells}, how
    if words is None:
        how = child.end()
        # It may have died after its traces were written, before it said so.
        if any(_stamp(path) == stamp for path, stamp in zip(paths, before, strict=True)):
            return {}, how
        return dict(zip(names, map(_status, paths), strict=True)), how
    if words.startswith("["):
        _, number, reason, file = json.loads(words)
        child.end()
        raise OSError(number, reason, file)
    return dict(zip(names, words.split(), strict=True)), ""


def _stamp(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def _status(path: Path) -> str:
    from optbench.trace import read_trace  # noqa: PLC0415  (arrow's import is for the rare case)

    return str(read_trace(path).facts["status"])


def _fail(cell: CellSpec, status: str, error: str) -> str:
    """Writes a trace without a curve for a cell that could not write its own; returns its status."""
    from optbench.trace import Trace, cell_facts, write_trace  # noqa: PLC0415  (as above)

    write_trace(trace_path(cell), Trace({**cell_facts(cell), "status": status, "error": error, "steps": 0}))
    return status
