"""The parent of the training processes: no torch here, so that nothing a cell does can hurt it.

Every child is handed one cell at a time. A child that dies costs the cell it had in hand: its trace says
`killed` (or `timeout`) with the reason, and the cells that wait go on in a fresh child.
"""

from __future__ import annotations

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
from pathlib import Path
from typing import IO, TYPE_CHECKING

from optbench.errors import UserError
from optbench.matrix import trace_path
from optbench.worker import READY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from optbench.spec import CellSpec

START_LIMIT_S = 300.0
"""How long a child may take to import torch, on a cold network file system say."""

LOG_TAIL = 4000
"""Characters of a dead child's output that its cell's trace keeps."""


@dataclass
class _Child:
    """One training process and what it prints."""

    process: subprocess.Popen[bytes]
    log: IO[bytes]
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

    def end(self) -> str:
        """Ends the child; says how it ended, with the tail of what it printed."""
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
        how = f"signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"exit status {code}"
        return f"the training process ended with {how}" + (f"\n{tail}" if tail else "")


def _start(data_folder: Path, study_folder: Path, threads: int) -> _Child:
    log = tempfile.TemporaryFile()  # noqa: SIM115  (closed in _Child.end)
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        # cuBLAS is deterministic only with a fixed workspace.
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "PYTHONHASHSEED": "0",
    }
    process = subprocess.Popen(  # noqa: S603  (our own interpreter and module)
        [sys.executable, "-m", "optbench.worker", str(data_folder), str(study_folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=environment,
    )
    child = _Child(process, log)
    try:
        word = child.answer(START_LIMIT_S)
    except TimeoutError:
        process.kill()
        word = None
    if word != READY:
        raise UserError(f"a training process did not start: {child.end()}")
    return child


def train_all(
    cells: Sequence[CellSpec],
    data_folder: Path,
    study_folder: Path,
    workers: int,
    on_cell: Callable[[CellSpec, str], None],
) -> None:
    """Trains `cells` in `workers` processes side by side; every cell's trace is written, whatever happens.

    Args:
        cells: what to train; each goes to the first process that is free.
        data_folder: where prepared data lies.
        study_folder: plug-ins are importable from here.
        workers: training processes (>= 1).
        on_cell: called with each finished cell and its status, from several threads but never at once.

    Raises:
        UserError: a training process does not start, or a trace cannot be written.
    """
    waiting: queue.SimpleQueue[CellSpec] = queue.SimpleQueue()
    for cell in cells:
        waiting.put(cell)
    lock = threading.Lock()
    problems: list[BaseException] = []

    def work() -> None:
        child: _Child | None = None
        try:
            while not problems:
                try:
                    cell = waiting.get_nowait()
                except queue.Empty:
                    return
                child = child or _start(data_folder, study_folder, cell.threads)
                status, alive = _one(child, cell)
                if not alive:
                    child = None
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
    if problems:
        raise problems[0]


def _one(child: _Child, cell: CellSpec) -> tuple[str, bool]:
    """Has `child` train `cell`; returns its status and whether the child is still alive."""
    path = trace_path(cell)
    before = _stamp(path)
    try:
        child.send(cell)
        word = child.answer(cell.timeout_s)
    except BrokenPipeError:
        word = None
    except TimeoutError:
        child.process.kill()
        child.end()
        return _fail(cell, "timeout", f"the cell did not end within its limit of {cell.timeout_s:g} s"), False
    if word is not None:
        return word, True
    how = child.end()
    if _stamp(path) != before:  # it died after its trace was written, before it said so
        from optbench.trace import read_trace  # noqa: PLC0415  (arrow's import is for the rare case)

        return str(read_trace(path).facts["status"]), False
    return _fail(cell, "killed", how), False


def _stamp(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def _fail(cell: CellSpec, status: str, error: str) -> str:
    """Writes a trace without a curve for a cell that could not write its own; returns its status."""
    from optbench.trace import Trace, cell_facts, write_trace  # noqa: PLC0415  (as above)

    write_trace(trace_path(cell), Trace({**cell_facts(cell), "status": status, "error": error, "steps": 0}))
    return status
