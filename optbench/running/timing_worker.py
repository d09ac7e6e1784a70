"""The program that times one workload: a request comes in on standard input, a timing file is written."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

from optbench.core.processes import die_with_parent, leave
from optbench.running.channel import open_channel
from optbench.study.plugins import plugins_importable_from

DONE = "done"


def program(arguments: list[str]) -> None:
    """Measures the one request that arrives on standard input, writes its file and says so.

    Args:
        arguments: the token of the channel.
    """
    here = Path.cwd()  # a plug-in may go elsewhere
    channel = open_channel(arguments[0])
    timing, path, data_folder, study_folder, seconds = pickle.load(channel.requests)  # noqa: S301  (our parent's)
    plugins_importable_from(here / study_folder)
    from optbench.cells.timing_file import write_timing  # noqa: PLC0415  (arrow, and torch)
    from optbench.training.timing.measure import measure  # noqa: PLC0415

    facts, rows = measure(timing, here / data_folder, seconds)
    write_timing(here / path, facts, rows)
    channel.say(DONE)


if __name__ == "__main__":
    die_with_parent()
    program(sys.argv[1:])
    leave()
