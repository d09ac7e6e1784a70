"""What a process that runs code of others says to its parent, line by line, past whatever that code writes.

The program's side keeps its requests and its answers on descriptors that nothing else uses, and turns its
standard output into its standard error. Every answer is a line that begins with a token which the parent has
made up and sent as the first line of the requests, so that it stands in no argument and no environment: what
a plug-in writes among the answers is passed over. A line that has the token and is no answer all the same is
`SpoiltError`, which costs the process that it came from.
"""

from __future__ import annotations

import fcntl
import os
import resource
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from json import dumps, loads  # by name: a plug-in may put its own in their place
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optbench.running.launcher import Process

READY = "ready"
"""What a program says when it has imported all that is not of others: its time begins."""

FIRST_DESCRIPTORS = (2000, 200)
"""Lowest number of a descriptor that is the channel's own, the first that the system allows: what a plug-in
opens, or closes as all that there may be (`os.closerange(3, 1024)`), is below."""

LONGEST_LINE = 2**24
"""Bytes of a line, at most: an answer has far fewer."""


class SpoiltError(ValueError):
    """Something else than an answer came where one was due; its text says what, after "the process "."""


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
        self.answers.write(f"\n{self.token} {dumps(answer)}\n")
        self.answers.flush()


def open_channel() -> Channel:
    """Takes standard input and output for the channel; what is printed from here on goes elsewhere."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    first = next((one for one in FIRST_DESCRIPTORS if one + 1 < limit), 3)
    requests = os.fdopen(fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, first), "rb")
    answers = os.fdopen(fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, first), "w")
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)
    return Channel(requests, answers, requests.readline().decode().strip())


@dataclass
class Answers:
    """The parent's side.

    Attributes:
        process: which answers; its token is sent when this is made.
    """

    process: Process
    _token: str = field(default_factory=lambda: secrets.token_hex(8))
    _buffer: bytes = b""

    def __post_init__(self) -> None:
        with suppress(BrokenPipeError):  # it has ended, as it will be seen
            self.process.stdin.write(f"{self._token}\n".encode())
            self.process.stdin.flush()

    def next(self, limit_s: float) -> Any:  # noqa: ANN401  (JSON)
        """The next answer; None when the process ended without one.

        Args:
            limit_s: seconds that it may take, whatever else the process writes meanwhile.

        Raises:
            TimeoutError: it took longer.
            SpoiltError: there is no answer where one was due.
        """
        deadline = time.monotonic() + limit_s
        mark = f"{self._token} ".encode()
        while True:
            line, newline, rest = self._buffer.partition(b"\n")
            if newline:
                self._buffer = rest
                if mark in line:
                    return _read(line.rpartition(mark)[2])
                if time.monotonic() > deadline:
                    raise TimeoutError
            elif len(line) > LONGEST_LINE:
                raise SpoiltError("wrote without end where its answer was due")
            elif not self.process.readable(max(deadline - time.monotonic(), 0)):
                return None
            elif chunk := os.read(self.process.stdout.fileno(), 65536):
                self._buffer += chunk
            else:  # closed, so that it is about to end, or can say nothing any more
                self.process.wait(max(deadline - time.monotonic(), 0))
                return None


def _read(text: bytes) -> Any:  # noqa: ANN401  (JSON)
    try:
        return loads(text)
    except (ValueError, RecursionError):
        raise SpoiltError("gave an answer that cannot be read") from None
