"""Starts the processes that train, time and check: by a fork where that is safe, else by Python anew.

Whoever starts processes holds one `Launcher` for as long as it does, so that what they share is imported
once: all rounds of a tuning, the cells and the timings of a run.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from optbench.core.errors import UserError
from optbench.core.processes import PARENT, open_end
from optbench.running.forkserver import LENGTH, UNSAFE, Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

START_LIMIT_S = 300.0
"""How long a process may take to import torch, on a cold network file system say."""

END_LIMIT_S = 3.0
"""How long a process may take to end once it is told to: a plug-in's threads and exits are waited for no
longer."""

LOG_TAIL = 4000
"""Characters of a dead process's output that are kept."""

POLL_S = 0.05
"""Seconds between two looks at a process whose end no descriptor tells."""


@dataclass
class Process:
    """A process that a `Launcher` started, in a process group of its own.

    Attributes:
        pid: its number.
        stdin: what it reads.
        stdout: what it writes to its standard output.
        log: what it writes to its standard error.
    """

    pid: int
    stdin: IO[bytes]
    stdout: IO[bytes]
    log: IO[bytes]
    _ending: _Ending
    returncode: int | None = field(default=None, init=False)

    def readable(self, limit_s: float) -> bool:
        """Waits for something to read from it, or its output's end; False where it has ended without either.

        What it has started may hold its output open when it is dead, so its end is looked for, too.

        Raises:
            TimeoutError: neither came within `limit_s` seconds.
        """
        deadline = time.monotonic() + limit_s
        while True:
            left_s = max(deadline - time.monotonic(), 0)
            waits_s = min(left_s, POLL_S) if self._ending.descriptor is None else left_s
            output = self.stdout.fileno()
            ends = [] if self._ending.descriptor is None else [self._ending.descriptor]
            if output in select.select([output, *ends], [], [], waits_s)[0]:
                return True
            if self.wait(0) is not None:
                return bool(select.select([output], [], [], 0)[0])
            if time.monotonic() >= deadline:
                raise TimeoutError

    def wait(self, limit_s: float) -> int | None:
        """How it ended, a negative number for a signal; None if it still lives after `limit_s` seconds."""
        if self.returncode is None:
            self.returncode = self._ending.wait(limit_s)
        return self.returncode

    def kill(self) -> None:
        """Kills it, and its whole process group with it."""
        if self.returncode is None:
            self._ending.kill()

    def end(self, limit_s: float = END_LIMIT_S) -> str:
        """Closes its input and sees it ended; says how it ended, with the tail of its log."""
        for pipe in (self.stdin, self.stdout):
            with suppress(BrokenPipeError):
                pipe.close()
        code = self.wait(limit_s)
        if code is None:
            self.kill()
            code = self.wait(START_LIMIT_S)
        self._ending.close()
        self.log.seek(0, os.SEEK_END)
        self.log.seek(max(0, self.log.tell() - LOG_TAIL))
        tail = self.log.read().decode(errors="replace").strip()
        self.log.close()
        return _words(code) + (f"\n{tail}" if tail else "")


def _words(code: int | None) -> str:
    """How a process ended, as the end of a sentence."""
    if code is None:
        return "did not end when it was killed"
    if code >= 0:
        return f"ended with exit status {code}"
    names = {one.value: one.name for one in signal.Signals}
    return f"ended with signal {-code} ({names.get(-code, 'real-time')})"


