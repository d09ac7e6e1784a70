"""The tables behind the figures: they repeat, and bear failures."""

from __future__ import annotations

from dataclasses import fields

import pandas as pd
import pytest

from lab.fabricate import Fake, fabricate
from optbench.report.tables import FigureTables
from optbench.tables.figure_tables import write_figure_tables

# --- all of it -------------------------------------------------------------------------------------------


def test_written_tables_repeat_and_bear_failures(tmp_path):
    statuses = {"digits/sgd/constant/0": "diverged", "ravine/adam/cosine/1": "missing"}
    tables = fabricate(tmp_path / "demo", Fake(statuses=statuses, timed=True)) / "tables"
    files = [tables / f"{field.name}.{kind}" for field in fields(FigureTables) for kind in ("parquet", "csv")]
    before = [file.read_bytes() for file in files]
    write_figure_tables(tables)
    assert [file.read_bytes() for file in files] == before
    profile = pd.read_parquet(tables / "profile.parquet")
    assert profile["share"].between(0, 1).all()
    assert (profile["low"] <= profile["share"]).all()
    rates = pd.read_parquet(tables / "rates.parquet")
    assert set(rates["workload"]) == {"ravine"}


@pytest.mark.parametrize("status", ["missing", "error", "diverged"])
def test_tables_of_a_study_in_which_nothing_worked(tmp_path, status):
    tables = fabricate(tmp_path / "demo", Fake(status=status, seeds=2)) / "tables"
    assert pd.read_parquet(tables / "ratios.parquet").empty
