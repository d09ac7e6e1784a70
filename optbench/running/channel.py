"""What a process that runs code of others says to its parent, line by line, past whatever that code writes.

The program's side keeps its requests and its answers on descriptors that nothing else uses, and turns its
standard output into its standard error. Every answer is a line that begins with a token which the parent has
made up, so that what a plug-in writes among them, on purpose or not, is passed over.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optbench.running.launcher import Process

FIRST_DESCRIPTOR = 200
"""Lowest number of a descriptor that is the channel's own: what a plug-in opens or closes is below."""


@dataclass(frozen=True)
class Channel:
    """The program's side.

    Attributes:
        requests: what the parent sends.
        answers: where answers go.
        token: how they begin.
    """

    requests: IO[bytes]
    answers: IO[str]
    token: str

    def say(self, answer: object) -> None:
        """Sends an answer that JSON can hold."""
        self.answers.write(f"\n{self.token} {json.dumps(answer)}\n")
        self.answers.flush()


def open_channel(token: str) -> Channel:
    """Takes standard input and output for the channel; what is printed from here on goes elsewhere."""
    requests = os.fdopen(fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR), "rb")
    answers = os.fdopen(fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR), "w")
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)
    return Channel(requests, answers, token)


@dataclass
class Answers:
    """The parent's side.

    Attributes:
        process: which answers.
        token: how each of its answers begins.
    """

    process: Process
    token: str
    _buffer: bytes = field(default=b"")

    def next(self, limit_s: float) -> Any:  # noqa: ANN401  (JSON)
        """The next answer; None when the process ended without one. Raises TimeoutError after `limit_s`."""
        deadline = time.monotonic() + limit_s
        mark = f"{self.token} ".encode()
        while True:
            line, newline, rest = self._buffer.partition(b"\n")
            if newline:
                self._buffer = rest
                if mark in line:
                    return json.loads(line.rpartition(mark)[2])
            elif not self.process.readable(max(deadline - time.monotonic(), 0)):
                return None
            elif chunk := os.read(self.process.stdout.fileno(), 65536):
                self._buffer += chunk
            else:  # closed, so that it is about to end, or can say nothing any more
                self.process.wait(max(deadline - time.monotonic(), 0))
                return None
