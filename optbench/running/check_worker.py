"""The program that checks what cells of one trust domain name: they come in, and findings go out."""

from __future__ import annotations

import json
import pickle
import signal
import sys
from contextlib import suppress
from os import getpid
from pathlib import Path

from optbench.core.files import write_text
from optbench.core.processes import die_with_parent, leave
from optbench.running.channel import READY, open_channel
from optbench.study.plugins import plugins_importable_from


def program(_arguments: list[str]) -> None:
    """Checks the cells that arrive and says what is wrong with what they name.

    With nothing to look at it says what their workloads start from, and no more.

    Args:
        _arguments: none.
    """
    here = Path.cwd()  # a plug-in may go elsewhere
    channel = open_channel()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, and it decides
    from optbench.training.batched.group import refusals  # noqa: PLC0415  (torch)
    from optbench.training.checks.cells import look_at_cells  # noqa: PLC0415
    from optbench.training.checks.fingerprints import fingerprints  # noqa: PLC0415
    from optbench.training.imports import seed_imports  # noqa: PLC0415

    channel.say(READY)
    request = pickle.load(channel.requests)  # noqa: S301  (our parent's)
    cells, parts, accused, data_folder, study_folder, file = request
    plugins_importable_from(here / study_folder)
    seed_imports()
    begun = fingerprints(cells, here / data_folder)
    if not parts:
        channel.say({"fingerprints": begun})
        return
    me = getpid()
    notes = look_at_cells(cells, here / data_folder, parts, accused)
    found = notes.found()
    refused = {} if found.problems else refusals(cells, here / data_folder)
    if getpid() != me:  # a fork that a plug-in has let go on
        leave()
    answer = {
        "problems": found.problems[: len(found.problems) - len(notes.pairs)],
        "pairs": notes.pairs,
        "warnings": found.warnings,
        "refusals": refused,
        "fingerprints": begun,
    }
    # To a file first: a plug-in may have closed every descriptor, the channel's too.
    write_text(file, json.dumps(answer))
    with suppress(OSError):
        channel.say(answer)


if __name__ == "__main__":
    die_with_parent()
    program(sys.argv[1:])
    leave()
