"""What training seeds together gains: cells an hour, batched over one at a time, in interleaved pairs.

    python benchmarks/batched.py [--seeds 6] [--rounds 9] [--device cpu] [--probes 0 15] [--graph]

Each round trains the seeds of one configuration one after another, and all of them as one model, in turn
first. Both are taken by the wall clock from the cell to its trace (data, model and evaluations included, the
trace's file not), so run it on a quiet machine. Recorded are the medians in cells an hour, the median of the
rounds' ratios with its 95% interval from order statistics, and the largest relative difference of any loss;
the table stands in docs/why/batched-seeds.md. `--graph` adds steps replayed from a CUDA graph to the batched
side.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from optbench.catalogue.datasets.prepare import prepare
from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.schedules.entries import SCHEDULES
from optbench.catalogue.workloads.entries import WORKLOADS
from optbench.cells.cell import CellSpec
from optbench.cells.trace import Trace
from optbench.findings.agreement import relative_difference
from optbench.stats import median_interval
from optbench.training.batched.train import train_together
from optbench.training.loop import train_cell
from results import Row, record

WORKLOAD_NAMES = ("ravine", "logistic_regression", "digits_mlp", "mnist5k_mlp", "mnist5k_cnn")
OPTIMIZER_NAMES = ("sgd", "adam")


def timed(train: Callable[[], list[Trace]]) -> tuple[float, list[Trace]]:
    """Seconds, and the traces."""
    begun = time.perf_counter()
    traces = train()
    return time.perf_counter() - begun, traces


def largest_difference(alone: list[Trace], together: list[Trace]) -> float:
    """Of any loss at an evaluation, relative."""
    return max(
        relative_difference(one.series(split, "loss")[1], other.series(split, "loss")[1])
        for one, other in zip(alone, together, strict=True)
        for split in ("train", "validation", "test")
    )


def main() -> None:
    """Measures and records."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--probes", type=int, nargs="+", default=[0, 15])
    parser.add_argument("--workloads", nargs="+", default=WORKLOAD_NAMES)
    parser.add_argument("--optimizers", nargs="+", default=OPTIMIZER_NAMES)
    parser.add_argument("--graph", action="store_true")
    given = parser.parse_args()
    seeds = tuple(range(given.seeds))
    rows = []
    with TemporaryDirectory() as folder:
        data = Path(folder)
        for workload in (WORKLOADS[name] for name in given.workloads):
            if workload.dataset is not None:
                prepare(workload.dataset, data)
            for optimizer in (OPTIMIZERS[name] for name in given.optimizers):
                for every in given.probes:
                    cells = [
                        CellSpec(
                            study="benchmark",
                            workload=workload,
                            optimizer=optimizer,
                            schedule=SCHEDULES["constant"],
                            lr=optimizer.lr,
                            seed=seed,
                            device=given.device,
                            threads=1,
                            timeout_s=600.0,
                            probe_every=every,
                            together=seeds,
                        )
                        for seed in seeds
                    ]
                    batched = [replace(cell, step="graph" if given.graph else "eager") for cell in cells]
                    ways: tuple[Callable[[], list[Trace]], ...] = (
                        lambda cells=cells: [train_cell(cell, data) for cell in cells],  # type: ignore[misc]
                        lambda cells=batched: train_together(cells, data),  # type: ignore[misc]
                    )
                    times = np.empty((given.rounds + 1, 2))
                    traces: list[list[Trace]] = [[], []]
                    for turn, row in enumerate(times):
                        for which in (0, 1) if turn % 2 else (1, 0):
                            row[which], traces[which] = timed(ways[which])
                    for trace in traces[1]:
                        execution = trace.facts["execution"]
                        if execution["seeds"] != "batched" or (given.graph and execution["step"] != "graph"):
                            raise SystemExit(f"{trace.facts['cell']}: {execution['why']}")
                    ratio = median_interval(times[1:, 0] / times[1:, 1])  # the first round warms up
                    alone, together = 3600 * len(seeds) / np.median(times[1:], axis=0)
                    case = f"{workload.name}, {optimizer.name}, probes {f'every {every}' if every else 'off'}"
                    rows += [
                        Row(case, f"{len(seeds)} seeds one at a time", alone, "cells an hour"),
                        Row(case, f"{len(seeds)} seeds as one model", together, "cells an hour"),
                        Row(case, "as one over one at a time", ratio.estimate, "", ratio.low, ratio.high),
                        Row(case, "largest relative difference of a loss", largest_difference(*traces)),
                    ]
    record("batched", rows)


if __name__ == "__main__":
    main()
