"""What figures and page read of a study's tables, and how they pick rows from them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from optbench.tables.read import read_frame
from optbench.tables.step_times import comparable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from optbench.report.study import StudyView


@dataclass(frozen=True)
class FigureTables:
    """The tables, each possibly empty; rows of names that the study does not have are left out."""

    survival: pd.DataFrame
    targets_reached: pd.DataFrame
    ratios: pd.DataFrame
    profile: pd.DataFrame
    tradeoffs: pd.DataFrame
    rates: pd.DataFrame


def read_figure_tables(tables: Path) -> FigureTables:
    """Return the evidence tables of a study; an empty one stands for a file that is not there."""
    files = {field.name: tables / f"{field.name}.parquet" for field in fields(FigureTables)}
    return FigureTables(
        **{name: read_frame(file) if file.exists() else pd.DataFrame() for name, file in files.items()}
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


OF_TIMING: Final = (
    "workload",
    "optimizer",
    "step_time_us",
    "step_time_p95_us",
    "optimizer_step_us",
    "ratio_to_sgd",
    "ratio_low",
    "ratio_high",
    "state_bytes_per_param",
    "peak_memory_bytes",
    "noisy",
    "rounds",
    "reference",
    "threads",
    "device",
    "machine",
    "noise",
    "error",
)
"""Columns of the timing table that the page reads."""


def read_timing_table(study: StudyView, file: Path) -> pd.DataFrame | None:
    """Return the timing table's rows of this study's names, in its order.

    None where the file or one of its columns is missing, or where nothing was measured.
    """
    if not file.exists():
        return None
    table = read_frame(file)
    if not set(OF_TIMING) <= set(table.columns):
        return None
    table = comparable(table)
    order = {(w, o): i for i, (w, o) in enumerate(product(study.workloads, study.optimizers))}
    pairs = zip(table["workload"], table["optimizer"], strict=True)
    table = table.assign(place=[order.get((str(w), str(o)), -1) for w, o in pairs])
    rows = table[table["place"] >= 0].sort_values("place", ignore_index=True)
    return rows if np.isfinite(rows["step_time_us"].to_numpy(float)).any() else None


OF_ORACLE: Final = (
    "fact",
    "topic",
    "what",
    "formula",
    "predicted",
    "measured",
    "tolerance",
    "deviation",
    "verdict",
    "reason",
    "source",
    "note",
)
"""Columns of the oracle's table that the page reads."""


def read_oracle(study: StudyView, file: Path) -> pd.DataFrame | None:
    """Return the oracle's table; None where the study asks for none or the file or a column is missing."""
    if not study.facts.get("oracle") or not file.exists():
        return None
    table = read_frame(file)
    return table if set(OF_ORACLE) <= set(table.columns) and len(table) else None


@dataclass(frozen=True)
class Tuned:
    """The tables that a tuning leaves, for the names of the study.

    Attributes:
        curves: tables/lr_curves.
        measures: tables/sensitivity.
        expected: tables/best_of_k.
    """

    curves: pd.DataFrame
    measures: pd.DataFrame
    expected: pd.DataFrame


def read_race(tables: Path) -> pd.DataFrame | None:
    """Return who was in a race after which look; None where no look was held."""
    file = tables / "race.parquet"
    rows = read_frame(file) if file.exists() else None
    return None if rows is None or rows.empty else rows


def read_tuned(tables: Path) -> Tuned | None:
    """Return the tables of a tuning; None where nothing was tuned."""
    files = [tables / f"{name}.parquet" for name in ("lr_curves", "sensitivity", "best_of_k")]
    if not all(file.exists() for file in files):
        return None
    tuned = Tuned(*(read_frame(file) for file in files))
    return tuned if len(tuned.measures) else None
