"""A tuned study as a user walks it: by Snakemake and by `optbench run`, resumed, changed and asked about."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from lab.checkout import copy_workflow
from lab.studies import optbench, run, write_study

STUDY = """
    study: tiny
    seeds: 2
    timing: off
    workloads: {line: {factory: "plugin:line", steps: 8}}
    optimizers:
      sgd: {lr: 0.05}
      heavy_ball: {search: {momentum: [0.5, 0.9]}}
      mine: {factory: "plugin:RaisesAtStep10", lr: 0.05}
    tuning: {seeds: 2, low: 0.01, high: 0.1, per_decade: 3, widen: 1, rulesets: [tuned, default]}
    matrix:
      - {optimizers: [sgd, heavy_ball]}
      - {optimizers: [mine], lr: 0.05}
    """


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A folder with the workflow and a study, as in a checkout."""
    copy_workflow(tmp_path)
    write_study(tmp_path, STUDY)
    return tmp_path


def snakemake(workplace: Path):
    """Runs the workflow up to the tables that `collect` writes."""
    table = "results/tiny/tables/tuning.csv"
    said = ("--cores", "1", "--configfile", "study.yaml", "--config", "cells_per_job=50")
    return run("snakemake", table, *said, cwd=workplace)


def files(workplace: Path) -> dict[str, int]:
    """Trials, choices and cells with their time of writing."""
    found = workplace.glob("results/tiny/*/line/**/*.*")
    return {p.relative_to(workplace / "results/tiny").as_posix(): p.stat().st_mtime_ns for p in found}


def table(workplace: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(workplace / "results/tiny/tables" / f"{name}.parquet")


def changed(before: dict[str, int], after: dict[str, int]) -> set[str]:
    return {path for path, stamp in after.items() if before.get(path) != stamp}


@pytest.mark.usefixtures("trained_here")
def test_snakemake_tunes_once_and_repeats_what_is_missing(
    workplace: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = snakemake(workplace)
    assert first.returncode == 0, first.stderr
    assert "2 learning rates chosen" in first.stderr
    before = files(workplace)
    tuning, runs = table(workplace, "tuning"), table(workplace, "runs")
    chosen = tuning[tuning["selected"]].groupby("optimizer")["lr"].first()
    tuned = runs[runs["ruleset"] == "tuned"].groupby("optimizer")["lr"].agg(set)
    assert {name: {lr} for name, lr in chosen.items()} == dict(tuned)
    rulesets = dict(runs.groupby("optimizer")["ruleset"].first())
    assert rulesets == {
        "sgd": "tuned",
        "sgd.default": "default",
        "heavy_ball": "tuned",
        "heavy_ball.default": "default",
        "mine": "fixed",
    }
    assert set(tuning["seed"]) == {1000, 1001}
    assert set(runs["seed"]) == {0, 1}

    assert "Nothing to be done" in (again := snakemake(workplace)).stdout + again.stderr

    # Without Snakemake: the same tables.
    other = tmp_path_factory.mktemp("run")
    write_study(other, STUDY)
    monkeypatch.chdir(other)
    for verb, *words in (("tune",), ("train", "*"), ("collect",)):
        done = optbench(verb, "study.yaml", *words)
        assert done.exit_code == 0, done.stderr
    pd.testing.assert_frame_equal(tuning, table(other, "tuning"))
    drop = [column for column in runs if column.endswith("_time_s")] + ["error"]
    pd.testing.assert_frame_equal(runs.drop(columns=drop), table(other, "runs").drop(columns=drop))

    # One trial lost: that trial alone, and no cell. One optimizer's setting: its trials and its cells.
    searched = (path for path in sorted(before) if path.startswith("tuning/line/heavy_ball/"))
    lost = next(path for path in searched if path.endswith(".parquet"))
    (workplace / "results/tiny" / lost).unlink()
    study = workplace / "study.yaml"
    study.write_text(study.read_text().replace("sgd: {lr: 0.05}", "sgd: {lr: 0.05, weight_decay: 0.01}"))
    assert snakemake(workplace).returncode == 0
    new = changed(before, files(workplace))
    assert lost in new
    assert {tuple(path.split("/")[:3]) for path in new - {lost}} == {
        ("tuning", "line", "sgd"),
        ("cells", "line", "sgd"),
        ("cells", "line", "sgd.default"),
    }


@pytest.mark.usefixtures("trained_here")
def test_single_searches_and_cells(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workplace)
    early = run("optbench", "train", "study.yaml", "line/sgd/constant/0", cwd=workplace)
    assert early.returncode == 2
    assert "its learning rate has not been chosen yet (optbench tune tiny line/sgd/constant)" in early.stderr
    shown = optbench("show", "line/sgd/constant/0", "--study", "study.yaml")
    assert "not chosen yet" in shown.stdout

    done = optbench("tune", "study.yaml", "*/sgd/*", "--cores", "1")
    assert done.exit_code == 0, done.stderr
    assert "1 learning rates chosen" in done.stderr
    assert not any("heavy_ball" in path for path in files(workplace))
    rerun = optbench("rerun", "study.yaml", "line/*/constant/0", "--cores", "1")
    assert rerun.exit_code == 0, rerun.stderr
    # The search that was left is made on the way; cells that were not asked for stay missing.
    runs = table(workplace, "runs")
    assert set(runs.loc[runs["seed"] == 0, "status"]) == {"ok"}
    assert set(runs.loc[runs["seed"] == 1, "status"]) == {"missing"}
    assert runs["lr"].notna().all()
    trial = table(workplace, "tuning").iloc[0]
    name = f"line/sgd/constant/lr{trial['lr']:g}/{trial['seed']}"
    shown = optbench("show", name, "--study", "tiny")
    assert shown.exit_code == 0, shown.stderr
    said = " ".join(shown.stdout.replace("│", " ").split())
    assert "optbench tune --again study.yaml line/sgd/constant" in said
    wrong = run("optbench", "tune", "study.yaml", "line/sdg/constant", cwd=workplace)
    assert (wrong.returncode, "did you mean 'line/sgd/constant'" in wrong.stderr) == (2, True)
