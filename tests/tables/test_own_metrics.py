"""A study's own measures: in the tables, with their direction, and never at the tables' cost."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd
import pytest

from lab.studies import optbench
from optbench.running.plan import metrics_code
from optbench.study.resolve import read_study
from optbench.tables.collect import RUN_COLUMNS

PLUGIN = """
def last(curve):
    losses = curve.query("split == 'validation' and metric == 'loss'")
    return losses.sort_values("step")["value"].iloc[-1]

def count(curve):
    return len(curve.query("split == 'validation' and metric == 'loss'"))

def broken(curve):
    raise KeyError("no such column")

def text(curve):
    return "fast"
"""

STUDY = """
study: own
seeds: 1
timing: false
probes: false
workloads: {ravine: {steps: 20, eval_every: 5}}
optimizers: {sgd: {lr: 0.1}, wild: {like: sgd, lr: 100.0}}
metrics:
  last: {factory: "my_metrics:last", direction: lower, label: Last}
  evaluations: "my_metrics:count"
  broken: {factory: "my_metrics:broken", direction: higher}
  text: "my_metrics:text"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_metrics.py").write_text(PLUGIN)
    (tmp_path / "own.yaml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("trained_here")
def test_they_are_columns_and_rank_by_their_direction(folder: Path) -> None:
    assert optbench("train", "own.yaml", "ravine/*").exit_code == 0
    collected = optbench("collect", "own.yaml")
    assert collected.exit_code == 0, collected.output
    runs = pd.read_parquet("results/own/tables/runs.parquet").set_index("optimizer")
    assert set(runs.reset_index().columns) == {
        *RUN_COLUMNS, "last", "evaluations", "broken", "text",
    }  # fmt: skip
    assert runs.loc["sgd", "last"] == runs.loc["sgd", "final_val_loss"]
    assert runs.loc["sgd", "evaluations"] == 5
    # The run that blows up (lr h = 1800 in the steep direction) is not judged by the curve it broke off.
    assert runs.loc["wild", "status"] == "diverged"
    assert math.isnan(float(runs.loc["wild", "last"]))
    assert 1 <= float(runs.loc["wild", "evaluations"]) < 5
    assert runs[["broken", "text"]].isna().all(axis=None)
    # One line for each that failed, naming it, the number of cells and the reason.
    assert (
        "metrics.broken: no value for 1 cells, the first ravine/sgd/constant/0: KeyError" in collected.output
    )
    assert "metrics.text: no value for 2 cells" in collected.output

    assert optbench("summarize", "own.yaml").exit_code == 0
    summary = pd.read_parquet("results/own/tables/summary.parquet").set_index(["metric", "optimizer"])
    assert summary.loc[("last", "wild"), "estimate"] == math.inf
    assert ("broken", "sgd") not in summary.index
    facts = json.loads(Path("results/own/tables/study.json").read_text())
    assert facts["metrics"]["last"]["label"] == "Last"


def test_a_name_that_is_taken(folder: Path) -> None:
    (folder / "own.yaml").write_text(STUDY.replace("  last:", "  tortuosity:"))
    done = optbench("collect", "own.yaml")
    assert done.exit_code != 0
    assert "metrics.tortuosity: the run table has a column of that name" in str(done.exception)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('  area: "my_metrics:lost"', r"metrics\.area\.factory: module 'my_metrics' has no 'lost'"),
        ('  area: {factory: "my_metrics:last", direction: down}', r"metrics\.area\.direction: must be"),
        ('  Area: "my_metrics:last"', r"metrics: a name must be of the letters a to z"),
        ("  area: {direction: lower}", r"'metrics\.area\.factory' is missing"),
    ],
)
def test_a_mistake_is_one_line(folder: Path, line: str, told: str) -> None:
    (folder / "own.yaml").write_text(STUDY.partition("metrics:")[0] + "metrics:\n" + line + "\n")
    with pytest.raises(Exception, match=told) as found:
        read_study(folder / "own.yaml")
    assert "\n" not in str(found.value)


def test_an_edit_of_a_measure_collects_again(folder: Path) -> None:
    before = metrics_code(read_study(folder / "own.yaml"))
    (folder / "my_metrics.py").write_text(PLUGIN + "\n# a comment\n")
    assert metrics_code(read_study(folder / "own.yaml")) == before
    (folder / "my_metrics.py").write_text(PLUGIN.replace("iloc[-1]", "iloc[-2]"))
    assert metrics_code(read_study(folder / "own.yaml")) != before


MEDDLING = """
import sys, time
import numpy as np
import pandas as pd

np.seterr(all="raise")
pd.DataFrame.to_parquet = None
count = 0


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def hangs(curve):
    time.sleep(60)


def exits(curve):
    sys.exit(3)


def falls(curve):
    import os
    os._exit(7)


def mute(curve):
    raise Mute


def last(curve):
    return curve.query("split == 'validation' and metric == 'loss'")["value"].iloc[-1]
"""


@pytest.mark.usefixtures("trained_here")
def test_no_measure_reaches_the_tables_or_another(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that never returns, one that ends its process, one whose exception has no words."""
    monkeypatch.setattr("optbench.tables.own_metrics.LIMIT_S", 5.0)
    monkeypatch.setattr("optbench.tables.own_metrics.MOST_ENDS", 2)
    (folder / "meddling.py").write_text(MEDDLING)
    names = ("hangs", "exits", "falls", "mute", "last")
    lines = "".join(f'  {name}: "meddling:{name}"\n' for name in names)
    (folder / "own.yaml").write_text(STUDY.partition("metrics:")[0] + "metrics:\n" + lines)
    assert optbench("train", "own.yaml", "ravine/*").exit_code == 0
    collected = optbench("collect", "own.yaml")
    assert collected.exit_code == 0, collected.output
    runs = pd.read_parquet("results/own/tables/runs.parquet").set_index("optimizer")
    for name, why in (
        ("hangs", "it took more than 5 s"),
        ("exits", "SystemExit: 3"),
        ("falls", "ended over it"),
        ("mute", "Mute"),
    ):
        assert runs[name].isna().all()
        assert f"metrics.{name}: no value for 2 cells, the first ravine/sgd/constant/0: " in collected.output
        assert why in collected.output
    assert runs.loc["sgd", "last"] == runs.loc["sgd", "final_val_loss"]


@pytest.mark.usefixtures("trained_here")
def test_a_module_that_does_not_import_costs_its_values_and_is_one_line(folder: Path) -> None:
    (folder / "my_metrics.py").write_text("import sys\ndef last(curve): ...\nsys.exit(4)\n")
    (folder / "own.yaml").write_text(STUDY.partition("metrics:")[0] + 'metrics: {last: "my_metrics:last"}\n')
    assert optbench("train", "own.yaml", "ravine/*").exit_code == 0
    done = optbench("collect", "own.yaml")
    assert done.exit_code == 0
    why = "factory 'my_metrics:last' cannot be imported: SystemExit: 4"
    said = f"own.yaml: metrics.last: it has no values: {why}"
    assert done.output.splitlines().count(f"optbench: {said}") == 1
    runs = pd.read_parquet("results/own/tables/runs.parquet")
    assert runs["last"].isna().all()
    assert runs["final_val_loss"].notna().any()
    checked = optbench("check", "own.yaml")
    assert checked.exit_code == 2
    assert said.partition(": ")[2] in checked.output