class _Ending:
    """How a process ends that Python started."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.descriptor = open_end(process.pid)

    def wait(self, limit_s: float) -> int | None:
        # Its group goes first, while the dead one still holds its number.
        if self.descriptor is not None:
            if not select.select([self.descriptor], [], [], limit_s)[0]:
                return None
            self.kill()
            return self._process.wait()
        try:
            return self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


class _ForkedEnding(_Ending):
    """How a process ends that the fork server started, and waits for."""

    def __init__(self, pid: int, descriptor: int, server: _Server) -> None:
        self._pid, self.descriptor, self._server = pid, descriptor, server

    def wait(self, limit_s: float) -> int | None:
        assert self.descriptor is not None  # noqa: S101  (not after close)
        if not select.select([self.descriptor], [], [], limit_s)[0]:
            return None
        told = os.read(self.descriptor, LENGTH.size)
        # The server is gone, and what it forked goes with it.
        return int(LENGTH.unpack(told)[0]) if told else -signal.SIGKILL

    def kill(self) -> None:
        self._server.kill(self._pid)


class _Server:
    """A fork server as its starter sees it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._turn = threading.Lock()
        self._channel, end = socket.socketpair()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (closed in `close`)
        with end:
            self._process = subprocess.Popen(  # noqa: S603  (our own interpreter and module)
                [sys.executable, "-P", "-m", "optbench.running.forkserver", str(end.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                env={**environment},
                pass_fds=[end.fileno()],
                start_new_session=True,
            )
        self._channel.settimeout(START_LIMIT_S)
        try:
            self._receive()
        except (ConnectionError, TimeoutError):
            raise _NoServerError(self.close(), self._process.returncode) from None

    def _receive(self) -> int:
        told = self._channel.recv(LENGTH.size, socket.MSG_WAITALL)
        if not told:
            raise ConnectionResetError
        return int(LENGTH.unpack(told)[0])

    def _send(self, message: object, descriptors: Sequence[int]) -> None:
        data = pickle.dumps(message)
        socket.send_fds(self._channel, [LENGTH.pack(len(data))], descriptors)
        self._channel.sendall(data)

    def fork(self, request: Request, descriptors: Sequence[int]) -> int:
        """The process id of what was asked for, or UNSAFE. Raises OSError where the server is gone."""
        with self._turn:
            self._send(request, descriptors)
            return self._receive()

    def kill(self, pid: int) -> None:
        """Kills a process and its group, unless that has ended."""
        with self._turn, suppress(OSError):
            self._send(pid, [])

    def close(self) -> str:
        """Ends it, and what it forked with it; says how it ended, with the tail of what it printed."""
        self._channel.close()
        try:
            self._process.wait(START_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.seek(0)
        tail = self._log.read().decode(errors="replace").strip()[-LOG_TAIL:]
        self._log.close()
        return _words(self._process.returncode) + (f"\n{tail}" if tail else "")


class _NoServerError(Exception):
    """The fork server ended before it was ready: how, and with which exit code."""

    def __init__(self, how: str, code: int) -> None:
        super().__init__(how)
        self.code = code


STARTS = 20
"""Times that a fork server is started which is killed from outside before it is ready."""


class Launcher:
    """Starts processes; `close` ends what is left of them.

    Args:
        forks: whether processes may be forked; elsewhere than on Linux none are.
    """

    def __init__(self, *, forks: bool = True) -> None:
        self._forks = forks and sys.platform == "linux"
        self._turn = threading.Lock()
        self._servers: dict[int, _Server] = {}
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the fork servers, and with them whatever they started that is still there."""
        with self._turn:
            self._closed = True
            for server in self._servers.values():
                server.close()
            self._servers.clear()

    def start(
        self,
        module: str,
        arguments: Sequence[str],
        *,
        threads: int,
        device: str,
        imports: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
    ) -> Process:
        """Starts a process that runs `module.program(arguments)`.

        Args:
            module: of ours; run as `python -m` where nothing is forked.
            arguments: strings.
            threads: that torch computes with (>= 1).
            device: `cpu` or `cuda`: what has been forked cannot use CUDA that its parent has touched, so
                there every process starts anew.
            imports: modules that it needs, which do nothing but define when they are imported.
            variables: of its environment beside those of this one.

        Raises:
            UserError: the process does not start, or this was closed: what is killed then is not tried again.
        """
        if self._closed:
            raise UserError("stopped")
        environment = {**_environment(threads), **(variables or {})}
        request = Request(module, arguments, environment, str(Path.cwd()), imports)
        with ExitStack() as unless_started:
            log = unless_started.enter_context(tempfile.TemporaryFile())
            forked = self._forked(request, log, threads) if self._forks and device == "cpu" else None
            process = forked or _anew(request, log)
            unless_started.pop_all()
        return process

    def _forked(self, request: Request, log: IO[bytes], threads: int) -> Process | None:
        """A fork; None where none is safe."""
        pipes = [os.pipe() for _ in range(3)]
        stdin, stdout, exit_code = pipes
        kept = (stdin[1], stdout[0], exit_code[0])
        pid = UNSAFE
        try:
            given = [stdin[0], stdout[1], log.fileno(), exit_code[1]]
            server, pid = self._fork(request, given, threads)
        finally:
            for descriptor in (one for pipe in pipes for one in pipe if pid == UNSAFE or one not in kept):
                os.close(descriptor)
        if pid == UNSAFE:
            return None
        ending = _ForkedEnding(pid, exit_code[0], server)
        return Process(pid, os.fdopen(stdin[1], "wb"), os.fdopen(stdout[0], "rb", 0), log, ending)

    def _fork(self, request: Request, given: Sequence[int], threads: int) -> tuple[_Server, int]:
        """Has the fork server for so many threads fork, started where it is not there, or not any more."""
        how = ""
        for _ in range(STARTS):
            try:
                with self._turn:
                    if threads not in self._servers:
                        self._servers[threads] = _Server(_environment(threads))
                    server = self._servers[threads]
                return server, server.fork(request, given)
            except _NoServerError as problem:
                how = str(problem)
                if problem.code not in {-signal.SIGKILL, -signal.SIGTERM}:
                    break
            except OSError:  # killed from outside, for want of memory say
                with self._turn:
                    if self._servers.get(threads) is server:
                        how = self._servers.pop(threads).close()
        raise UserError(f"a training process did not start: its parent {how}")


def _anew(request: Request, log: IO[bytes]) -> Process:
    process = subprocess.Popen(  # noqa: S603  (our own interpreter and module)
        [sys.executable, "-P", "-m", request.module, *request.arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env={**request.environment, PARENT: str(os.getpid())},
        process_group=0,
        bufsize=0,
    )
    assert process.stdin is not None  # noqa: S101  (opened as pipes)
    assert process.stdout is not None  # noqa: S101
    return Process(process.pid, process.stdin, process.stdout, log, _Ending(process))


def _environment(threads: int) -> dict[str, str]:
    return {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        # numpy's linear algebra would start its threads when it is imported.
        "OPENBLAS_NUM_THREADS": "1",
        # cuBLAS is deterministic only with a fixed workspace.
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "PYTHONHASHSEED": "0",
    }
