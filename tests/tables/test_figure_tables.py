"""The tables behind the figures: they repeat, and bear failures."""

from __future__ import annotations

from dataclasses import fields

import pandas as pd
import pytest

from lab.fabricate import Fake, fabricate
from optbench.report.figures.draw import draw_all
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


def test_the_studys_reference_is_that_of_every_ratio(tmp_path):
    """Whatever the step times were compared with."""
    fake = Fake(optimizers=("sgd", "momentum", "adam"), reference="adam", timed=True)
    results = fabricate(tmp_path / "demo", fake)
    timing = pd.read_parquet(results / "tables/timing.parquet").assign(reference="momentum")
    timing.to_parquet(results / "tables/timing.parquet", index=False)
    write_figure_tables(results / "tables")
    ratios = pd.read_parquet(results / "tables/ratios.parquet")
    ratios = ratios[ratios["kind"] == "reference"]
    assert set(ratios["against_optimizer"]) == {"adam"}
    own = ratios[(ratios["optimizer"] == "adam") & (ratios["schedule"] == "constant")]
    assert own["estimate"].tolist() == [1.0, 1.0]
    runs = pd.read_parquet(results / "tables/runs.parquet").set_index("cell")["steps_to_target"]
    profile = pd.read_parquet(results / "tables/profile.parquet")
    at_one = profile[(profile["factor"] == 1) & (profile["schedule"] == "constant")].set_index("optimizer")
    cells = [f"{workload}/{{}}/constant/{seed}" for workload in fake.workloads for seed in range(4)]
    for name in fake.optimizers:
        as_soon = [runs[cell.format(name)] <= runs[cell.format("adam")] for cell in cells]
        alone = [runs[cell.format(name)] > 0 and not runs[cell.format("adam")] > 0 for cell in cells]
        assert at_one["share"][name] == sum(map(max, as_soon, alone)) / len(cells)
    records = {record.title: record for record in draw_all(results / "tables", results / "figures")}
    assert "(Adam under Constant)" in records["Final loss against the reference"].caption
    heat = (results / "figures" / records["Final loss against the reference"].panels[0].svg).read_text()
    assert heat.count(">ref<") == 2
