"""What a race saves in wall time: the default study raced, beside 30 seeds for all, both run from nothing.

    python benchmarks/race_wall.py [--study config/default.yaml]

Each is one `optbench run` on two cores, from data to page. Winners are, on each workload, the combinations
that nothing is better than; the two lists are held against each other. The table stands in
docs/why/error-rate.md.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cost import ROOT, cost_of
from optbench.cells.matrix import cells_of
from optbench.cells.paths import is_complete, trace_path
from optbench.study.resolve import read_study
from optbench.tables.read import read_frame
from results import record_table

CORES = 2
SEEDS = {"30 seeds for all": "30", "race": "{until: decided}"}

Name = tuple[str, str, str]


@dataclass(frozen=True)
class Ran:
    """A study that ran: its cost, its cells, and what each workload's comparisons leave."""

    wall_s: float
    cells: int
    winners: frozenset[Name]


def ran(text: str, name: str, seeds: str) -> Ran:
    """Runs a study from nothing with these seeds."""
    file = Path(f"{name}.yaml")
    named = re.sub(r"(?m)^study:.*$", f"study: {name}", text)
    file.write_text(re.sub(r"(?m)^seeds:.*$", f"seeds: {seeds}", named), encoding="utf-8")
    cost = cost_of("optbench", "run", "--cores", str(CORES), file)
    study = read_study(file)
    cells = sum(is_complete(trace_path(cell)) for cell in cells_of(study))
    return Ran(cost.wall_s, cells, winners_of(study.results / "tables"))


def winners_of(tables: Path) -> frozenset[Name]:
    """Workload, optimizer and schedule of all that nothing is better than by the final validation loss."""
    pairs = read_frame(tables / "comparisons.parquet")
    primary = pairs[~pairs["exploratory"] & (pairs["workload"] != "")]
    everyone: set[Name] = set()
    beaten: set[Name] = set()
    columns = ["workload", "a", "schedule_a", "b", "schedule_b", "verdict"]
    for workload, a, schedule_a, b, schedule_b, verdict in primary[columns].to_numpy().tolist():
        first, second = (workload, a, schedule_a), (workload, b, schedule_b)
        everyone |= {first, second}
        word = verdict.partition(" ")[0]
        beaten |= {second} if word == "better" else {first} if word == "worse" else set()
    return frozenset(everyone - beaten)


def main() -> None:
    """Runs both and records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--study", type=Path, default=ROOT / "config" / "default.yaml")
    given = parser.parse_args()
    text = given.study.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        found = {
            called: ran(text, f"wall{place}", seeds) for place, (called, seeds) in enumerate(SEEDS.items())
        }
        os.chdir(ROOT)
    whole, race = found["30 seeds for all"], found["race"]
    lines = [
        [
            called,
            str(one.cells),
            f"{one.wall_s:.0f}",
            f"{one.wall_s / whole.wall_s:.2f}",
            str(len(one.winners)),
        ]
        for called, one in found.items()
    ]
    both, ours, theirs = (
        len(some)
        for some in (
            whole.winners & race.winners,
            race.winners - whole.winners,
            whole.winners - race.winners,
        )
    )
    note = (
        f"The study of {given.study.name} from nothing to its page on {CORES} cores. Winners: over its "
        f"workloads, the combinations that nothing is better than; {both} are on both lists, {ours} on the "
        f"race's alone, {theirs} on the other's alone. At most 0.6 of the wall time was asked for."
    )
    said = {"ratio": f"{race.wall_s / whole.wall_s:.2f}"}
    record_table("race-wall", ["design", "cells", "wall s", "of it", "winners"], lines, note, said)


if __name__ == "__main__":
    main()
