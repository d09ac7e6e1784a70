"""The noise of seeds as it is: residuals of the final loss of two workloads, 18 combinations, 40 seeds.

    python benchmarks/real_noise.py [--folder DIR] [--cores 2]

Trains benchmarks/real_noise.yaml in DIR (a temporary folder unless given; what is there stays) and writes
benchmarks/real_noise.csv: a row for each workload, optimizer and schedule with its learning rate, the mean
over seeds of the log10 of the final validation loss, and what each seed lies above that mean, six digits
behind the point. benchmarks/decisions.py draws its studies from it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd

from cost import cost_of

HERE = Path(__file__).resolve().parent
STUDY = HERE / "real_noise.yaml"
TABLE = HERE / "real_noise.csv"

NAMES = ["workload", "optimizer", "schedule", "lr"]
"""The columns that say whose residuals a row holds."""


def trained(folder: Path, cores: int) -> pd.DataFrame:
    """The run table of the study, trained in `folder` as far as it is not there already."""
    shutil.copy(STUDY, folder)
    os.chdir(folder)
    cost_of("optbench", "prepare", STUDY.name)
    cost_of("optbench", "train", STUDY.name, "--workers", str(cores))
    cost_of("optbench", "collect", STUDY.name)
    return pd.read_parquet(folder / "results" / "real_noise" / "tables" / "runs.parquet")


def residuals(runs: pd.DataFrame) -> pd.DataFrame:
    """A row for each combination: its names, the mean of log10 of the final loss, and each seed's residual.

    Raises:
        ValueError: a run did not end well; what it would have come to is not known.
    """
    failed = runs.loc[runs["status"] != "ok", "cell"].tolist()
    if failed:
        raise ValueError(f"{len(failed)} runs did not end well, {failed[0]} for one")
    logs = runs.assign(log=np.log10(runs["final_val_loss"]))
    wide = logs.set_index([*NAMES, "seed"])["log"].unstack("seed")  # noqa: PD010 - the seeds are an index
    wide = wide.reindex(pd.MultiIndex.from_frame(logs[NAMES].drop_duplicates()))
    mean = wide.mean(axis=1)
    out = wide.sub(mean, axis=0).add_prefix("seed")
    out.insert(0, "mean", mean)
    return out.reset_index()


def main() -> None:
    """Trains and writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="Where to train; what is trained there stays.")
    parser.add_argument("--cores", type=int, default=2)
    given = parser.parse_args()
    with nullcontext(given.folder) if given.folder else tempfile.TemporaryDirectory() as folder:
        table = residuals(trained(Path(folder).resolve(), given.cores))
        os.chdir(HERE)
    text = {name: [f"{value:.6f}" for value in table[name]] for name in table.columns.drop(NAMES)}
    table.assign(**text).to_csv(TABLE, index=False, lineterminator="\n")
    spread = table.filter(like="seed").std(axis=1, ddof=1)
    low, high = spread.min(), spread.max()
    print(f"{TABLE.name}: {len(table)} combinations, standard deviations {low:.4f} to {high:.4f}")


if __name__ == "__main__":
    main()
