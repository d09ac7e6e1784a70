"""Every run ends, and nothing that a plug-in has begun lives on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lab.meddlers import LEAVERS, MEDDLERS, SLEEP_S, write_study
from lab.studies import run
from optbench.cells.trace import read_trace

MARK = "OPTBENCH_TEST_OF_ENDS"
"""Environment variable by which the processes of one test are found, wherever they have gone."""

SOON_S = SLEEP_S / 2
"""A command that waited for what sleeps would take longer, one that does not takes seconds."""

KILLED = {"spawns_and_crashes": "signal 11 (SIGSEGV)", "forks_and_exits": "exit status 3"}
"""Plug-ins that end their own process, and what is said of it."""


def living(folder: Path) -> list[psutil.Process]:
    """The processes that were started by commands of this test and have not ended."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for process in living(tmp_path):
        process.kill()


def optbench(folder: Path, *words: str) -> str:
    """Runs a verb that must end soon with status 0 and leave no process behind; returns what it said."""
    begun = time.monotonic()
    done = run("optbench", *words, cwd=folder, **{MARK: str(folder)})
    assert time.monotonic() - begun < SOON_S
    assert done.returncode == 0, done.stderr
    left = living(folder)
    assert left == [], [process.cmdline() for process in left]
    return done.stderr


def ends(folder: Path) -> dict[str, tuple[str, str]]:
    """Status and error of each cell by name."""
    facts = [read_trace(path).facts for path in folder.glob("results/s/cells/**/*.parquet")]
    return {one["cell"]: (one["status"], one["error"]) for one in facts}


@pytest.mark.parametrize("leaver", LEAVERS, ids=lambda one: one.name)
def test_training_ends_with_its_last_cell(leaver, folder: Path) -> None:
    write_study(folder, [leaver], built_in=False)
    optbench(folder, "train", "study.yaml", "*")
    found = ends(folder)
    assert len(found) == 2
    for status, error in found.values():
        assert status == ("killed" if leaver.name in KILLED else "ok"), error
        assert KILLED.get(leaver.name, "") in error


def test_a_run_ends_with_its_page(folder: Path) -> None:
    write_study(folder, LEAVERS, seeds="[0]", timing="{seconds: 0.05}")
    optbench(folder, "run", "study.yaml", "--cores", "2")
    assert (folder / "reports" / "s" / "index.html").is_file()
    assert {status for status, _ in ends(folder).values()} == {"ok", "killed"}


def test_a_check_ends(folder: Path) -> None:
    harmless = [one for one in LEAVERS if one.name not in KILLED]
    write_study(folder, harmless, seeds="[0]")
    optbench(folder, "check", "study.yaml")


def test_a_cell_without_a_trace_is_no_success(folder: Path) -> None:
    """Where what should write the trace is made to write nothing, the cell has a trace that says so."""
    (silent,) = (one for one in MEDDLERS if one.name == "patched_replace")
    write_study(folder, [silent])
    done = run("optbench", "train", "study.yaml", "*", cwd=folder)
    found = ends(folder)
    assert len(found) == 6 or done.returncode != 0
    built_ins = {status for name, (status, _) in found.items() if "/m_" not in name}
    assert built_ins == {"ok"}
