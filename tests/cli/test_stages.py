"""The verbs of the stages, where what they do depends on how they are asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.studies import optbench, write_study
from optbench.core.errors import UserError

STUDY = """
    study: s
    seeds: 2
    timing: false
    workloads: {ravine: {spread: 0.1, steps: 5}}
    optimizers: {sgd: {lr: 0.1}, adam: {lr: 0.1}}
    """


def test_steps_are_not_timed_where_timing_is_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path, STUDY)
    done = optbench("time", "study.yaml")
    assert isinstance(done.exception, UserError)
    assert str(done.exception) == "study.yaml: 'timing' is off: no step is timed"
    assert not Path("results").exists()


def test_a_study_without_data_has_none_to_prepare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path, STUDY)
    assert optbench("prepare", "study.yaml").exit_code == 0
    done = optbench("prepare", "study.yaml", "digits")
    assert isinstance(done.exception, UserError)
    assert str(done.exception) == "study.yaml: no workload of the study uses a data set; got 'digits'"


@pytest.mark.usefixtures("trained_here")
def test_training_without_cells_trains_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path, STUDY)
    assert optbench("train", "study.yaml", "ravine/sgd/*").exit_code == 0
    first = {path: path.read_bytes() for path in tmp_path.glob("results/s/cells/**/*.parquet")}
    assert len(first) == 2
    done = optbench("train", "study.yaml")
    assert done.exit_code == 0, done.stderr
    assert "optbench: 2 of 4 cells are there, 2 to train\n" in done.stderr
    every = {path: path.read_bytes() for path in tmp_path.glob("results/s/cells/**/*.parquet")}
    assert len(every) == 4
    assert {path: every[path] for path in first} == first
    again = optbench("train", "study.yaml")
    assert (again.exit_code, again.stderr) == (0, "optbench: 4 of 4 cells are there, 0 to train\n")


@pytest.mark.usefixtures("trained_here")
def test_training_without_cells_chooses_their_rates_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tuning = "tuning: {seeds: 1, low: 0.01, high: 0.1, per_decade: 1, widen: 0}"
    write_study(tmp_path, f"{STUDY.rstrip()}\n    {tuning}\n")
    done = optbench("train", "study.yaml", "--workers", "1")
    assert done.exit_code == 0, done.stderr
    assert len(list(tmp_path.glob("results/s/tuning/**/choice-*.json"))) == 2
    assert len(list(tmp_path.glob("results/s/cells/**/*.parquet"))) == 4
