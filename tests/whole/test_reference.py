"""The reference is one optimizer wherever one is taken: `report.reference` of the study file."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from lab.fabricate import Fake, fabricate, timing_table
from optbench.cells.timings import timings_of
from optbench.findings.analysis import compare_all
from optbench.study.resolve import read_study, reference_of
from optbench.tables.figure_tables import write_figure_tables
from optbench.tables.rows import Combination, first_with

STUDY = """study: s
workloads: [ravine, quadratic]
optimizers: [heavy_ball, sgd, adam]
schedules: [constant, cosine]
"""


@pytest.mark.parametrize(
    ("given", "optimizers", "expected"),
    [
        ("adam", ["heavy_ball", "sgd", "adam"], "adam"),
        (None, ["heavy_ball", "sgd", "adam"], "sgd"),
        (None, ["heavy_ball", "adam"], "heavy_ball"),
    ],
)
def test_the_reference_is_the_given_one_else_sgd_else_the_first(given, optimizers, expected):
    assert reference_of(given, optimizers) == expected


@pytest.mark.parametrize(
    ("report", "expected"), [("", "sgd"), ("report: {reference: adam}\n", "adam")], ids=["none", "adam"]
)
def test_a_study_knows_its_reference_and_times_against_it(tmp_path: Path, report: str, expected: str):
    file = tmp_path / "s.yaml"
    file.write_text(STUDY + report, encoding="utf-8")
    study = read_study(file)
    assert study.report["reference"] == expected
    for timing in timings_of(study):
        assert timing.reference == timing.optimizers[0].name == expected
        assert len(timing.optimizers) == 3


@pytest.mark.parametrize("timed", [False, True])
def test_ratios_profiles_and_the_ranking_are_taken_to_the_reference(tmp_path: Path, timed: bool):
    results = fabricate(tmp_path / "s", Fake(timed=timed, reference="adam"))
    ratios = pd.read_parquet(results / "tables/ratios.parquet")
    against = ratios.loc[ratios["kind"] == "reference", ["against_optimizer", "against_schedule"]]
    assert set(against.itertuples(index=False, name=None)) == {("adam", "constant")}
    profile = pd.read_parquet(results / "tables/profile.parquet")
    own = profile[(profile["optimizer"] == "adam") & (profile["schedule"] == "constant")]
    # No run is ever sooner or later than itself: one step up, at a factor of 1.
    assert (own.loc[own["factor"] < 1, "share"] == 0).all()
    assert len(set(own.loc[own["factor"] >= 1, "share"])) == 1
    overall = compare_all(results / "tables").overall
    assert overall is not None
    assert overall.reference == Combination("adam", "constant")


def test_times_of_an_earlier_reference_do_not_choose_it(tmp_path: Path):
    results = fabricate(tmp_path / "s", Fake(timed=True, reference="adam"))
    stale = timing_table(Fake(timed=True, reference="sgd"))
    stale.to_parquet(results / "tables/timing.parquet", index=False)
    write_figure_tables(results / "tables")
    ratios = pd.read_parquet(results / "tables/ratios.parquet")
    assert set(ratios.loc[ratios["kind"] == "reference", "against_optimizer"]) == {"adam"}
    assert json.loads((results / "tables/study.json").read_text())["report"]["reference"] == "adam"


def test_where_the_reference_did_not_run_the_first_combination_stands_in():
    here = [Combination("heavy_ball", "cosine"), Combination("sgd", "cosine"), Combination("sgd", "constant")]
    assert first_with(here, "sgd") == Combination("sgd", "cosine")
    assert first_with(here, "adam") == Combination("heavy_ball", "cosine")
