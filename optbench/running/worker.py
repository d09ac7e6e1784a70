"""The child process that trains: cells come in on standard input, one word for each goes out.

Started by `optbench.running.supervisor` as `python -m optbench.running.worker DATA_FOLDER STUDY_FOLDER`. It
keeps torch warm between cells and dies with its parent. What a plug-in prints goes to standard error, so
that the channel to the parent stays clean.
"""

from __future__ import annotations

import gc
import json
import os
import pickle
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.core.processes import die_with_parent, exit_at_once

if TYPE_CHECKING:
    from optbench.cells.cell import CellSpec
    from optbench.cells.trace import Trace

READY = "ready"

UNWRITABLE = "unwritable"
"""First word of the answer for a trace that could not be written; errno, reason and file follow."""


def main(data_folder: Path, study_folder: Path) -> None:
    """Trains the cells that arrive on standard input until it closes.

    Args:
        data_folder: where prepared data lies.
        study_folder: plug-ins are importable from here.
    """
    here = Path.cwd()  # a plug-in may go elsewhere
    data_folder = here / data_folder
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    sys.path.insert(0, str(study_folder))

    # After the channel is safe: torch comes with them.
    from optbench.cells.paths import trace_path  # noqa: PLC0415
    from optbench.cells.trace import write_trace  # noqa: PLC0415
    from optbench.training.loop import train_cell  # noqa: PLC0415

    def train(cells: list[CellSpec], why_alone: str) -> list[Trace]:
        if cells[0].together and not why_alone:
            from optbench.training.batched.train import train_together  # noqa: PLC0415  (functorch's import takes time)

            return train_together(cells, data_folder)
        return [train_cell(cell, data_folder, why_alone) for cell in cells]

    gc.freeze()  # what was imported stays; the collector need not go through it time and again
    channel.write(f"{READY}\n")
    while True:
        try:
            cells, why_alone = pickle.load(sys.stdin.buffer)  # noqa: S301  (from the parent alone)
        except EOFError:
            return
        traces = train(cells, why_alone)
        for cell, trace in zip(cells, traces, strict=True):
            try:
                write_trace(here / trace_path(cell), trace)
            except OSError as problem:  # a full disk is no fault of the cell
                reason = problem.strerror or str(problem)
                channel.write(json.dumps([UNWRITABLE, problem.errno, reason, str(trace_path(cell))]) + "\n")
                return
        channel.write(" ".join(trace.facts["status"] for trace in traces) + "\n")


if __name__ == "__main__":
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, and it decides
    with exit_at_once():
        main(Path(sys.argv[1]), Path(sys.argv[2]))
