"""What starting training processes takes: forks of one that has imported torch, beside Python anew.

    python benchmarks/starts.py [--rounds 5] [--against FOLDER]

A further training process, from asking for it to its word that it is ready, by a fork and anew in turn; the
memory of eight that have each trained a cell of the digits MLP, shared pages counted once (the sum of PSS,
the fork server included); and the processor time of a whole study of 54 cells with probes and timing under
`optbench run`, from nothing to its page, in turn with another checkout of optbench, whose folder (with its
`.venv`) is given: one that starts every process anew, version 0.3.0 say.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median

import psutil

from cost import BIN, ROOT, cost_of
from optbench.catalogue.datasets.prepare import prepare
from optbench.cells.matrix import cells_of
from optbench.running.child import Child, start_child
from optbench.running.launcher import Launcher
from optbench.study.resolve import read_study
from peer import SIZES, study_text
from results import Row, record

PROCESSES = 8
STARTS = 5
"""Processes started in a round, each way."""

LIMIT_S = 600.0


def ready(launchers: dict[str, Launcher], study_file: Path, rounds: int) -> list[Row]:
    """Seconds until a further process is ready, each way in turn."""
    study = read_study(study_file)
    cell = cells_of(study)[0]
    took: dict[str, list[float]] = {way: [] for way in launchers}
    for launcher in launchers.values():  # the first one also starts the fork server
        start_child(launcher, study.data_folder, study.folder, cell).end()
    for _ in range(rounds * STARTS):
        for way, launcher in launchers.items():
            begun = time.perf_counter()
            child = start_child(launcher, study.data_folder, study.folder, cell)
            took[way].append(time.perf_counter() - begun)
            child.end()
    case = "a further training process, ready"
    each = {way: median(times) for way, times in took.items()}
    return [
        *(Row(case, way, 1e3 * seconds, "ms") for way, seconds in each.items()),
        Row(case, "forked over anew", each["forked"] / each["anew"], limit=0.1),
    ]


def memory(launchers: dict[str, Launcher], study_file: Path) -> list[Row]:
    """Memory of eight processes that have trained, and of who has forked them."""
    study = read_study(study_file)
    cells = cells_of(study)[:PROCESSES]
    held = {}
    for way, launcher in launchers.items():
        with ExitStack() as stack:
            children: list[Child] = []
            for cell in cells:
                child = start_child(launcher, study.data_folder, study.folder, cell)
                stack.callback(child.end)
                child.send([replace(cell, study=f"memory_{way}")], "")
                children.append(child)
            for child in children:
                child.answer(LIMIT_S)
            below = psutil.Process().children(recursive=True)
            held[way] = sum(_pss(one) for one in below if _trains(one, children)) / 2**20
    case = f"{PROCESSES} training processes"
    return [
        *(Row(case, f"memory {way}", value, "MB") for way, value in held.items()),
        Row(case, "forked over anew", held["forked"] / held["anew"], limit=0.35),
    ]


def _trains(process: psutil.Process, children: list[Child]) -> bool:
    """Whether it is one of the processes, or the server that forked them."""
    pids = {child.process.pid for child in children}
    return process.pid in pids or bool(pids & {one.pid for one in process.children()})


def _pss(process: psutil.Process) -> int:
    return int(process.memory_full_info().pss)


def whole(against: Path | None, rounds: int) -> list[Row]:
    """Processor seconds of a study of 54 cells, here and in the other checkout in turn."""
    text = study_text(SIZES[54], "")
    programs = {"here": BIN, **({"there": against / ".venv" / "bin"} if against else {})}
    took: dict[str, list[float]] = {way: [] for way in programs}
    for _ in range(rounds):
        for way, folder in programs.items():
            with tempfile.TemporaryDirectory() as place:
                os.chdir(place)
                Path("study.yaml").write_text(text, encoding="utf-8")
                took[way].append(cost_of(folder / "optbench", "run", "study.yaml", "--cores", "2").cpu_s)
                os.chdir(ROOT)
    case = "54 cells with probes and timing"
    rows = [Row(case, f"processor, {way}", median(times), "s") for way, times in took.items()]
    if against:
        ratios = [a / b for a, b in zip(took["here"], took["there"], strict=True)]
        ratio = Row(case, "here over there", median(ratios), "", min(ratios), max(ratios), limit=0.75)
        rows.append(ratio)
    return rows


def main() -> None:
    """Measures and records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--against", type=Path, help="Another checkout, with its environment.")
    given = parser.parse_args()
    against = given.against.absolute() if given.against else None
    with tempfile.TemporaryDirectory() as folder, Launcher() as forking, Launcher(forks=False) as anew:
        os.chdir(folder)
        file = Path("starts.yaml")
        file.write_text(
            f"study: starts\ndevice: cpu\nseeds: {PROCESSES}\ntiming: off\n"
            "workloads: {digits_mlp: {steps: 50}}\noptimizers: [adam]\n",
            encoding="utf-8",
        )
        study = read_study(file)
        for dataset in study.datasets.values():
            prepare(dataset, study.data_folder)
        launchers = {"forked": forking, "anew": anew}
        rows = ready(launchers, file, given.rounds) + memory(launchers, file)
        os.chdir(ROOT)
    rows += whole(against, given.rounds)
    note = "" if against else "No other checkout was given, so the study stands alone."
    record("starts", rows, note)


if __name__ == "__main__":
    main()
