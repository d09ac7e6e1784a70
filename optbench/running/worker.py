"""The process that trains: cells come in on standard input, one line for each goes out.

Started by `optbench.running.launcher`, mostly as a fork of a process that has imported torch. Cells of
optbench's and torch's own code are trained one after the other, warm. Cells that name a plug-in or a
third-party package are each trained in a fork of this process that has imported them, so that the second one
begins as the first did, whatever that did to its process; and what a cell leaves behind of processes ends
with it. Where nothing can be forked (on a GPU, or where a plug-in has started threads when it was imported)
they are trained here, and this process ends as soon as a cell has changed its state.
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
from optbench.running.channel import Channel, open_channel
from optbench.study.plugins import plugins_importable_from

if TYPE_CHECKING:
    from optbench.cells.cell import CellSpec
    from optbench.cells.trace import Trace

READY = "ready"

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
    here: Path
    data_folder: Path

    def train(self) -> dict[str, Any]:
        """Trains the cells and writes their traces; what there is to say of it."""
        from optbench.cells.paths import trace_path  # noqa: PLC0415
        from optbench.cells.trace import write_trace  # noqa: PLC0415

        traces = self._traces()
        for cell, trace in zip(self.cells, traces, strict=True):
            try:
                write_trace(self.here / trace_path(cell), trace)
            except OSError as problem:  # a full disk is no fault of the cell
                reason = problem.strerror or str(problem)
                return {UNWRITABLE: [problem.errno, reason, str(trace_path(cell))], LAST: True}
        return {STATUSES: [trace.facts["status"] for trace in traces], LAST: False}

    def _traces(self) -> list[Trace]:
        if self.cells[0].together and not self.why_alone:
            from optbench.training.batched.train import train_together  # noqa: PLC0415

            return train_together(self.cells, self.data_folder)
        from optbench.training.loop import train_cell  # noqa: PLC0415

        return [train_cell(cell, self.data_folder, self.why_alone) for cell in self.cells]


def program(arguments: list[str]) -> None:
    """Trains the cells that arrive on standard input until it closes.

    Args:
        arguments: where prepared data lies; the folder from which plug-ins are importable; the token.
    """
    data_folder, study_folder, token = arguments
    here = Path.cwd()  # a plug-in may go elsewhere
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, and it decides
    adopt_orphans()
    channel = open_channel(token)
    plugins_importable_from(here / study_folder)
    # After the channel is safe: torch comes with it, where it is not there yet.
    import optbench.training.loop  # noqa: F401, PLC0415

    gc.freeze()  # what was imported stays; the collector need not go through it time and again
    channel.say(READY)
    while True:
        try:
            cells, why_alone = pickle.load(channel.requests)  # noqa: S301  (from the parent alone)
        except EOFError:
            return
        task = _Task(cells, why_alone, here, here / data_folder)
        if not trust_domain(cells[0]):
            answer = task.train()
        else:
            _import_factories(trust_domain(cells[0]))
            if cells[0].device == "cpu" and not has_threads():
                _train_apart(task, channel)
                continue
            answer = _train_watched(task)
        channel.say(answer)
        if answer[LAST]:
            return


def _import_factories(domain: frozenset[str]) -> None:
    """Imports what cells name; what does not import is imported again by the cell, whose result that is."""
    from optbench.core.factories import load_factory  # noqa: PLC0415

    for factory in sorted(domain):
        with contextlib.suppress(Exception):
            load_factory(factory)


def _train_watched(task: _Task) -> dict[str, Any]:
    """Trains here, where the next cell would meet what this one has done to the process."""
    from optbench.training.process_state import process_state  # noqa: PLC0415

    before = process_state()
    answer = task.train()
    return answer | {LAST: answer[LAST] or process_state() != before}


def _train_apart(task: _Task, channel: Channel) -> None:
    """Trains in a fork of this process, which answers and ends; ends as that did where it gave no answer."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a plug-in that ignores it would have no end told
    answered = mmap.mmap(-1, 1)  # shared by both, and no descriptor that a plug-in could close
    others = children()
    here = os.getpid()
    pid = os.fork()
    if pid == 0:
        die_with(here)
        channel.requests.close()
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
        stream.flush()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    die_with_parent()
    program(sys.argv[1:])
    leave()
