"""The whole path as a user walks it: Snakemake and `optbench run`, resumed, repeated, and given bad input."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from studies import run, write_study

STUDY = """
    study: tiny
    title: A tiny study
    seeds: 2
    workloads:
      ravine: {steps: 20}
      line: {factory: "plugin:line"}
    optimizers:
      sgd: {lr: 0.05}
      mine: {factory: "plugin:RaisesAtStep10", lr: 0.05}
    schedules: [constant, cosine]
    """
CELLS = 16


@pytest.fixture
def workplace(tmp_path: Path, project: Path) -> Path:
    """A folder with the workflow and a study, as in a checkout."""
    for name in ("Snakefile", "workflow", "profiles", "config"):
        source = project / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    write_study(tmp_path, STUDY)
    return tmp_path


def snakemake(workplace: Path, *more: str, study: str = "study.yaml"):
    return run("snakemake", *more, "--cores", "2", "--configfile", study, cwd=workplace)


def traces(workplace: Path) -> dict[Path, int]:
    return {p: p.stat().st_mtime_ns for p in workplace.glob("results/*/cells/**/*.parquet")}


def tables(workplace: Path) -> dict[str, pd.DataFrame]:
    folder = workplace / "results" / "tiny" / "tables"
    return {p.stem: pd.read_parquet(p) for p in sorted(folder.glob("*.parquet"))}


def test_snakemake_makes_the_page_once_and_reruns_what_is_missing(workplace: Path) -> None:
    first = snakemake(workplace)
    assert first.returncode == 0, first.stderr
    page = workplace / "reports" / "tiny" / "index.html"
    assert page.as_uri() in first.stdout + first.stderr
    assert "trained" in first.stderr
    text = page.read_text()
    assert "the tenth step is too much" in text
    runs = tables(workplace)["runs"]
    assert len(runs) == CELLS
    assert set(runs.loc[runs["optimizer"] == "mine", "status"]) == {"error"}
    assert set(runs.loc[runs["optimizer"] == "sgd", "status"]) == {"ok"}
    before = traces(workplace)
    assert len(before) == CELLS

    again = snakemake(workplace)
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout + again.stderr
    assert traces(workplace) == before

    lost = sorted(before)[3]
    lost.unlink()
    assert snakemake(workplace).returncode == 0
    after = traces(workplace)
    assert {path for path in after if after[path] != before[path]} == {lost}

    # A truncated trace counts as lost, whatever Snakemake knows of it.
    lost.write_bytes(lost.read_bytes()[:-100])
    assert snakemake(workplace).returncode == 0
    assert {path for path, stamp in traces(workplace).items() if stamp != after[path]} == {lost}

    # One cell by its path, in a study that is otherwise complete.
    one = sorted(before)[0]
    one.unlink()
    asked = snakemake(workplace, str(one.relative_to(workplace)))
    assert asked.returncode == 0, asked.stderr
    assert len(traces(workplace)) == CELLS


def test_run_gives_the_tables_that_snakemake_gives(workplace: Path, tmp_path_factory) -> None:
    assert snakemake(workplace).returncode == 0
    other = tmp_path_factory.mktemp("run")
    write_study(other, STUDY)
    done = run("optbench", "run", "study.yaml", "--cores", "1", cwd=other)
    assert done.returncode == 0, done.stderr
    mine, theirs = tables(workplace), tables(other)
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


def test_a_change_retrains_what_it_changes(workplace: Path) -> None:
    assert snakemake(workplace).returncode == 0
    before = traces(workplace)
    study = workplace / "study.yaml"
    labelled = "sgd: {lr: 0.05, label: Descent} # a comment"
    study.write_text(study.read_text().replace("sgd: {lr: 0.05}", labelled))
    assert snakemake(workplace).returncode == 0
    assert traces(workplace) == before
    assert "Descent" in (workplace / "reports" / "tiny" / "index.html").read_text()

    study.write_text(study.read_text().replace("label: Descent", "weight_decay: 0.01"))
    assert snakemake(workplace).returncode == 0
    after = traces(workplace)
    new = set(after) - set(before)
    assert len(new) == CELLS / 2
    assert all("/sgd/" in path.as_posix() for path in new)
    assert all(after[path] == before[path] for path in before)
    assert len(tables(workplace)["runs"]) == CELLS

    # More seeds: only the new cells.
    study.write_text(study.read_text().replace("seeds: 2", "seeds: 3"))
    assert snakemake(workplace).returncode == 0
    assert len(set(traces(workplace)) - set(after)) == CELLS / 2


def test_rerun_trains_the_cells_it_is_given(workplace: Path) -> None:
    assert run("optbench", "run", "study.yaml", cwd=workplace).returncode == 0
    before = traces(workplace)
    dry = run("optbench", "rerun", "tiny", "--failed", "--dry-run", cwd=workplace)
    assert dry.stdout.count("/mine/") == CELLS  # eight cells, each with its name and its path
    assert traces(workplace) == before
    done = run("optbench", "rerun", "tiny", "ravine/sgd/*/1", cwd=workplace)
    assert done.returncode == 0, done.stderr
    after = traces(workplace)
    changed = {path for path in after if after[path] != before[path]}
    assert {path.parts[-4:-1] for path in changed} == {
        ("ravine", "sgd", "constant"),
        ("ravine", "sgd", "cosine"),
    }
    assert all(path.name.startswith("seed1-") for path in changed)
    shown = run("optbench", "show", "line/mine/cosine/1", "--study", "tiny", cwd=workplace)
    assert "the tenth step is too much" in shown.stdout


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("sgd: {lr: 0.05}", "sgd: {lr: -1}"), ["optimizers.sgd.lr", "-1", "greater than 0"]),
        (("ravine:", "ravin:"), ["workloads", "'ravin'", "did you mean 'ravine'"]),
        (("plugin:RaisesAtStep10", "plugin:Raises"), ["optimizers.mine.factory", "'Raises'"]),
        (("seeds: 2", "seeds: [1, 1]"), ["seeds", "1 stands twice"]),
        (("seeds: 2", "sedes: 2"), ["'sedes'", "did you mean 'seeds'"]),
    ],
)
def test_bad_input_is_one_line_and_status_2_before_anything_is_trained(workplace, change, says):
    study = workplace / "study.yaml"
    study.write_text(study.read_text().replace(*change))
    for done in (run("optbench", "run", "study.yaml", cwd=workplace), snakemake(workplace)):
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


def test_the_workflow_passes_snakemakes_own_lint(workplace: Path) -> None:
    done = snakemake(workplace, "--lint")
    assert done.returncode == 0, done.stderr
    assert "good condition" in done.stdout + done.stderr
