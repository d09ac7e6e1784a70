"""The oracle: its closed forms against independent derivations, and that each of its verdicts can turn."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest
from click.testing import CliRunner

from lab.checkout import ROOT
from lab.oracle_twin import write_twin
from optbench.cells.matrix import cells_of
from optbench.cli import cli
from optbench.study.resolve import read_study
from optbench.theory.oracle.runs import read_runs
from optbench.theory.oracle.table import AGREES, DIFFERS, FACTS, NOT_MEASURED, judge, write_oracle

STUDY = ROOT / "config/oracle.yaml"
NAMES = [fact.id for fact in FACTS]


# --- verdicts ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    """The study by an independent harness: right, and with lr or momentum 5% off what the tables say."""
    folder = tmp_path_factory.mktemp("twins")
    ways = {"right": (1.0, 1.0), "slow": (0.95, 1.0), "fast": (1.05, 1.0), "damped": (1.0, 0.95)}
    return {name: write_twin(folder / name / "tables", STUDY, *way) for name, way in ways.items()}


def test_there_are_enough_facts_each_of_its_own():
    assert len(FACTS) >= 30
    assert len(set(NAMES)) == len(NAMES)
    assert all(fact.reason and fact.source and fact.formula and fact.what for fact in FACTS)


def test_every_cell_of_the_study_serves_a_fact():
    cells = {cell.name.rpartition("/")[0] for cell in cells_of(read_study(STUDY))}
    assert cells == {name for fact in FACTS for name in fact.where}


def failing(tables):
    table = write_oracle(tables)
    return set(table.loc[table["verdict"] == DIFFERS, "fact"])


def test_a_harness_of_plain_recursions_agrees_and_one_with_steps_five_percent_off_does_not(twins):
    assert set(write_oracle(twins["right"])["verdict"]) == {AGREES}
    slow, fast, damped = (failing(twins[name]) for name in ("slow", "fast", "damped"))
    # Plain descent in one dimension creeps or zigzags by the sign of 1 - lr h alone.
    blunt = {"tortuosity_sgd_creeping", "loss_rise_sgd_creeping", "loss_rise_sgd_zigzag"}
    blunt |= {
        f"{name}_{how}"
        for name in ("sign_flip_rate", "gradient_cosine")
        for how in ("sgd_creeping", "sgd_zigzag")
    }
    assert set(NAMES) - (slow | fast | damped) == blunt
    assert {"diverged_below", "sgd_below", "limit_sgd", "sum_cosine", "variance_sgd"} <= fast
    assert {"update_cosine_heavy_ball", "terminal_heavy_ball", "alternating_heavy_ball"} <= damped


def test_a_measurement_five_percent_off_is_found_out(twins):
    runs = read_runs(twins["right"], dict.fromkeys(name for fact in FACTS for name in fact.where))
    for fact in FACTS:
        for by in (0.95, 1.05):

            def off(*found, fact=fact, by=by):
                value = fact.measure(*found)
                return value * by if value else by - 1

            assert judge(replace(fact, measure=off), runs).verdict == DIFFERS, fact.id


def test_what_was_not_measured_does_not_agree(twins, tmp_path):
    tables = shutil.copytree(twins["right"], tmp_path / "tables")
    runs = pd.read_parquet(tables / "runs.parquet")
    gone = runs["cell"].str.startswith("slope/adam/")
    runs.loc[gone, "status"] = "missing"
    curves = pd.read_parquet(tables / "curves.parquet")
    curves = curves[~((curves["cell"] == "parabola/sgd_below/constant/0") & (curves["split"] == "train"))]
    runs.to_parquet(tables / "runs.parquet")
    curves.to_parquet(tables / "curves.parquet")
    table = write_oracle(tables).set_index("fact")
    failed = table[table["verdict"] != AGREES]
    assert set(failed.index) == {"first_step_adam", "effective_lr_adam", "sgd_below", "limit_sgd"}
    assert set(failed["verdict"]) == {NOT_MEASURED}
    assert failed.loc["first_step_adam", "note"] == "the tables hold no run of slope/adam/constant"
    assert "no train loss" in failed.loc["sgd_below", "note"]


def test_the_table_is_written_and_says_what_was_compared(twins):
    table = write_oracle(twins["slow"])
    file = twins["slow"] / "oracle.parquet"
    pd.testing.assert_frame_equal(pd.read_parquet(file), table)
    assert file.with_suffix(".csv").exists()
    written = file.stat().st_mtime_ns
    write_oracle(twins["slow"])
    assert file.stat().st_mtime_ns == written
    row = table.set_index("fact").loc["limit_heavy_ball"]
    assert row["predicted"] == 1.5
    assert row["tolerance"] == pytest.approx(0.015)
    assert row["deviation"] == abs(row["measured"] - 1.5)


def oracle(folder, monkeypatch, *more):
    monkeypatch.setenv("COLUMNS", "140")
    return CliRunner().invoke(cli, ["oracle", str(folder), *more])


def test_the_verb_tells_and_ends_with_its_verdict(twins, monkeypatch):
    good = oracle(twins["right"].parent, monkeypatch)
    assert good.exit_code == 0, good.output
    assert f"{len(FACTS)} of {len(FACTS)} facts agree" in good.output
    for name in NAMES:
        assert name in good.output
    bad = oracle(twins["slow"].parent, monkeypatch)
    assert bad.exit_code == 1
    assert "differs" in bad.output
    assert "rate_gd" in bad.output.rpartition("; not: ")[2]
    silent = oracle(twins["slow"].parent, monkeypatch, "--write-only")
    assert (silent.exit_code, silent.output) == (0, "")


def test_a_study_that_asks_for_no_oracle_is_told_so(twins, tmp_path, monkeypatch):
    tables = shutil.copytree(twins["right"], tmp_path / "tables")
    facts = json.loads((tables / "study.json").read_text())
    (tables / "study.json").write_text(json.dumps({**facts, "oracle": False}))
    asked = oracle(tmp_path, monkeypatch)
    assert asked.exit_code != 0
    assert "oracle: true" in str(asked.exception)
