"""What the probes cost: the training loop with them over the loop without, in interleaved pairs.

    python benchmarks/probes.py [--rounds 15] [--every 10] [--device cpu] [--wall]

Each round trains one cell bare and one with probes, in turn first. What the second took longer (evaluations
apart), added to the bare loop's time, is divided by the bare loop's time. Recorded are the median of these
ratios and its 95% interval from order statistics; the table stands in docs/reference/tables.md. Times are the
thread's CPU time, so that other work on the machine does not decide; `--wall` takes the wall clock instead,
for a quiet machine or a GPU.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import numpy as np

from optbench.catalogue.datasets.prepare import prepare
from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.schedules.entries import SCHEDULES
from optbench.catalogue.workloads.entries import WORKLOADS
from optbench.cells.cell import CellSpec
from optbench.core.specs import PROBE_EVERY
from optbench.stats import median_interval
from optbench.training import loop as train
from optbench.training.probes import run as probes
from results import Row, record

WORKLOAD_NAMES = ("digits_mlp", "mnist5k_mlp", "ravine")
OPTIMIZER_NAMES = ("sgd", "heavy_ball", "adam")
LIMIT = 1.3


def times_us(cell: CellSpec, data: Path) -> tuple[float, float]:
    """Microseconds a step, of the loop and of all but the evaluations."""
    trace = train.train_cell(cell, data)
    if trace.facts["status"] != "ok":
        raise SystemExit(f"{cell.name}: {trace.facts['error']}")
    loop, all_but = trace.times["train_time_s"], trace.times["total_time_s"] - trace.times["eval_time_s"]
    return 1e6 * loop / trace.facts["steps"], 1e6 * all_but / trace.facts["steps"]


def main() -> None:
    """Measures and records."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--every", type=int, default=PROBE_EVERY)
    parser.add_argument("--wall", action="store_true")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    # The probes' own clock stands still: thread_time takes microseconds where perf_counter takes a tenth.
    probes.time = SimpleNamespace(perf_counter=lambda: 0.0)  # type: ignore[assignment]
    if not arguments.wall:
        train.time = SimpleNamespace(
            time=time.time, perf_counter=time.thread_time, process_time=time.process_time
        )  # type: ignore[assignment]
    rows = []
    with TemporaryDirectory() as folder:
        for workload in (WORKLOADS[name] for name in WORKLOAD_NAMES):
            if workload.dataset is not None:
                prepare(workload.dataset, Path(folder))
            for optimizer in (OPTIMIZERS[name] for name in OPTIMIZER_NAMES):
                probed = CellSpec(
                    study="benchmark",
                    workload=workload,
                    optimizer=optimizer,
                    schedule=SCHEDULES["constant"],
                    lr=optimizer.lr,
                    seed=0,
                    device=arguments.device,
                    threads=1,
                    timeout_s=600.0,
                    probe_every=arguments.every,
                )
                pair = (replace(probed, probe_every=0), probed)
                times = np.empty((arguments.rounds + 1, 2, 2))
                for block, row in enumerate(times):
                    for which in (0, 1) if block % 2 else (1, 0):
                        row[which] = times_us(pair[which], Path(folder))
                bare = times[1:, 0, 0]  # the first round warms up
                with_probes = bare + times[1:, 1, 1] - times[1:, 0, 1]
                ratio = median_interval(with_probes / bare)
                case = f"`{workload.name}`, `{optimizer.name}`"
                # What few steps of two numbers cost was not asked: the ravine is there to show it.
                limit = LIMIT if workload.dataset is not None else None
                rows.append(Row(case, "bare", float(np.median(bare)), "us a step"))
                rows.append(
                    Row(case, "with probes over bare", ratio.estimate, "", ratio.low, ratio.high, limit)
                )
    record("probes", rows)


if __name__ == "__main__":
    main()
