"""Writes the tables behind the comparing figures: part of the `summarize` stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from optbench.core.files import write_table
from optbench.tables.curves import read_curves
from optbench.tables.heavy_ball import RateRow, rate_rows
from optbench.tables.ratios import ProfileRow, RatioRow, profile_rows, ratio_rows
from optbench.tables.read import read_frame, read_values
from optbench.tables.step_times import read_times
from optbench.tables.survival import SurvivalRow, survival_rows
from optbench.tables.time_to_target import TargetsReachedRow, targets_reached_rows
from optbench.tables.tradeoffs import TradeoffRow, tradeoff_rows

if TYPE_CHECKING:
    from pathlib import Path


def write_figure_tables(tables: Path) -> None:
    """Writes the tables survival, targets_reached, ratios, profile, tradeoffs and rates.

    They lie beside the tables they come from, each as .parquet and .csv.

    Args:
        tables: results/<study>/tables with runs, curves, summary, study.json and, where steps were timed,
            timing.
    """
    runs = read_frame(tables / "runs.parquet")
    summary = read_frame(tables / "summary.parquet")
    facts = read_values(tables / "study.json")
    timing = read_times(tables)
    workloads: dict[str, dict[str, Any]] = facts.get("workloads") or {}
    budgets = {name: float(known["steps"]) for name, known in workloads.items() if known.get("steps")}
    optima = {
        name: float(known["optimum"]) for name, known in workloads.items() if known.get("optimum") is not None
    }
    validation, train = (
        read_curves(tables / "curves.parquet", split=[split], metric=["loss"])
        for split in ("validation", "train")
    )
    reference = str(facts["report"]["reference"])
    found = {
        "survival": pd.DataFrame(survival_rows(runs, timing, budgets), columns=SurvivalRow._fields),
        "targets_reached": pd.DataFrame(
            targets_reached_rows(runs, validation, optima), columns=TargetsReachedRow._fields
        ),
        "ratios": pd.DataFrame(ratio_rows(runs, reference), columns=RatioRow._fields),
        "profile": pd.DataFrame(profile_rows(runs, reference), columns=ProfileRow._fields),
        "tradeoffs": pd.DataFrame(tradeoff_rows(summary, timing, budgets), columns=TradeoffRow._fields),
        "rates": pd.DataFrame(rate_rows(runs, train, facts), columns=RateRow._fields),
    }
    for name, table in found.items():
        write_table(table, tables / name)
