"""A training process as its parent sees it: started, handed cells, listened to, ended."""

from __future__ import annotations

import pickle
import secrets
import signal
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from optbench.core.errors import UserError
from optbench.running.channel import Answers
from optbench.running.gpus import gpus, hold_gpu
from optbench.running.launcher import START_LIMIT_S, STARTS, Launcher, Process
from optbench.running.worker import READY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from optbench.cells.cell import CellSpec


@dataclass
class Child:
    """One training process and what it says.

    Attributes:
        process: which it is.
        device: on which it trains.
        answers: what it says.
        gpu: the lock of the GPU that it holds.
        domain: the factories of others that it may run (`optbench.cells.domains.trust_domain`).
    """

    process: Process
    device: str
    answers: Answers
    gpu: IO[str] | None = None
    domain: frozenset[str] = frozenset()
    how: str | None = None

    def answer(self, limit_s: float) -> Any:  # noqa: ANN401  (JSON)
        """What the child says next; None when it ended. Raises TimeoutError after `limit_s`."""
        return self.answers.next(limit_s)

    def send(self, cells: Sequence[CellSpec], why_alone: str) -> None:
        """Hands it cells that are trained at once, or why they are not."""
        pickle.dump((list(cells), why_alone), self.process.stdin)
        self.process.stdin.flush()

    def kill(self) -> None:
        """Kills it with all that it started."""
        self.process.kill()

    @property
    def killed_from_outside(self) -> bool:
        """Whether it ended by a signal that no process sends itself by mistake."""
        return self.process.returncode in {-signal.SIGKILL, -signal.SIGTERM}

    def end(self) -> str:
        """Ends the child; says how it ended, with the tail of what it printed; "" where that is known."""
        if self.how is not None:
            return ""
        self.how = f"the training process {self.process.end()}"
        if self.gpu is not None:
            self.gpu.close()
        return self.how


def start_child(launcher: Launcher, data_folder: Path, study_folder: Path, cell: CellSpec) -> Child:
    """A child that is ready for cells; one that is killed from outside before it is, is replaced."""
    for _ in range(STARTS):
        child = _launch(launcher, data_folder, study_folder, cell)
        try:
            word = child.answer(START_LIMIT_S)
        except TimeoutError:
            child.kill()
            word = None
        if word == READY:
            return child
        how = child.end()
        if not child.killed_from_outside:
            break
    raise UserError(f"a training process did not start: {how}")


def _launch(launcher: Launcher, data_folder: Path, study_folder: Path, cell: CellSpec) -> Child:
    gpu, variables = None, {}
    names = gpus() if cell.device == "cuda" else []
    if names:  # without one, the cell says so itself
        variables["CUDA_VISIBLE_DEVICES"], gpu = hold_gpu(names)
    token = secrets.token_hex(8)
    process = launcher.start(
        "optbench.running.worker",
        [str(data_folder), str(study_folder), token],
        threads=cell.threads,
        device=cell.device,
        imports=["optbench.training.batched.train"] if cell.together else [],
        variables=variables,
    )
    return Child(process, cell.device, Answers(process, token), gpu)
