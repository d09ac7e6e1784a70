"""A process that imports what training needs once, and forks training processes from then on.

Importing torch takes two seconds of a processor and a quarter of a gigabyte; a fork of a process that has
done so takes a hundredth of that and shares the memory. Started by `optbench.running.launcher` as `python -m
optbench.running.forkserver SOCKET`; what it is asked for comes in over the socket, and what became of a
process goes out over a pipe of its own.

It only imports. A process that has computed on two threads has threads that a fork does not take along, and
what waits for them waits for ever, so nothing is forked while there are threads that a fork cannot mend.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import os
import pickle
import selectors
import signal
import socket
import struct
import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optbench.core.processes import (
    adopt_orphans,
    die_with,
    end_children,
    end_descendants,
    has_threads,
    leave,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LENGTH = struct.Struct("=i")
"""How lengths, process ids and exit codes are sent."""

PIPES = 4
"""Descriptors that come with a request: standard input, output and error, and where the exit code goes."""

UNSAFE = 0
"""Answer instead of a process id: there are threads, so nothing is forked."""

IMPORTED = ("optbench.running.worker", "optbench.training.loop", "optbench.cells.trace", "numpy.random")
"""What every training process needs; numpy imports the last of these when it is first asked for."""


@dataclass(frozen=True)
class Request:
    """A process that is asked for.

    Attributes:
        module: which has a function `program`, run with `arguments`.
        arguments: its arguments.
        environment: all of the process's variables.
        folder: where it works.
        imports: modules to import first, once and for all processes to come. They must only import.
    """

    module: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: str
    imports: Sequence[str] = ()


class _Server:
    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._exits: dict[int, int] = {}  # where the exit code of each living process goes
        self._woken, wakes = socket.socketpair()
        self._wakes = wakes
        for end in (self._woken, self._wakes):
            end.setblocking(False)
        signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        """Forks and buries until the other end of the channel is closed."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._channel, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._woken in ready:
                    with contextlib.suppress(BlockingIOError):
                        self._woken.recv(4096)
                self._reap()
                if self._channel in ready and not self._answer():
                    return

    def _answer(self) -> bool:
        """Does what one message asks; returns False where there is nobody any more."""
        head, descriptors, _, _ = socket.recv_fds(self._channel, LENGTH.size, PIPES)
        if len(head) < LENGTH.size:
            return False
        message = self._channel.recv(LENGTH.unpack(head)[0], socket.MSG_WAITALL)
        request = pickle.loads(message)  # noqa: S301  (from the process that started this one)
        if isinstance(request, int):  # a process to end; its exit code tells
            if request in self._exits:
                _kill_group(request)
            return True
        pid = self._fork(request, descriptors)
        if pid:
            self._exits[pid] = descriptors.pop()
        for descriptor in descriptors:
            os.close(descriptor)
        self._channel.sendall(LENGTH.pack(pid))
        return True

    def _fork(self, request: Request, descriptors: list[int]) -> int:
        for module in request.imports:
            importlib.import_module(module)
        if has_threads():
            return UNSAFE
        gc.freeze()  # so that the collector of no process writes into memory that all share
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                self._become(request, descriptors, server)
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
            os._exit(1)
        return pid

    def _become(self, request: Request, descriptors: list[int], server: int) -> None:
        """Makes this a process as if it had been started anew, and runs the program in it; never returns."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setpgid(0, 0)  # a group of its own, which can be ended as a whole
        die_with(server)
        for place, descriptor in enumerate(descriptors[:3]):
            os.dup2(descriptor, place)
        for descriptor in (*descriptors, *self._exits.values()):
            os.close(descriptor)
        for end in (self._channel, self._woken, self._wakes):
            end.close()
        atexit._clear()  # what the server has registered is the server's
        os.environ.clear()
        os.environ.update(request.environment)
        os.chdir(request.folder)
        sys.argv = [request.module, *request.arguments]
        importlib.import_module(request.module).program(list(request.arguments))
        leave()

    def _reap(self) -> None:
        """Waits for the processes that have ended; their groups end with them, their exit codes go out."""
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            pid = ended.si_pid
            if pid in self._exits:
                _kill_group(pid)  # while the dead one still holds its number
            _, status = os.waitpid(pid, 0)
            end_children(self._exits)  # what it has left behind in other groups is this process's child now
            if pid in self._exits:
                exit_to = self._exits.pop(pid)
                with contextlib.suppress(BrokenPipeError):
                    os.write(exit_to, LENGTH.pack(os.waitstatus_to_exitcode(status)))
                os.close(exit_to)

    def end(self) -> None:
        """Ends every process that is left."""
        for pid in self._exits:
            _kill_group(pid)
        end_descendants(())


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def program(arguments: list[str]) -> None:
    """Imports, says so, and serves until its starter is gone.

    Args:
        arguments: the descriptor of the socket to the process that started this one.
    """
    channel = socket.socket(fileno=int(arguments[0]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the starter too, and it decides
    adopt_orphans()
    for module in IMPORTED:
        importlib.import_module(module)
    gc.collect()
    server = _Server(channel)
    channel.sendall(LENGTH.pack(os.getpid()))
    try:
        server.serve()
    except ConnectionError:
        pass  # nobody waits for an answer any more
    finally:
        server.end()
    leave()


if __name__ == "__main__":
    program(sys.argv[1:])
