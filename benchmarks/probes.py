"""What the probes cost: the training loop with them over the loop without, interleaved in one process.

    python benchmarks/probes.py [--rounds 15] [--wall]

A cell is trained bare, probed, bare, probed, ... and the loop times (evaluations apart) of each two are
divided; the median of these ratios is printed. Times are the thread's CPU time, so that other work on the
machine does not decide; `--wall` takes the wall clock instead, for a quiet machine or a GPU.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import numpy as np

from optbench import probes, train
from optbench.catalogue.optimizers import OPTIMIZERS
from optbench.catalogue.schedules import SCHEDULES
from optbench.catalogue.workloads import WORKLOADS
from optbench.datasets import prepare
from optbench.spec import CellSpec

WORKLOAD_NAMES = ("digits_mlp", "mnist5k_mlp", "ravine")
OPTIMIZER_NAMES = ("sgd", "heavy_ball", "adam")


def loop_time_us(cell: CellSpec, data: Path) -> tuple[float, float]:
    """Microseconds a step of the loop, bare and with its probes."""
    trace = train.train_cell(cell, data)
    if trace.facts["status"] != "ok":
        raise SystemExit(f"{cell.name}: {trace.facts['error']}")
    bare, probed = trace.times["train_time_s"], trace.times["probe_time_s"]
    steps = trace.facts["steps"]
    return 1e6 * bare / steps, 1e6 * (bare + probed) / steps


def main() -> None:
    """Print one line for each workload and optimizer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--wall", action="store_true")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    if not arguments.wall:
        clock = SimpleNamespace(time=time.time, perf_counter=time.thread_time)
        train.time = probes.time = clock  # type: ignore[assignment]
    with TemporaryDirectory() as folder:
        for workload in (WORKLOADS[name] for name in WORKLOAD_NAMES):
            if workload.dataset is not None:
                prepare(workload.dataset, Path(folder))
            for optimizer in (OPTIMIZERS[name] for name in OPTIMIZER_NAMES):
                cell = CellSpec(
                    study="benchmark",
                    workload=workload,
                    optimizer=optimizer,
                    schedule=SCHEDULES["constant"],
                    lr=optimizer.lr,
                    seed=0,
                    device=arguments.device,
                    threads=1,
                    timeout_s=600.0,
                )
                off = replace(cell, probe_every=0)
                for one in (off, cell):
                    loop_time_us(one, Path(folder))  # warm-up
                pairs = [
                    (loop_time_us(off, Path(folder))[1], loop_time_us(cell, Path(folder))[1])
                    for _ in range(arguments.rounds)
                ]
                bare, probed = np.median(pairs, axis=0)
                ratios = np.divide(*np.array(pairs).T[::-1])
                low, high = np.quantile(ratios, [0.25, 0.75])
                print(
                    f"{workload.name:12} {optimizer.name:11} {bare:6.0f} us -> {probed:6.0f} us a step: "
                    f"{np.median(ratios):.2f} (quartiles {low:.2f}, {high:.2f})"
                )


if __name__ == "__main__":
    main()
