"""The parent of the training processes: no torch here, so that nothing a cell does can hurt it.

Every child is handed one cell at a time. A child that dies costs the cell it had in hand: its trace says
`killed` (or `timeout`) with the reason, and the cells that wait go on in a fresh child. A parent that dies
takes its children along.
"""

from __future__ import annotations

import json
import math
import os
import pickle
import queue
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

from optbench.cards import cards, hold_card
from optbench.errors import UserError
from optbench.files import sweep
from optbench.locks import Claims
from optbench.matrix import is_complete, trace_path
from optbench.orphans import PARENT
from optbench.search import settled
from optbench.worker import READY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from optbench.spec import CellSpec

START_LIMIT_S = 300.0
"""How long a child may take to import torch, on a cold network file system say."""

LOG_TAIL = 4000
"""Characters of a dead child's output that its cell's trace keeps."""


CHANCES = 2
"""Times that a cell is tried whose process is killed from outside."""

STARTS = 20
"""Times that a process is started which is killed from outside before it is ready."""

HELD_S = 0.5
"""Seconds between two looks at a cell that another process trains."""


@dataclass
class _Child:
    """One training process and what it prints."""

    process: subprocess.Popen[bytes]
    log: IO[bytes]
    device: str
    card: IO[str] | None = None
    buffer: bytes = field(default=b"")

    def answer(self, limit_s: float) -> str | None:
        """The next line from the child; None when it ended. Raises TimeoutError after `limit_s`."""
        deadline = time.monotonic() + limit_s
        stdout = self.process.stdout
        assert stdout is not None  # noqa: S101  (it was opened as a pipe)
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while b"\n" not in self.buffer:
                if not selector.select(max(deadline - time.monotonic(), 0)):
                    raise TimeoutError
                chunk = os.read(stdout.fileno(), 4096)
                if not chunk:
                    return None
                self.buffer += chunk
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.decode()

    def send(self, cell: CellSpec) -> None:
        stdin = self.process.stdin
        assert stdin is not None  # noqa: S101
        pickle.dump(cell, stdin)
        stdin.flush()

    @property
    def killed_from_outside(self) -> bool:
        """Whether it ended by a signal that no process sends itself by mistake."""
        return self.process.returncode in {-signal.SIGKILL, -signal.SIGTERM}

    def end(self) -> str:
        """Ends the child; says how it ended, with the tail of what it printed; "" where that is known."""
        if self.log.closed:
            return ""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
        code = self.process.wait()
        self.log.seek(0, os.SEEK_END)
        self.log.seek(max(0, self.log.tell() - LOG_TAIL))
        tail = self.log.read().decode(errors="replace").strip()
        self.log.close()
        if self.card is not None:
            self.card.close()
        how = f"signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"exit status {code}"
        return f"the training process ended with {how}" + (f"\n{tail}" if tail else "")


def _start(data_folder: Path, study_folder: Path, cell: CellSpec) -> _Child:
    """A child that is ready for cells; one that is killed from outside before it is, is replaced."""
    for _ in range(STARTS):
        child = _launch(data_folder, study_folder, cell.threads, cell.device)
        try:
            word = child.answer(START_LIMIT_S)
        except TimeoutError:
            child.process.kill()
            word = None
        if word == READY:
            return child
        how = child.end()
        if not child.killed_from_outside:
            break
    raise UserError(f"a training process did not start: {how}")


def _launch(data_folder: Path, study_folder: Path, threads: int, device: str) -> _Child:
    log = tempfile.TemporaryFile()  # noqa: SIM115  (closed in _Child.end)
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        # cuBLAS is deterministic only with a fixed workspace.
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "PYTHONHASHSEED": "0",
        PARENT: str(os.getpid()),
    }
    card = None
    names = cards() if device == "cuda" else []
    if names:  # without one, the cell says so itself
        environment["CUDA_VISIBLE_DEVICES"], card = hold_card(names)
    process = subprocess.Popen(  # noqa: S603  (our own interpreter and module)
        [sys.executable, "-m", "optbench.worker", str(data_folder), str(study_folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=environment,
    )
    return _Child(process, log, device, card)


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
    waiting: queue.SimpleQueue[CellSpec] = queue.SimpleQueue()
    for cell in [settled(cell) for cell in cells]:
        waiting.put(cell)
    lock = threading.Lock()
    problems: list[BaseException] = []
    claims = Claims(Path("results") / cells[0].study / ".claims")

    def work() -> None:
        child: _Child | None = None
        try:
            while not problems:
                try:
                    cell = waiting.get_nowait()
                except queue.Empty:
                    return
                key = trace_path(cell).as_posix()
                if not claims.take(key):
                    waiting.put(cell)
                    time.sleep(HELD_S)
                    continue
                try:
                    status = _made_since(cell, since)
                    if status is None:
                        if child is not None and child.device != cell.device:
                            child.end()
                            child = None
                        start = partial(_start, data_folder, study_folder, cell)
                        status, child = _train(cell, child, start)
                finally:
                    claims.leave(key)
                with lock:
                    on_cell(cell, status)
        except BaseException as problem:
            problems.append(problem)
        finally:
            if child is not None:
                child.end()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(workers, len(cells)))]
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


def _train(cell: CellSpec, child: _Child | None, start: Callable[[], _Child]) -> tuple[str, _Child | None]:
    """Has a child train `cell`: the one given, or a fresh one; returns the cell's status and a living child.

    A kill from outside (somebody's, or the kernel's for want of memory) may have nothing to do with the cell,
    so the cell gets another chance; a crash of its own is its result at once.
    """
    how = ""
    path = trace_path(cell)
    for _ in range(CHANCES):
        sweep(path.parent, path.name)
        child = child or start()
        status, how = _one(child, cell)
        if status == "error" and child.device == "cuda":
            how = child.end()  # an error may leave the card's state unusable, or its memory taken
        if status is not None:
            return status, None if how else child
        if not child.killed_from_outside:
            return _fail(cell, "killed", how), None
        child = None
    sweep(path.parent, path.name)
    return _fail(cell, "killed", f"{how}\nkilled {CHANCES} times, by the kernel for want of memory?"), None


def _one(child: _Child, cell: CellSpec) -> tuple[str | None, str]:
    """Has `child` train `cell`.

    Returns:
        The cell's status, None where the child died over it, and how the child ended, "" if it lives.
    """
    path = trace_path(cell)
    before = _stamp(path)
    try:
        child.send(cell)
        word = child.answer(cell.timeout_s)
    except BrokenPipeError:
        word = None
    except TimeoutError:
        child.process.kill()
        how = child.end()
        return _fail(cell, "timeout", f"the cell did not end within its limit of {cell.timeout_s:g} s"), how
    if word is None:
        how = child.end()
        # It may have died after its trace was written, before it said so.
        return _status(path) if _stamp(path) != before else None, how
    if word.startswith("["):
        _, number, reason, file = json.loads(word)
        child.end()
        raise OSError(number, reason, file)
    return word, ""


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
