"""The A/A check of the timing stage: SGD against itself under a second name, on the digits MLP.

    python benchmarks/timing_aa.py [--repeats 5] [--seconds 2.5] [--workload digits_mlp]

For each repeat in a fresh process, the ratio with its 95% interval and its width, Adam's ratio beside it, and
what made the machine noisy. On a quiet machine the interval contains 1 and is narrower than 5%. The table
stands in docs/reference/tables.md#timing.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from cost import ROOT
from optbench.catalogue.datasets.prepare import prepare
from optbench.cells.timings import timings_of
from optbench.running.launcher import Launcher
from optbench.running.timing import time_in_child
from optbench.study.resolve import read_study
from optbench.tables.timing import collect_timing
from results import Row, record


def main() -> None:
    """Measures and records."""
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
        rows, noises = [], set()
        for turn in range(given.repeats):
            with Launcher() as launcher:
                problem, errors = time_in_child(
                    timing, study.data_folder, study.folder, given.seconds, study.timeout_s, launcher
                )
            if problem or errors:
                raise SystemExit(problem or str(errors))
            sgd, adam = (row for _, row in collect_timing(study).iterrows())
            case = f"{given.workload}, repeat {turn + 1}"
            ratio, low, high = sgd["aa_ratio"], sgd["aa_low"], sgd["aa_high"]
            rows += [
                Row(case, "SGD over SGD", ratio, "", low, high),
                Row(case, "width of its interval", 100 * (high - low), "%", limit=5.0),
                Row(case, "Adam over SGD", adam["ratio_to_sgd"], "", adam["ratio_low"], adam["ratio_high"]),
            ]
            noises |= {sgd["noise"] or "quiet"}
        os.chdir(ROOT)
    record("timing_aa", rows, f"The machine during the repeats: {'; '.join(sorted(noises))}.")


if __name__ == "__main__":
    main()
