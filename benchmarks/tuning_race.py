"""What a race of learning rates saves: the same searches with and without it, both run from nothing.

    python benchmarks/tuning_race.py

Two workloads, four optimizers and two schedules are searched on the grid that every study has, with 2, 3 and
5 tuning seeds, by `optbench tune`. Trials are counted from the choices that it wrote, processor time over all
processes. The two must choose the same rates. The table stands in docs/reference/tables.md.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from cost import ROOT, cost_of
from optbench.cells.search import read_choice, searches_of
from optbench.study.resolve import read_study
from results import record_table
from trials import OPTIMIZER_NAMES, SCHEDULE_NAMES, WORKLOAD_NAMES

CORES = 2
TUNING_SEEDS = (2, 3, 5)


def choices_of(seeds: int, *, race: bool) -> tuple[dict[str, dict[str, Any]], float]:
    """What a tuning chose, by search, and the seconds of processor that it took."""
    name = f"{'raced' if race else 'whole'}{seeds}"
    values = {
        "study": name,
        "device": "cpu",
        "workloads": list(WORKLOAD_NAMES),
        "optimizers": list(OPTIMIZER_NAMES),
        "schedules": list(SCHEDULE_NAMES),
        "tuning": {"seeds": seeds, "race": race},
    }
    file = Path(f"{name}.yaml")
    file.write_text(json.dumps(values), encoding="utf-8")
    cost_of("optbench", "prepare", file)
    cost = cost_of("optbench", "tune", "--cores", str(CORES), file)
    found = {search.name: read_choice(search.path) for search in searches_of(read_study(file))}
    return {name: choice for name, choice in found.items() if choice is not None}, cost.cpu_s


def main() -> None:
    """Tunes, compares and records."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    lines = []
    searches = 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for seeds in TUNING_SEEDS:
            whole, whole_s = choices_of(seeds, race=False)
            raced, raced_s = choices_of(seeds, race=True)
            searches = len(whole)
            same = sum(raced[name]["lr"] == choice["lr"] for name, choice in whole.items())
            trials, fewer = (sum(len(one["trials"]) for one in some.values()) for some in (whole, raced))
            lines.append(
                [
                    str(seeds),
                    f"{same} of {searches}",
                    str(trials),
                    str(fewer),
                    f"{fewer / trials:.2f}",
                    f"{raced_s / whole_s:.2f}",
                ]
            )
            print(*lines[-1], flush=True)
        os.chdir(ROOT)
    heads = ["tuning seeds", "same choice", "trials", "in a race", "of them", "of the processor time"]
    named = "; ".join(", ".join(names) for names in (WORKLOAD_NAMES, OPTIMIZER_NAMES, SCHEDULE_NAMES))
    note = f"{searches} searches on the default grid: {named}. Both tuned from nothing on {CORES} cores."
    record_table("tuning-race", heads, lines, note)


if __name__ == "__main__":
    main()
