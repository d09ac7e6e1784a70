"""A training process as its parent sees it: started, handed cells, listened to, ended."""

from __future__ import annotations

import os
import pickle
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from optbench.core.errors import UserError
from optbench.core.processes import PARENT
from optbench.running.gpus import gpus, hold_gpu
from optbench.running.worker import READY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from optbench.cells.cell import CellSpec

START_LIMIT_S = 300.0
"""How long a child may take to import torch, on a cold network file system say."""

LOG_TAIL = 4000
"""Characters of a dead child's output that its cell's trace keeps."""

STARTS = 20
"""Times that a process is started which is killed from outside before it is ready."""


@dataclass
class Child:
    """One training process and what it prints.

    Attributes:
        domain: the factories of others that it may run (`optbench.running.tasks.trust_domain`).
    """

    process: subprocess.Popen[bytes]
    log: IO[bytes]
    device: str
    gpu: IO[str] | None = None
    buffer: bytes = field(default=b"")
    domain: frozenset[str] = frozenset()

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

    def send(self, cells: Sequence[CellSpec], why_alone: str) -> None:
        """Hands it cells that are trained at once, or why they are not."""
        stdin = self.process.stdin
        assert stdin is not None  # noqa: S101
        pickle.dump((list(cells), why_alone), stdin)
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
        if self.gpu is not None:
            self.gpu.close()
        how = f"signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"exit status {code}"
        return f"the training process ended with {how}" + (f"\n{tail}" if tail else "")


def start_child(data_folder: Path, study_folder: Path, cell: CellSpec) -> Child:
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


def _launch(data_folder: Path, study_folder: Path, threads: int, device: str) -> Child:
    log = tempfile.TemporaryFile()  # noqa: SIM115  (closed in Child.end)
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        # cuBLAS is deterministic only with a fixed workspace.
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "PYTHONHASHSEED": "0",
        PARENT: str(os.getpid()),
    }
    gpu = None
    names = gpus() if device == "cuda" else []
    if names:  # without one, the cell says so itself
        environment["CUDA_VISIBLE_DEVICES"], gpu = hold_gpu(names)
    process = subprocess.Popen(  # noqa: S603  (our own interpreter and module)
        [sys.executable, "-m", "optbench.running.worker", str(data_folder), str(study_folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=environment,
    )
    return Child(process, log, device, gpu)
