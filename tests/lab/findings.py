"""A fabricated study whose findings are checked, and what they are read with."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd

from lab.fabricate import Fake

# ------------------------------------------------------------------------------------- findings


FAKE = Fake(
    workloads=("ravine", "digits", "letters"),
    seeds=7,
    evaluations=21,
    statuses={"digits/adam/constant/2": "diverged", "letters/sgd/cosine/1": "missing"},
    oscillation=True,
    timed=True,
    tuned=True,
)


def number(value: float | str | None) -> float:
    return math.nan if value is None else float(value)


def runs_csv(tables: Path) -> Path:
    file = tables / "runs.csv"
    pd.read_parquet(tables / "runs.parquet").to_csv(file, index=False)
    return file


def label(name: str) -> str:
    return {"sgd": "SGD", "adam": "Adam"}.get(name, name)
