"""The whole path as a user walks it: Snakemake and `optbench run`, resumed, repeated, and given bad input."""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from lab.checkout import copy_workflow
from lab.studies import run, write_study

STUDY = """
    study: tiny
    title: A tiny study
    seeds: 2
    timing: {seconds: 0.3}
    workloads:
      ravine: {spread: 0.1, steps: 20}
      line: {factory: "plugin:line"}
    optimizers:
      sgd: {lr: 0.05}
      mine: {factory: "plugin:RaisesAtStep10", lr: 0.05}
    schedules: [constant, cosine]
    """
CELLS = 16


TABLES = "results/tiny/tables/findings.json"
"""What comes before the figures: enough where the page is not looked at."""


def workplace_at(folder: Path) -> Path:
    """A folder with the workflow and a study, as in a checkout."""
    copy_workflow(folder, "config")
    write_study(folder, STUDY)
    return folder


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A study of which nothing was run."""
    return workplace_at(tmp_path)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A study that Snakemake ran to its end, and what Snakemake said."""
    folder = workplace_at(tmp_path_factory.mktemp("first"))
    return folder, snakemake(folder)


@pytest.fixture
def finished(first: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path) -> Path:
    """A copy of the finished study, to be changed."""
    return shutil.copytree(first[0], tmp_path / "copy")


