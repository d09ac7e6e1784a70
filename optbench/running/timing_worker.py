"""The program that times one workload: a request comes in on standard input, a timing file is written."""

from __future__ import annotations

import pickle
import sys
from os import getpid
from pathlib import Path

from optbench.core.processes import die_with_parent, leave
from optbench.running.channel import READY, open_channel
from optbench.study.plugins import plugins_importable_from

DONE = "done"


def program(_arguments: list[str]) -> None:
    """Measures the one request that arrives on standard input, writes its file and says so.

    Args:
        _arguments: none.
    """
    here = Path.cwd()  # a plug-in may go elsewhere
    channel = open_channel()
    from optbench.cells.timing_file import write_timing  # noqa: PLC0415  (arrow, and torch)
    from optbench.training.imports import seed_imports  # noqa: PLC0415
    from optbench.training.timing.measure import measure  # noqa: PLC0415

    channel.say(READY)
    timing, path, data_folder, study_folder, seconds = pickle.load(channel.requests)  # noqa: S301  (our parent's)
    plugins_importable_from(here / study_folder)
    seed_imports()
    me = getpid()
    facts, rows = measure(timing, here / data_folder, seconds)
    if getpid() != me:  # a fork that a plug-in has let go on
        leave()
    write_timing(here / path, facts, rows)
    channel.say(DONE)


if __name__ == "__main__":
    die_with_parent()
    program(sys.argv[1:])
    leave()
