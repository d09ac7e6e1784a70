"""Real trials, as many seeds of them as no study tunes with: the noise that `tuning_share.py` draws from.

    python benchmarks/trials.py [--seeds 64] [--around 3]

For two workloads, four optimizers and two schedules the best learning rate is searched on the grid of every
study (three rates a decade) with eight seeds, and the rates up to `--around` places on either side are
trained with all seeds. benchmarks/trials.csv then has a row a rate with the final validation loss of every
seed, inf where a run did not end well. Seeds are trained together, which changes last bits alone.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from optbench.catalogue.datasets.prepare import prepare
from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.schedules.entries import SCHEDULES
from optbench.catalogue.workloads.entries import WORKLOADS
from optbench.cells.cell import CellSpec
from optbench.cells.search import best_of
from optbench.core.status import OK
from optbench.training.batched.train import train_together

TABLE = Path(__file__).parent / "trials.csv"

WORKLOAD_NAMES = ("logistic_regression", "digits_mlp")
OPTIMIZER_NAMES = ("sgd", "heavy_ball", "adam", "lion")
SCHEDULE_NAMES = ("constant", "cosine")

PER_DECADE = 3
FEW = 8
"""Seeds that look for the middle of the rates."""


def read_trials() -> dict[str, dict[tuple[str, str], np.ndarray]]:
    """The losses by workload and (optimizer, schedule), shape (rates, seeds), inf for a failure."""
    rows: dict[str, dict[tuple[str, str], list[list[float]]]] = {}
    with TABLE.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        next(lines)
        for workload, optimizer, schedule, _, *losses in lines:
            here = rows.setdefault(workload, {}).setdefault((optimizer, schedule), [])
            here.append([float(loss) for loss in losses])
    return {w: {one: np.array(losses) for one, losses in found.items()} for w, found in rows.items()}


def final_losses(cell: CellSpec, place: int, seeds: range, data: Path) -> list[float]:
    """The final validation losses of a candidate, a seed each."""
    at_rate = replace(cell, lr=lr(place), together=tuple(seeds))
    traces = train_together([replace(at_rate, seed=seed) for seed in seeds], data)
    return [
        float(trace.series("validation", "loss")[1][-1]) if trace.facts["status"] == OK.name else inf
        for trace in traces
    ]


def lr(place: int) -> float:
    """The rate of a place, as a search has it."""
    return float(f"{10 ** (place / PER_DECADE):.4g}")


def middle(cell: CellSpec, data: Path) -> int:
    """The best place, with neighbours on both sides."""
    losses: dict[int, list[float]] = {}
    grid = range(-3 * PER_DECADE, 1)
    while True:
        for place in grid:
            if place not in losses:
                losses[place] = final_losses(cell, place, range(1000, 1000 + FEW), data)
        best = best_of(losses)
        if grid.start < best < grid.stop - 1:
            return best
        grid = range(grid.start - (best == grid.start), grid.stop + (best == grid.stop - 1))


def main() -> None:
    """Trains and writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=64)
    parser.add_argument("--around", type=int, default=3)
    given = parser.parse_args()
    seeds = range(given.seeds)
    lines = []
    with TemporaryDirectory() as folder:
        data = Path(folder)
        for workload in (WORKLOADS[name] for name in WORKLOAD_NAMES):
            if workload.dataset is not None:
                prepare(workload.dataset, data)
            for optimizer in (OPTIMIZERS[name] for name in OPTIMIZER_NAMES):
                for schedule in (SCHEDULES[name] for name in SCHEDULE_NAMES):
                    cell = CellSpec(
                        study="trials",
                        workload=workload,
                        optimizer=optimizer,
                        schedule=schedule,
                        lr=optimizer.lr,
                        seed=0,
                        device="cpu",
                        threads=1,
                        timeout_s=600.0,
                        probe_every=0,
                        together=tuple(seeds),
                        step="eager",
                    )
                    best = middle(cell, data)
                    print(cell.combination, lr(best), flush=True)
                    for place in range(best - given.around, best + given.around + 1):
                        losses = final_losses(cell, place, seeds, data)
                        names = workload.name, optimizer.name, schedule.name
                        lines.append([*names, f"{lr(place):g}", *(f"{loss:.5g}" for loss in losses)])
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["workload", "optimizer", "schedule", "lr", *(f"seed {seed}" for seed in seeds)])
        out.writerows(lines)


if __name__ == "__main__":
    main()
