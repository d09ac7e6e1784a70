"""What is not training: where the processor's seconds of a whole study go, and what a cell costs in a batch.

    python benchmarks/harness.py [--seeds 2] [--study config/default.yaml]

Runs the study from nothing to its page with `snakemake --cores 2`, with as many seeds as given, and counts
processor time: of all processes together, and of it what traces and timings say was spent inside
training and timing. The later stages are run once more by themselves to say what each takes. The smoke study
with `--cores 1` and `--cores 2` says how many cores are kept busy of those that were given. Then 400 tiny
cells (five steps on the ravine) are trained in one batch: the time from one's start to the next one's, less
its steps, evaluations and probes.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from pathlib import Path

import numpy as np

from cost import ROOT, cost_of, lay_out
from optbench.cells.matrix import cells_of
from optbench.cells.paths import trace_path
from optbench.cells.timing_file import read_timing
from optbench.cells.timings import timing_path, timings_of
from optbench.cells.trace import read_trace
from optbench.running.supervisor import train_all
from optbench.stats import median_interval
from optbench.study.resolve import read_study
from results import Row, record

CORES = 2
WARM_UP = 20
"""Cells that are not counted at the start of the batch."""

STAGES = ("collect", "summarize", "plot", "report")


def whole_study(text: str, seeds: int) -> list[Row]:
    """The shares of a study's processor time."""
    Path("study.yaml").write_text(re.sub(r"(?m)^seeds:.*$", f"seeds: {seeds}", text), encoding="utf-8")
    study = read_study(Path("study.yaml"))
    total = cost_of("snakemake", "--cores", str(CORES), "--configfile", "study.yaml")
    cells = cells_of(study)
    training = sum(read_trace(trace_path(cell)).times["cpu_time_s"] for cell in cells)
    timing = sum(read_timing(timing_path(one))[1]["cpu_time_s"] for one in timings_of(study))
    case = f"{study.name}, {seeds} seeds, {len(cells)} cells"
    rows = [
        Row(case, "wall clock", total.wall_s, "s"),
        Row(case, "processor, all processes", total.cpu_s, "s"),
        Row(case, f"cores busy, of {CORES}", total.cpu_s / total.wall_s),
        Row(case, "training", training, "s"),
        Row(case, "timing", timing, "s"),
        Row(case, "share inside both", (training + timing) / total.cpu_s, limit=0.75, side="at least"),
    ]
    told = {stage: cost_of("optbench", stage, "study.yaml") for stage in STAGES}
    rows += [Row(case, stage, cost.cpu_s, "s") for stage, cost in told.items()]
    told["no-op"] = cost_of("snakemake", "--cores", str(CORES), "--configfile", "study.yaml")
    rows.append(Row(case, "snakemake, reading the workflow and its graph", told["no-op"].cpu_s, "s"))
    rest = total.cpu_s - training - timing - sum(cost.cpu_s for cost in told.values())
    rows.append(Row(case, "starts of processes, data, batches", rest, "s"))
    return rows


def given_cores() -> list[Row]:
    """How many cores a study keeps busy of those that it was given, Snakemake's own process included."""
    text = (ROOT / "config" / "smoke.yaml").read_text(encoding="utf-8")
    rows = []
    for cores in (1, 2):
        name = f"smoke_on_{cores}"
        file = Path(f"{name}.yaml")
        file.write_text(re.sub(r"(?m)^study:.*$", f"study: {name}", text), encoding="utf-8")
        cost = cost_of("snakemake", "--cores", str(cores), "--configfile", file)
        busy = cost.cpu_s / cost.wall_s
        rows.append(Row(f"smoke study, --cores {cores}", "cores busy on average", busy, limit=1.02 * cores))
    return rows


def one_cell() -> list[Row]:
    """What a cell costs in a batch beside its steps, evaluations and probes."""
    file = Path("tiny.yaml")
    file.write_text(
        "study: tiny\ndevice: cpu\nseeds: 400\nworkloads: {ravine: {steps: 5}}\noptimizers: [sgd]\n",
        encoding="utf-8",
    )
    study = read_study(file)
    cells = cells_of(study)
    train_all(cells, study.data_folder, study.folder, 1, lambda _cell, _status: None)
    times = [read_trace(trace_path(cell)).times for cell in cells]
    starts = np.array([one["started"] for one in times])
    inside = np.array([one["train_time_s"] + one["eval_time_s"] + one["probe_time_s"] for one in times])
    rest = np.diff(starts) - inside[:-1]  # one process trains them in this order
    found = median_interval(1e3 * rest[WARM_UP:])
    case = "a cell of five steps"
    return [
        Row(case, "steps, evaluations and probes", 1e3 * float(np.median(inside)), "ms"),
        Row(case, "all the rest", found.estimate, "ms", found.low, found.high, limit=5.0),
    ]


def main() -> None:
    """Measures and records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--study", type=Path, default=ROOT / "config" / "default.yaml")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--cell-only", action="store_true", help="Only the cost of a cell in a batch.")
    given = parser.parse_args()
    text = given.study.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder))
        os.chdir(folder)
        rows = [] if given.cell_only else whole_study(text, given.seeds)
        rows += [] if given.cell_only else given_cores()
        rows += one_cell()
        os.chdir(ROOT)
    record("harness", rows)


if __name__ == "__main__":
    main()
