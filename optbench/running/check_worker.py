"""The program that checks what cells of one trust domain name: they come in, and findings go out."""

from __future__ import annotations

import json
import pickle
import signal
import sys
from contextlib import suppress
from pathlib import Path

from optbench.core.files import write_text
from optbench.core.processes import die_with_parent, leave
from optbench.running.channel import open_channel
from optbench.study.plugins import plugins_importable_from


def program(arguments: list[str]) -> None:
    """Checks the cells that arrive and says what is wrong with what they name.

    Args:
        arguments: the token of the channel.
    """
    here = Path.cwd()  # a plug-in may go elsewhere
    channel = open_channel(arguments[0])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, and it decides
    cells, parts, data_folder, study_folder, file = pickle.load(channel.requests)  # noqa: S301  (our parent's)
    plugins_importable_from(here / study_folder)
    from optbench.training.batched.group import refusals  # noqa: PLC0415  (torch)
    from optbench.training.conformance import check_cells  # noqa: PLC0415

    found = check_cells(cells, here / data_folder, parts)
    refused = {} if found.problems else refusals(cells, here / data_folder)
    answer = {"problems": found.problems, "warnings": found.warnings, "refusals": refused}
    # To a file first: a plug-in may have closed every descriptor, the channel's too.
    write_text(file, json.dumps(answer))
    with suppress(OSError):
        channel.say(answer)


if __name__ == "__main__":
    die_with_parent()
    program(sys.argv[1:])
    leave()
