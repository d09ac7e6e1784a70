"""What the plans read of `optbench.evidence`'s tables, and how they pick rows from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optbench.evidence import TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Evidence:
    """The tables, each possibly empty; rows of names that the study does not have are left out."""

    survival: pd.DataFrame
    arrivals: pd.DataFrame
    ratios: pd.DataFrame
    profile: pd.DataFrame
    tradeoffs: pd.DataFrame
    rates: pd.DataFrame


def read_evidence(tables: Path) -> Evidence:
    """Return the evidence tables of a study; an empty one stands for a file that is not there."""
    files = {name: tables / f"{name}.parquet" for name in TABLES}
    return Evidence(
        **{name: pd.read_parquet(file) if file.exists() else pd.DataFrame() for name, file in files.items()}
    )


def rows_of(table: pd.DataFrame, **wanted: str) -> pd.DataFrame:
    """The rows whose columns have the values given; none where the table is empty."""
    if table.empty:
        return table
    fits = np.logical_and.reduce([table[column] == value for column, value in wanted.items()])
    return table[fits]


def present(names: Sequence[str], rows: pd.DataFrame) -> list[str]:
    """Return those of the optimizers that have a row, in the order given."""
    known = set() if rows.empty else set(rows["optimizer"])
    return [name for name in names if name in known]
