"""The program that times one workload: a request comes in on standard input, a timing file is written."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path

from optbench.core.processes import die_with_parent, leave
from optbench.study.plugins import plugins_importable_from


def program(_: list[str]) -> None:
    """Measures the one request that arrives on standard input and writes its file."""
    here = Path.cwd()  # a plug-in may go elsewhere
    timing, path, data_folder, study_folder, seconds = pickle.load(sys.stdin.buffer)  # noqa: S301  (our parent's)
    os.dup2(2, 1)
    plugins_importable_from(here / study_folder)
    from optbench.cells.timing_file import write_timing  # noqa: PLC0415  (arrow, and torch)
    from optbench.training.timing.measure import measure  # noqa: PLC0415

    facts, rows = measure(timing, here / data_folder, seconds)
    write_timing(here / path, facts, rows)


if __name__ == "__main__":
    die_with_parent()
    program(sys.argv[1:])
    leave()
