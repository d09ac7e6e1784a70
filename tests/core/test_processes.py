"""A process that has done its work ends at once, and loses nothing by it."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import atexit, sys, threading, time
from optbench.core.processes import exit_at_once

class Costly:
    def __del__(self):
        print("taken apart")

with exit_at_once():
    costly = Costly()
    atexit.register(print, "what was asked for at the end")
    threading.Thread(target=lambda: (time.sleep(0.1), print("a thread's work"))).start()
    {last}
"""


def ended(last: str) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.replace("{last}", last)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_threads_exit_handlers_and_output_come_first() -> None:
    done = ended('sys.stdout.write("no newline ")')
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "no newline a thread's work\nwhat was asked for at the end\n"


def test_a_failure_ends_as_any_other() -> None:
    done = ended("raise ValueError('told')")
    assert done.returncode == 1
    assert done.stderr.endswith("ValueError: told\n")
    assert done.stdout.splitlines()[-1] == "taken apart"
    assert ended("sys.exit(3)").returncode == 3
