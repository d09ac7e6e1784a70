"""Optimizers on clocks that only move when a test says so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from optbench.cells.timing_file import SCHEMA
from optbench.study.resolve import read_study
from optbench.study.study import Study
from optbench.tables.timing import timing_rows
from optbench.training.timing.rounds import Rounds


@dataclass
class Time:
    """A clock that stands still until someone spends time on it."""

    ns: int = 0

    def now(self) -> int:
        return self.ns

    def spend(self, us: float) -> None:
        self.ns += round(us * 1e3)


def rows_of(found: Rounds, names: list[str], **facts: Any) -> dict[str, dict[str, Any]]:
    """The table's rows by optimizer, from rounds as the file would hold them."""
    blocks = pd.DataFrame(found.rows, columns=SCHEMA.names)
    rows = timing_rows(made_facts(names, errors=found.errors, **facts), blocks)
    return {row["optimizer"]: row for row in rows}


def made_facts(names: list[str], **facts: Any) -> dict[str, Any]:
    return {
        "workload": "w",
        "optimizers": names,
        "reference": names[0],
        "error": "",
        "errors": {},
        "device": "cpu",
        "threads": 1,
        "machine": {"cpu": "Example", "cores": 4, "system": "Linux 6"},
        "state_bytes_per_param": {},
        "peak_memory_bytes": {},
        "cpus": 4,
        "other_cpus": 0.0,
        **facts,
    }


def timed_study() -> Study:
    """A study of two workloads, written into this folder; its reference does not run on one of them."""
    file = Path("s.yaml")
    file.write_text(
        "study: s\nseeds: 1\ndevice: cpu\nworkloads: [ravine, tiny_sigmoid]\n"
        "optimizers: [adam, heavy_ball, sgd]\nmatrix:\n"
        "  - {workloads: [ravine], optimizers: [adam]}\n"
        "  - {workloads: [tiny_sigmoid], optimizers: [heavy_ball, adam, sgd]}\n"
    )
    return read_study(file)
