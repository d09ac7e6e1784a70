"""Rows of a run table."""

from __future__ import annotations

import pandas as pd


def runs_of(rows, **columns):
    """A run table from (optimizer, seed, steps to target, final loss); NaN for what was not reached."""
    table = pd.DataFrame(rows, columns=["optimizer", "seed", "steps_to_target", "final_val_loss"])
    table = table.assign(workload="w", schedule="constant", status="ok", steps=100, **columns)
    names = table["workload"] + "/" + table["optimizer"] + "/constant/" + table["seed"].astype(str)
    return table.assign(cell=names)
