"""What many cells cost apart from their training: planning, resuming, collecting, summarizing.

    python benchmarks/scale.py [--cells 1000 10000] [--page]

Traces are made up (benchmarks/synthetic.py). Every stage is a process of its own; reported are its wall
clock, the most memory that it or a child of its held, and how its processor time grows from the smallest
study to the largest, over the growth of the cells. `--page` draws and renders too.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from cost import ROOT, Cost, cost_of, lay_out
from results import Row, record
from synthetic import SIZES, write_study, write_traces


def measure(cells: int, *, page: bool) -> tuple[dict[str, Cost], int]:
    """What each stage of a study of `cells` cells takes, and the bytes of its traces."""
    study = write_study(Path(f"synthetic_{cells}.yaml"), SIZES[cells])
    file = str(study.file)
    snakemake = ("snakemake", "--cores", "2", "--configfile", file)
    costs = {"dry run, everything left": cost_of(*snakemake, "--dry-run", "--quiet")}
    written = write_traces(study)
    costs["dry run, all trained"] = cost_of(*snakemake, "--dry-run", "--quiet")
    costs["collect"] = cost_of("optbench", "collect", file, "--cores", "2")
    costs["summarize"] = cost_of("optbench", "summarize", file, "--cores", "2")
    if page:
        costs["plot"] = cost_of("optbench", "plot", file, "--cores", "2")
        costs["report"] = cost_of("optbench", "report", file)
        costs["no-op run"] = cost_of(*snakemake)
    return costs, written


LIMITS_S = {
    "dry run, everything left": 10.0,
    "dry run, all trained": 10.0,
    "no-op run": 10.0,
    "collect + summarize": 30.0,
}
PEAK_GB = 1.5


def main() -> None:
    """Measures and records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--page", action="store_true")
    given = parser.parse_args()
    rows: list[Row] = []
    found: dict[int, dict[str, Cost]] = {}
    for cells in sorted(given.cells):
        with tempfile.TemporaryDirectory() as folder:
            lay_out(Path(folder))
            os.chdir(folder)
            costs, written = measure(cells, page=given.page)
            os.chdir(ROOT)
        costs["collect + summarize"] = Cost(
            costs["collect"].wall_s + costs["summarize"].wall_s,
            costs["collect"].cpu_s + costs["summarize"].cpu_s,
            max(costs["collect"].peak_bytes, costs["summarize"].peak_bytes),
        )
        found[cells] = costs
        case = f"{cells:,} cells"
        rows.append(Row(case, "traces", written / 1e6, "MB"))
        for stage, cost in costs.items():
            limit = LIMITS_S.get(stage) if cells == max(SIZES) else None
            rows.append(Row(case, stage, cost.wall_s, "s", limit=limit))
        peak = max(cost.peak_bytes for cost in costs.values())
        rows.append(Row(case, "peak memory of any stage", peak / 1e9, "GB", limit=PEAK_GB))
    if len(found) > 1:
        small, large = min(found), max(found)
        for stage, cost in found[large].items():
            grown = cost.cpu_s / found[small][stage].cpu_s / (large / small)
            case = f"from {small:,} to {large:,}"
            rows.append(Row(case, f"{stage}: processor time a cell, ratio", grown, limit=1.0))
    record("scale", rows)


if __name__ == "__main__":
    main()
