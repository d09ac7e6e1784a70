"""The child process that trains: cells come in on standard input, one word each goes out.

Started by `optbench.supervise` as `python -m optbench.worker DATA_FOLDER STUDY_FOLDER`. It keeps torch warm
between cells. What a plug-in prints goes to standard error, so that the channel to the parent stays clean.
"""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path

READY = "ready"


def main(data_folder: Path, study_folder: Path) -> None:
    """Trains the cells that arrive on standard input until it closes.

    Args:
        data_folder: where prepared data lies.
        study_folder: plug-ins are importable from here.
    """
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    sys.path.insert(0, str(study_folder))

    import torch  # noqa: PLC0415  (after the channel is safe)

    from optbench.matrix import trace_path  # noqa: PLC0415
    from optbench.trace import write_trace  # noqa: PLC0415
    from optbench.train import train_cell  # noqa: PLC0415

    # Torch loads a second's worth of modules with its first optimizer: not on a cell's clock.
    torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0).step()
    channel.write(f"{READY}\n")
    while True:
        try:
            cell = pickle.load(sys.stdin.buffer)  # noqa: S301  (from the parent alone)
        except EOFError:
            return
        trace = train_cell(cell, data_folder)
        write_trace(trace_path(cell), trace)
        channel.write(f"{trace.facts['status']}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
