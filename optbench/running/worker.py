"""The process that trains: cells come in on standard input, one line for each goes out.

Started by `optbench.running.launcher`, mostly as a fork of a process that has imported torch. Cells of
optbench's and torch's own code are trained one after the other, warm. Cells that name a plug-in or a
third-party package are each trained in a fork of this process that has imported them, so that the second one
begins as the first did, whatever that did to its process; and what a cell leaves behind of processes ends
with it. Where nothing can be forked (on a GPU, or where a plug-in has started threads when it was imported)
they are trained here, and this process ends after each of them: no comparison of states sees all that one
may have changed.
"""

from __future__ import annotations

import contextlib
import gc
import mmap
import os
import pickle
import select
import signal
import sys
import time
from dataclasses import dataclass
from math import inf
from os import getpid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optbench.cells.domains import trust_domain
from optbench.core.processes import (
    adopt_orphans,
    children,
    die_with,
    die_with_parent,
    end_descendants,
    has_threads,
    leave,
    open_end,
)
from optbench.running.channel import READY, Channel, open_channel
from optbench.running.kept import functions_of_now, put_back
from optbench.study.plugins import plugins_importable_from

if TYPE_CHECKING:
    from optbench.cells.cell import CellSpec
    from optbench.cells.trace import Trace
    from optbench.running.kept import Functions

TICKET = "ticket"
"""Key of the answer for which request it answers."""

STATUSES = "statuses"
"""Key of the answer for how the cells ended."""

UNWRITABLE = "unwritable"
"""Key of the answer for a trace that could not be written: errno, reason and file."""

LAST = "last"
"""Key of an answer after which the process ends: its state is not what it was."""

WITHOUT_END_S = 0.01
"""Seconds between two looks at a process whose end no descriptor tells."""

ENDS_WITHIN_S = 3.0
"""How long a cell's process may take to end after its trace is written."""


@dataclass(frozen=True)
class _Task:
    """Cells that are trained at once, and where their traces go."""

    cells: list[CellSpec]
    why_alone: str
    ticket: str
    here: Path
    data_folder: Path

    def train(self) -> dict[str, Any]:
        """Trains the cells and writes their traces; what there is to say of it.

        Whatever the cell has forked and let go on as if it were this process ends here, unheard.
        """
        from optbench.cells.paths import trace_path  # noqa: PLC0415
        from optbench.cells.trace import write_trace  # noqa: PLC0415

        here = getpid()
        traces = self._traces()
        if getpid() != here:
            leave()
        for cell, trace in zip(self.cells, traces, strict=True):
            try:
                write_trace(self.here / trace_path(cell), trace)
            except OSError as problem:  # a full disk is no fault of the cell
                reason = problem.strerror or str(problem)
                unwritable = [problem.errno, reason, str(trace_path(cell))]
                return {TICKET: self.ticket, UNWRITABLE: unwritable, LAST: True}
        return {TICKET: self.ticket, STATUSES: [trace.facts["status"] for trace in traces], LAST: False}

    def _traces(self) -> list[Trace]:
        if self.cells[0].together and not self.why_alone:
            from optbench.training.batched.train import train_together  # noqa: PLC0415

            return train_together(self.cells, self.data_folder)
        from optbench.training.loop import train_cell  # noqa: PLC0415

        return [train_cell(cell, self.data_folder, self.why_alone) for cell in self.cells]


def program(arguments: list[str]) -> None:
    """Trains the cells that arrive on standard input until it closes.

    Args:
        arguments: where prepared data lies; the folder from which plug-ins are importable.
    """
    data_folder, study_folder = arguments
    here = Path.cwd()  # a plug-in may go elsewhere
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, and it decides
    adopt_orphans()
    channel = open_channel()
    plugins_importable_from(here / study_folder)
    # After the channel is safe: torch comes with it, where it is not there yet.
    import optbench.training.loop  # noqa: F401, PLC0415
    from optbench.training.imports import seed_imports  # noqa: PLC0415

    seed_imports()
    gc.freeze()  # what was imported stays; the collector need not go through it time and again
    channel.say(READY)
    ours = functions_of_now()
    theirs: Functions = {}
    while True:
        try:
            cells, why_alone, ticket = pickle.load(channel.requests)  # noqa: S301  (from the parent alone)
        except EOFError:
            return
        task = _Task(cells, why_alone, ticket, here, here / data_folder)
        domain = trust_domain(cells[0])
        if domain:
            theirs = _import_factories(domain, ours, theirs)
            if cells[0].device == "cpu" and not has_threads():
                _train_apart(task, channel, theirs)
                continue
            put_back(theirs)
        answer = task.train()
        answer[LAST] = answer[LAST] or bool(domain)
        channel.say(answer)
        if answer[LAST]:
            return


def _import_factories(domain: frozenset[str], ours: Functions, theirs: Functions) -> Functions:
    """Imports what cells name; what does not import is imported again by the cell, whose result that is.

    Args:
        domain: what is imported.
        ours: functions that this process goes on with.
        theirs: what earlier imports have put in their place.

    Returns:
        What is in their place for the cells.
    """
    from optbench.core.factories import load_factory  # noqa: PLC0415

    here = getpid()
    put_back(theirs)
    for factory in sorted(domain):
        with contextlib.suppress(BaseException):  # Ctrl-C is ignored here: whatever comes is the module's
            load_factory(factory)
    replaced = put_back(ours)
    if getpid() != here:  # a fork that the import has let go on
        leave()
    return replaced


def _train_apart(task: _Task, channel: Channel, theirs: Functions) -> None:
    """Trains in a fork of this process, which answers and ends; ends as that did where it gave no answer."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a plug-in that ignores it would have no end told
    answered = mmap.mmap(-1, 1)  # shared by both, and no descriptor that a plug-in could close
    others = children()
    here = os.getpid()
    pid = os.fork()
    if pid == 0:
        die_with(here)
        channel.requests.close()
        put_back(theirs)
        channel.say(task.train())
        answered[0] = 1
        leave()
    code = _end_of(pid, answered)
    done = bool(answered[0])
    answered.close()
    end_descendants(others)
    if not done:
        _end_as(code)


def _end_of(pid: int, answered: mmap.mmap) -> int:
    """Waits for a cell's process, which is killed where it goes on after its answer; its exit code."""
    end = open_end(pid)
    ends, looks_s = ([], WITHOUT_END_S) if end is None else ([end], ENDS_WITHIN_S / 6)
    deadline = inf
    while True:
        select.select(ends, [], [], looks_s)
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            break
        if answered[0]:
            deadline = min(deadline, time.monotonic() + ENDS_WITHIN_S)
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
    if end is not None:
        os.close(end)
    return os.waitstatus_to_exitcode(status)


def _end_as(code: int) -> None:
    """Ends this process with an exit code, or by a signal where that is negative."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or replaced, by a plug-in
            stream.flush()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    die_with_parent()
    program(sys.argv[1:])
    leave()
