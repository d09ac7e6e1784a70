"""The A/A check of the timing stage: SGD against itself under a second name, on the digits MLP.

    python benchmarks/timing_aa.py [--repeats 5] [--seconds 2.5] [--workload digits_mlp]

Prints, for each repeat in a fresh process, the ratio with its 95% interval and what made the machine noisy.
On a quiet machine the interval contains 1 and is narrower than 5%. Nothing is asserted here.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from optbench.config import read_study
from optbench.datasets import prepare
from optbench.timing_child import time_in_child
from optbench.timing_plan import timings_of
from optbench.timing_table import collect_timing


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.5)
    parser.add_argument("--workload", default="digits_mlp")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        file = Path("aa.yaml")
        file.write_text(
            f"study: aa\nseeds: 1\ndevice: cpu\nworkloads: [{given.workload}]\noptimizers: [sgd, adam]\n",
            encoding="utf-8",
        )
        study = read_study(file)
        for dataset in study.datasets.values():
            prepare(dataset, study.data_folder)
        (timing,) = timings_of(study)
        print(f"{'ratio':>8} {'low':>8} {'high':>8} {'width':>7} rounds  step/us  adam/sgd  noise")
        for _ in range(given.repeats):
            if problem := time_in_child(timing, study.data_folder, study.folder, given.seconds):
                raise SystemExit(problem)
            sgd, adam = (row for _, row in collect_timing(study).iterrows())
            print(
                f"{sgd['aa_ratio']:8.4f} {sgd['aa_low']:8.4f} {sgd['aa_high']:8.4f}"
                f" {sgd['aa_high'] - sgd['aa_low']:7.2%} {sgd['rounds']:6d} {sgd['step_time_us']:8.1f}"
                f" {adam['ratio_to_sgd']:9.3f}  {sgd['noise'] or 'quiet'}",
                flush=True,
            )
        os.chdir("/")


if __name__ == "__main__":
    main()