def snakemake(workplace: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Runs the study, what there is to train in one process: starting one takes longer than these cells."""
    said = ("--cores", "2", "--configfile", "study.yaml", "--config", "cells_per_job=50")
    return run("snakemake", *more, *said, cwd=workplace)


def traces(workplace: Path) -> dict[Path, int]:
    found = workplace.glob("results/*/cells/**/*.parquet")
    return {path.relative_to(workplace): path.stat().st_mtime_ns for path in found}


def tables(workplace: Path) -> dict[str, pd.DataFrame]:
    folder = workplace / "results" / "tiny" / "tables"
    return {p.stem: pd.read_parquet(p) for p in sorted(folder.glob("*.parquet"))}


def test_snakemake_makes_the_page(first: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    workplace, done = first
    assert done.returncode == 0, done.stderr
    page = workplace / "reports" / "tiny" / "index.html"
    assert page.as_uri() in done.stdout + done.stderr
    assert "trained" in done.stderr
    assert "the tenth step is too much" in page.read_text()
    runs = tables(workplace)["runs"]
    assert len(runs) == CELLS
    assert set(runs.loc[runs["optimizer"] == "mine", "status"]) == {"error"}
    assert set(runs.loc[runs["optimizer"] == "sgd", "status"]) == {"ok"}
    assert len(traces(workplace)) == CELLS


def test_snakemakes_report_carries_the_page(finished: Path) -> None:
    done = run("snakemake", "--configfile", "study.yaml", "--report", "report.html", cwd=finished)
    assert done.returncode == 0, done.stderr
    (carried,) = re.findall(r'"data:text/html[^"]*;base64,([^"]+)"', (finished / "report.html").read_text())
    assert base64.b64decode(carried) == (finished / "reports" / "tiny" / "index.html").read_bytes()


def test_snakemake_reruns_what_is_missing(finished: Path) -> None:
    before = traces(finished)
    again = snakemake(finished)
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout + again.stderr
    assert traces(finished) == before

    # A truncated trace counts as lost, whatever Snakemake knows of it.
    lost, broken, one = sorted(before)[3:6]
    (finished / lost).unlink()
    (finished / broken).write_bytes((finished / broken).read_bytes()[:-100])
    assert snakemake(finished, TABLES).returncode == 0
    after = traces(finished)
    assert {path for path in after if after[path] != before[path]} == {lost, broken}

    # One cell by its path, in a study that is otherwise complete.
    (finished / one).unlink()
    asked = snakemake(finished, str(one))
    assert asked.returncode == 0, asked.stderr
    assert len(traces(finished)) == CELLS


def test_run_gives_the_tables_that_snakemake_gives(
    first: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    write_study(tmp_path, STUDY)
    done = run("optbench", "run", "study.yaml", "--cores", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "reports" / "tiny" / "index.html").exists()
    mine, theirs = tables(first[0]), tables(tmp_path)
    assert mine.keys() == theirs.keys() >= {"runs", "curves", "summary", "convergence"}
    pd.testing.assert_frame_equal(*(t.pop("timing")[["workload", "optimizer"]] for t in (mine, theirs)))
    for name, table in mine.items():
        # Times differ, and a traceback names the folder of its plug-in.
        drop = [c for c in table if c.endswith("_time_s") or c == "error"]
        one, two = table.drop(columns=drop), theirs[name].drop(columns=drop)
        for column, timed in (("metric", "train_time_s"), ("unit", "time_s"), ("kind", "cost")):
            if column in one:
                one, two = (t[t[column] != timed].reset_index(drop=True) for t in (one, two))
        pd.testing.assert_frame_equal(one, two)


def test_a_change_retrains_what_it_changes(finished: Path) -> None:
    """A setting its optimizer's cells, more seeds the new ones; a label, a comment, the timing none."""
    before = traces(finished)
    study = finished / "study.yaml"
    text = study.read_text()
    for old, new in (
        ("sgd: {lr: 0.05}", "sgd: {lr: 0.05, weight_decay: 0.01}"),
        ("lr: 0.05}\nschedules", "lr: 0.05, label: Mine by Its Label} # a comment\nschedules"),
        ("seeds: 2", "seeds: 3"),
        ("timing: {seconds: 0.3}", "timing: false"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    study.write_text(text)
    assert snakemake(finished).returncode == 0
    after = traces(finished)
    assert {path: after[path] for path in before} == before
    new = sorted((path.parts[-3], path.name.partition("-")[0]) for path in set(after) - set(before))
    combinations = 4  # two workloads, two schedules
    seeds = [("sgd", "seed0"), ("sgd", "seed1"), ("sgd", "seed2"), ("mine", "seed2")]
    assert new == sorted(seeds * combinations)
    runs = tables(finished)["runs"]
    assert len(runs) == CELLS * 3 // 2
    assert set(runs["status"]) == {"ok", "error"}
    assert "Mine by Its Label" in (finished / "reports" / "tiny" / "index.html").read_text()


def said_by(workplace: Path, study: str, title: str) -> str:
    """What Snakemake says of a study file; its page then has this title, and its tables the file's text."""
    done = run("snakemake", "--cores", "2", "--configfile", study, cwd=workplace)
    assert done.returncode == 0, done.stderr
    page = (workplace / "reports" / "tiny" / "index.html").read_text()
    assert f"<title>{title} – optbench</title>" in page
    facts = json.loads((workplace / "results" / "tiny" / "tables" / "study.json").read_text())
    assert (facts["config_path"], facts["config_text"]) == (study, (workplace / study).read_text())
    return done.stdout + done.stderr


def test_the_page_is_that_of_the_study_file_however_old_it_is(finished: Path) -> None:
    """Snakemake goes by when a file was written: a copy that keeps its time, and a second study file."""
    before = traces(finished)
    study, other = finished / "study.yaml", finished / "other.yaml"
    first = study.read_text()
    other.write_text(first.replace("A tiny study", "Another").replace("[constant, cosine]", "[constant]"))
    os.utime(other, (1e9, 1e9))
    for name, title in (("other.yaml", "Another"), ("study.yaml", "A tiny study")):
        assert "Nothing to be done" not in said_by(finished, name, title)
        assert "Nothing to be done" in said_by(finished, name, title)
    kept = study.with_name("kept.yaml")
    kept.write_text(first.replace("A tiny study", "An older one"))
    os.utime(kept, (1e9, 1e9))
    shutil.copy2(kept, study)
    assert study.stat().st_mtime == 1e9
    assert "Nothing to be done" not in said_by(finished, "study.yaml", "An older one")
    # By hand in between, which leaves nothing for Snakemake to know of.
    assert run("optbench", "run", "other.yaml", "--cores", "1", cwd=finished).returncode == 0
    said_by(finished, "study.yaml", "An older one")
    assert traces(finished) == before


def test_a_run_that_was_ended_after_its_first_stage_is_taken_up(finished: Path) -> None:
    """The tables say the new text, the page the old one, and the time of each file is as it may be."""
    study = finished / "study.yaml"
    study.write_text(study.read_text().replace("A tiny study", "Begun"))
    os.utime(study, (1e9, 1e9))
    assert snakemake(finished, "results/tiny/tables/study.json").returncode == 0
    for file in (finished / "results" / "tiny" / "tables").iterdir():
        os.utime(file, (1e9, 1e9))
    assert "Nothing to be done" not in said_by(finished, "study.yaml", "Begun")
    assert "Nothing to be done" in said_by(finished, "study.yaml", "Begun")


def test_rerun_trains_the_cells_it_is_given(finished: Path) -> None:
    before = traces(finished)
    dry = run("optbench", "rerun", "tiny", "--failed", "--dry-run", cwd=finished)
    assert dry.stdout.count("/mine/") == CELLS  # eight cells, each with its name and its path
    assert traces(finished) == before
    done = run("optbench", "rerun", "tiny", "ravine/sgd/*/1", cwd=finished)
    assert done.returncode == 0, done.stderr
    after = traces(finished)
    changed = {path for path in after if after[path] != before[path]}
    assert {path.parts[-4:-1] for path in changed} == {
        ("ravine", "sgd", "constant"),
        ("ravine", "sgd", "cosine"),
    }
    assert all(path.name.startswith("seed1-") for path in changed)
    shown = run("optbench", "show", "line/mine/cosine/1", "--study", "tiny", cwd=finished)
    assert "the tenth step is too much" in shown.stdout


WRONG = [
    (("sgd: {lr: 0.05}", "sgd: {lr: -1}"), ["optimizers.sgd.lr", "-1", "greater than 0"]),
    (("ravine:", "ravin:"), ["workloads", "'ravin'", "did you mean 'ravine'"]),
    (("plugin:RaisesAtStep10", "plugin:Raises"), ["optimizers.mine.factory", "'Raises'"]),
    (("seeds: 2", "seeds: [1, 1]"), ["seeds", "1 stands twice"]),
    (("seeds: 2", "sedes: 2"), ["'sedes'", "did you mean 'seeds'"]),
]


# Snakemake reads the study by the same function, and takes seconds to start: once is enough.
@pytest.mark.parametrize(
    ("command", "change", "says"), [*(("optbench", *wrong) for wrong in WRONG), ("snakemake", *WRONG[0])]
)
def test_bad_input_is_one_line_and_status_2_before_anything_is_trained(workplace, command, change, says):
    study = workplace / "study.yaml"
    study.write_text(study.read_text().replace(*change))
    if command == "snakemake":
        done = snakemake(workplace)
    else:
        done = run("optbench", "run", "study.yaml", cwd=workplace)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("optbench:")]
    assert len(lines) == 1
    assert all(word in lines[0] for word in says), lines[0]
    assert "Traceback" not in done.stderr
    assert not traces(workplace)


def test_a_study_is_never_merged_with_another(workplace: Path) -> None:
    done = run(
        "snakemake", "-n", "--cores", "1", "--configfile", "study.yaml", "config/smoke.yaml", cwd=workplace
    )
    assert done.returncode == 2
    assert "never merged" in done.stderr


def test_without_a_study_snakemake_plans_the_default_one(workplace: Path) -> None:
    done = run("snakemake", "-n", "--cores", "2", cwd=workplace)
    assert done.returncode == 0, done.stderr
    assert (workplace / "results" / "default" / "study_file").read_text().strip() == "config/default.yaml"


def test_a_study_file_may_be_called_anything_a_shell_can_write(workplace: Path) -> None:
    name = "-x *'q\" $(x) ;[a] ü.yaml"
    (workplace / "study.yaml").rename(workplace / name)
    said = ("--cores", "1", f"--configfile={name}")
    done = run("snakemake", *said, "--dry-run", "--printshellcmds", "--quiet", "host", cwd=workplace)
    assert done.returncode == 0, done.stderr
    commands = re.findall(r"optbench (?:train|collect|report) .*", done.stdout + done.stderr)
    assert len(commands) >= 3
    for command in commands:
        words = shlex.split(command.partition(" 2> ")[0])
        assert words[words.index("--") + 1] == name
