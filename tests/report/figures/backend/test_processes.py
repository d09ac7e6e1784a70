"""Figures drawn by several processes."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from optbench.core.errors import CorruptFileError
from optbench.report.figures.backend.processes import draw_in_processes


def test_processes_share_every_piece_of_work_once(tmp_path):
    file = tmp_path / "done"

    def plan(painter):
        for number in range(200):
            painter.do(lambda number=number: log(f"{number}\n"))
        return os.getpid()

    def log(line):
        with file.open("a") as end:
            end.write(line)

    for cores in (1, 3):
        file.write_text("")
        assert draw_in_processes(plan, cores) == os.getpid()
        assert sorted(map(int, file.read_text().split())) == list(range(200))


def test_a_painter_that_fails_is_not_overlooked(capfd):
    me = os.getpid()

    def fail(problem):
        def plan(painter):
            if os.getpid() != me:
                raise problem

        return plan

    with pytest.raises(RuntimeError, match="ended with 1"):
        draw_in_processes(fail(KeyError("a fault of ours")), cores=2)
    assert "a fault of ours" in capfd.readouterr().err
    # A table that is none, or a full disk, is no fault of ours to trace: as if it had been met here.
    with pytest.raises(CorruptFileError, match=r"^runs is no table$"):
        draw_in_processes(fail(CorruptFileError(Path("runs"), "is no table")), cores=2)
    with pytest.raises(OSError, match="No space") as told:
        draw_in_processes(fail(OSError(28, "No space", "a.svg")), cores=2)
    assert (told.value.errno, told.value.filename) == (28, "a.svg")
    assert capfd.readouterr().err == ""
    with pytest.raises(ZeroDivisionError):
        draw_in_processes(lambda _: 1 / 0, cores=2)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere one process draws")
def test_a_painter_ends_with_the_process_that_started_it():
    program = """
import os, time
from optbench.report.figures.backend.processes import draw_in_processes
draw_in_processes(lambda painter: (os.write(1, b"%d\\n" % os.getpid()), time.sleep(60)), 2)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as first:
        others = {int(first.stdout.readline()) for _ in range(2)} - {first.pid}
        (alive,) = map(os.pidfd_open, others)
        first.kill()
        assert select.select([alive], [], [], 20)[0]
        os.close(alive)
