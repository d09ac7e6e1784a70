"""The program that times one workload: a request comes in on standard input, a timing file is written."""

from __future__ import annotations

import pickle
import sys

from optbench.cells.timing_file import write_timing
from optbench.core.processes import die_with_parent, exit_at_once
from optbench.training.timing.measure import measure


def main() -> None:
    """Measures the one request that arrives on standard input and writes its file."""
    timing, path, data_folder, study_folder, seconds = pickle.load(sys.stdin.buffer)  # noqa: S301  (our parent's)
    sys.path.insert(0, str(study_folder))
    facts, rows = measure(timing, data_folder, seconds)
    write_timing(path, facts, rows)


if __name__ == "__main__":
    die_with_parent()
    with exit_at_once():
        main()
