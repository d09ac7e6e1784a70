"""How far a study is, and how long it will take: by a clock that the test moves."""

from __future__ import annotations

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.studies import write_study
from optbench.cells.cell import CellSpec
from optbench.cells.matrix import cells_of
from optbench.cells.paths import trace_path
from optbench.running import progress
from optbench.running.progress import Progress, one_of_each_first
from optbench.study.resolve import read_study

STUDY = """
    study: s
    seeds: 40
    device: cpu
    workloads:
      cheap: {factory: "plugin:line"}
      dear: {factory: "plugin:line"}
      middling: {factory: "plugin:line"}
    optimizers: [sgd, adam]
    """

COST = {"cheap": 0.1, "middling": 1.0, "dear": 12.0}
"""Seconds of a cell: the study takes 1,048 of them on one worker."""


class Clock:
    """A clock that stands still, at the time at which it was made, until it is moved."""

    def __init__(self) -> None:
        self.now = time.time()

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(progress, "time", found)
    return found


@pytest.fixture
def cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[CellSpec]:
    monkeypatch.chdir(tmp_path)
    return cells_of(read_study(write_study(tmp_path, STUDY)))


def seconds(line: str) -> float:
    """What a line says is left."""
    (left,) = re.findall(r"about (.*) left", line)
    hours, minutes, rest = (re.search(rf"(\d+) {unit}\b", left) for unit in ("h", "min", "s"))
    return sum(int(found[1]) * of for found, of in ((hours, 3600), (minutes, 60), (rest, 1)) if found)


def write(cell: CellSpec, clock: Clock) -> None:
    """The cell's file, as if it had been finished now."""
    path = trace_path(cell)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (clock.now, clock.now))


def test_the_estimate_is_within_a_factor_of_two_after_a_minute(
    cells: list[CellSpec], clock: Clock, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Cheap cells come first in this study, and dear ones, a hundred times as long, in its middle."""
    whole = sum(COST[cell.workload.name] for cell in cells)
    begun = clock.now
    told = Progress(cells, cells, tmp_path / "mark", "cells")
    ordered = one_of_each_first(cells)
    ends = []
    for cell in ordered:
        clock.now += COST[cell.workload.name]
        ends.append(clock.now)
        write(cell, clock)
        told.tell(cell, "ok")
    lines = [line for line in capsys.readouterr().err.splitlines() if "left" in line]
    assert len(lines) > 20
    for line in lines:
        (done,) = map(int, re.findall(r"trained (\d+) of", line))
        passed = ends[done - 1] - begun
        if passed >= 60:
            assert (whole - passed) / 2 <= seconds(line) <= 2 * (whole - passed) + 60  # minutes are whole


def test_workers_are_told_apart_by_their_threads(
    cells: list[CellSpec], clock: Clock, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Two side by side take ten seconds a cell each: the speed is of both, the cost of a cell its own."""
    chosen = [cell for cell in cells if cell.workload.name == "dear"]
    told = Progress(chosen, chosen, tmp_path / "mark", "cells")
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        for place, cell in enumerate(chosen[:20]):
            clock.now += 10 * (place % 2 == 0)
            write(cell, clock)
            (one if place % 2 == 0 else other).submit(told.tell, cell, "ok").result()
    assert len(chosen) == 80
    *_, last = [line for line in capsys.readouterr().err.splitlines() if "left" in line]
    (done,) = map(int, re.findall(r"trained (\d+) of", last))
    assert seconds(last) == pytest.approx((80 - done) / 2 * 10, abs=60)


def test_one_cell_of_each_workload_comes_first(cells: list[CellSpec]) -> None:
    ordered = one_of_each_first(cells)
    assert [cell.workload.name for cell in ordered[:3]] == ["cheap", "dear", "middling"]
    assert sorted(cell.name for cell in ordered) == sorted(cell.name for cell in cells)
    assert one_of_each_first([]) == []
