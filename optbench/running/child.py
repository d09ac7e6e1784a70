"""A training process as its parent sees it: started, handed cells, listened to, ended."""

from __future__ import annotations

import pickle
import secrets
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from types import NoneType
from typing import IO, TYPE_CHECKING, Any

from optbench.core.errors import UserError
from optbench.core.status import STATUSES as RUN_STATUSES  # beside the key of an answer
from optbench.running.channel import READY, Answers, SpoiltError
from optbench.running.gpus import gpus, hold_gpu
from optbench.running.launcher import START_LIMIT_S, STARTS, Launcher, Process
from optbench.running.worker import LAST, STATUSES, TICKET, UNWRITABLE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from optbench.cells.cell import CellSpec

ENDS = tuple(status.name for status in RUN_STATUSES if status.ran)
"""How a cell may have ended."""

WHY = ([int, str, str], [NoneType, str, str])
"""Types of what is said of a trace that could not be written."""


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

    def answer(self, limit_s: float, ticket: str) -> dict[str, Any] | None:
        """What the child says to one request; None when it ended without.

        Args:
            limit_s: seconds that the answer may take.
            ticket: of the request. Answers to others, which what a cell has forked may give, are passed over.

        Raises:
            TimeoutError: it took longer.
            SpoiltError: something else came.
        """
        deadline = time.monotonic() + limit_s
        while True:
            said = self.answers.next(max(deadline - time.monotonic(), 0))
            if said is None:
                return None
            answer = _checked(said)
            if answer[TICKET] == ticket:
                return answer

    def send(self, cells: Sequence[CellSpec], why_alone: str) -> str:
        """Hands it cells that are trained at once, or why they are not; returns the request's ticket."""
        ticket = secrets.token_hex(8)
        with suppress(BrokenPipeError):  # it has ended, as its answer will say
            pickle.dump((list(cells), why_alone, ticket), self.process.stdin)
            self.process.stdin.flush()
        return ticket

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


def _checked(said: object) -> dict[str, Any]:
    """What a training process says, if it is an answer. Raises SpoiltError."""
    if isinstance(said, dict) and isinstance(said.get(TICKET), str) and isinstance(said.get(LAST), bool):
        statuses, unwritable = said.get(STATUSES), said.get(UNWRITABLE)
        if unwritable is None and isinstance(statuses, list) and all(one in ENDS for one in statuses):
            return said
        if statuses is None and isinstance(unwritable, list) and list(map(type, unwritable)) in WHY:
            return said
    raise SpoiltError("gave an answer that cannot be read")


def start_child(launcher: Launcher, data_folder: Path, study_folder: Path, cell: CellSpec) -> Child:
    """A child that is ready for cells; one that is killed from outside before it is, is replaced."""
    for _ in range(STARTS):
        child = _launch(launcher, data_folder, study_folder, cell)
        try:
            word = child.answers.next(START_LIMIT_S)
        except (TimeoutError, SpoiltError):
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
    process = launcher.start(
        "optbench.running.worker",
        [str(data_folder), str(study_folder)],
        threads=cell.threads,
        device=cell.device,
        imports=["optbench.training.batched.train"] if cell.together else [],
        variables=variables,
    )
    return Child(process, cell.device, Answers(process), gpu)
