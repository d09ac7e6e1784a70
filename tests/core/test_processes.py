"""Processes: the same results in the same order, and an end at once that loses nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from optbench.core.processes import map_in_processes, run_beside

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


def test_results_come_in_the_items_order() -> None:
    assert list(map_in_processes(str, range(20), 2)) == [str(number) for number in range(20)]


def test_what_fails_there_is_raised_here() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        list(map_in_processes(int, ["1", "two", "3"], 2))


@pytest.mark.parametrize("apart", [False, True])
def test_work_beside_a_block_gives_its_result_or_its_mistake(*, apart: bool) -> None:
    with run_beside(str, 7, apart=apart) as seven, run_beside(int, "two", apart=apart) as mistake:
        pass
    assert seven() == "7"
    with pytest.raises(ValueError, match="invalid literal"):
        mistake()
