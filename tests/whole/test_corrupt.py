"""Files that lie: whatever is corrupt is named in a line, set aside, and made anew by the same command."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lab.checkout import copy_workflow
from lab.studies import run, write_study
from optbench.cells.trace import read_trace
from optbench.running.outputs import OUTPUTS

STUDY = """
    study: tiny
    seeds: 2
    timing: {seconds: 0.3}
    tuning: {seeds: 1, low: 0.01, high: 0.1, per_decade: 1, widen: 0}
    workloads: {ravine: {spread: 0.1, steps: 20}, digits_mlp: {steps: 3}}
    optimizers: [sgd]
    """


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that Snakemake ran to its end."""
    folder = tmp_path_factory.mktemp("first")
    copy_workflow(folder, "config")
    write_study(folder, STUDY)
    done = snakemake(folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def finished(first: Path, tmp_path: Path) -> Path:
    """A copy of it, to be spoilt."""
    return shutil.copytree(first, tmp_path / "copy")


def snakemake(folder: Path) -> subprocess.CompletedProcess[str]:
    said = ("--cores", "2", "--configfile", "study.yaml", "--config", "cells_per_job=50")
    return run("snakemake", *said, cwd=folder)


def by_hand(folder: Path) -> subprocess.CompletedProcess[str]:
    return run("optbench", "run", "study.yaml", "--cores", "2", cwd=folder)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def make_no_text(path: Path) -> None:
    path.write_bytes(b"\xff" + path.read_bytes())


def make_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


SPOILT: tuple[tuple[str, Callable[[Path], None]], ...] = (
    ("data/digits/train_x.npy", flip),
    ("data/digits/test_y.npy", make_pipe),
    ("results/tiny/.claims", make_pipe),
    ("results/tiny/.run", make_folder),
    ("results/tiny/study_file", make_no_text),
    ("results/tiny/cells/ravine/sgd/constant/seed0-*.parquet", flip),
    ("results/tiny/cells/ravine/sgd/constant/seed1-*.parquet", make_pipe),
    ("results/tiny/cells/digits_mlp/sgd/constant/seed0-*.parquet", make_folder),
    ("results/tiny/cells/digits_mlp/sgd/constant/seed1-*.parquet", make_loop),
    ("results/tiny/tuning/ravine/sgd/constant/choice-*.json", cut),
    ("results/tiny/tuning/digits_mlp/sgd/constant/choice-*.json", flip),
    ("results/tiny/tuning/ravine/sgd/constant/lr0.1-*.parquet", flip),
    ("results/tiny/timing/ravine-*.parquet", flip),
    ("results/tiny/timing/digits_mlp-*.parquet", empty),
    ("results/tiny/tables/runs.parquet", cut),
    ("results/tiny/tables/runs.csv", flip),
    ("results/tiny/tables/study.json", make_no_text),
    ("results/tiny/tables/curves.parquet", flip),
    ("results/tiny/tables/findings.json", flip),
    ("results/tiny/tables/claims.json", make_pipe),
    ("results/tiny/tables/summary.parquet", make_loop),
    ("results/tiny/figures/figures.json", empty),
    ("results/tiny/figures/average-1.svg", flip),
    ("results/tiny/checksums/plot.sha256", make_no_text),
    ("reports/tiny/index.html", cut),
)


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    """All but the timing, without what the clock decides."""
    found = {}
    for file in (folder / "results/tiny/tables").glob("*.parquet"):
        table = pd.read_parquet(file)
        for column, timed in (("metric", "train_time_s"), ("unit", "time_s"), ("kind", "cost")):
            table = table[table[column] != timed] if column in table else table
        columns = [name for name in table if not str(name).endswith("_time_s")]
        found[file.stem] = table[columns].reset_index(drop=True)
    del found["timing"]
    return found


def values(folder: Path) -> dict[str, bytes]:
    files = (folder / "results/tiny").glob("[ct]*/*/*/*/*seed*.parquet")
    return {file.name: np.asarray(read_trace(file).value).tobytes() for file in files}


@pytest.mark.parametrize("again", [by_hand, snakemake])
def test_everything_that_is_spoilt_is_made_anew_by_the_same_command(
    finished: Path, first: Path, again: Callable[[Path], subprocess.CompletedProcess[str]]
) -> None:
    files = []
    for pattern, spoil in SPOILT:
        (file,) = finished.glob(pattern)
        spoil(file)
        files.append(file)
    done = again(finished)
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    for file in files:
        name = file.relative_to(finished).as_posix()
        lines = [line for line in said.splitlines() if line.startswith(f"optbench: {name} ")]
        # What the checksums of the drawings said is not known; those of the others name each file.
        if name not in {"results/tiny/figures/figures.json", "results/tiny/figures/average-1.svg"}:
            assert len(lines) == 1, (name, said)
            assert f"set aside as {file.name}.corrupt" in lines[0]
            assert os.path.lexists(file.with_name(f"{file.name}.corrupt"))
        assert file.is_file(), name
        assert not file.is_symlink(), name
    assert values(finished) == values(first)
    mine, theirs = tables(finished), tables(first)
    assert mine.keys() == theirs.keys()
    for name, table in theirs.items():
        pd.testing.assert_frame_equal(mine[name], table)
    # Nothing is left to be done, and nothing to be said.
    once_more = snakemake(finished)
    assert once_more.returncode == 0, once_more.stderr
    assert "optbench: " not in once_more.stdout + once_more.stderr
    if again is snakemake:
        assert "Nothing to be done" in once_more.stdout + once_more.stderr


def test_a_drawing_that_has_changed_or_is_gone_is_drawn_again_by_snakemake(finished: Path) -> None:
    """Snakemake knows of figures.json alone."""
    drawn, gone = sorted((finished / "results/tiny/figures").glob("*.svg"))[:2]
    before = drawn.read_bytes()
    flip(drawn)
    gone.unlink()
    done = snakemake(finished)
    assert done.returncode == 0, done.stderr
    assert f"set aside as {drawn.name}.corrupt and made anew" in done.stdout + done.stderr
    assert drawn.read_bytes() == before
    assert gone.exists()


def test_failed_cells_are_trained_again_with_data_that_is_prepared_again(finished: Path) -> None:
    flip(finished / "data/digits/train_x.npy")
    for file in (finished / "results/tiny/cells/digits_mlp").rglob("*.parquet"):
        file.unlink()
    # As a job would meet it whose data went bad after the plan was made.
    names = ("digits_mlp/sgd/constant/0", "digits_mlp/sgd/constant/1")
    (finished / "batch.txt").write_text("\n".join(names) + "\n")
    failed = run("optbench", "train", "study.yaml", "--batch", "batch.txt", cwd=finished)
    assert failed.stderr.count(": error (") == 2
    done = run("optbench", "rerun", "study.yaml", "--failed", "--cores", "1", cwd=finished)
    assert done.returncode == 0, done.stderr
    assert "train_x.npy has changed since it was prepared; it is set aside" in done.stderr
    runs = pd.read_parquet(finished / "results/tiny/tables/runs.parquet")
    assert set(runs["status"]) == {"ok"}


def test_each_file_of_a_stage_has_its_checksum(first: Path) -> None:
    """What a stage writes and `OUTPUTS` does not name would be believed whatever it holds."""
    results = first / "results/tiny"
    known = {
        line.split("  ")[1]
        for stage in OUTPUTS
        if (results / f"checksums/{stage}.sha256").exists()
        for line in (results / f"checksums/{stage}.sha256").read_text().splitlines()
    }
    there = {
        file.relative_to(results).as_posix()
        for name in ("tables", "figures")
        for file in (results / name).iterdir()
    }
    assert there | {"index.html"} == known


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("tables/runs.csv", flip),
        ("tables/claims.json", flip),
        ("tables/curves.parquet", cut),
        ("timing/ravine-*.parquet", flip),
        ("../../data/digits/train_x.npy", flip),
        ("cells/ravine/sgd/constant/seed0-*.parquet", flip),
    ],
)
def test_one_file_alone_is_enough(finished: Path, name: str, spoil: Callable[[Path], None]) -> None:
    """What is missing Snakemake makes only where something newer asks for it."""
    (file,) = (finished / "results/tiny").glob(name)
    for _ in range(2):  # the second time Snakemake has seen it all before
        spoil(file)
        done = snakemake(finished)
        assert done.returncode == 0, done.stderr
        assert f"set aside as {file.name}.corrupt" in done.stdout + done.stderr
        assert file.is_file()
        again = snakemake(finished)
        assert "Nothing to be done" in again.stdout + again.stderr


def test_a_dry_run_names_what_is_corrupt_and_leaves_it_there(finished: Path) -> None:
    table = finished / "results/tiny/tables/runs.parquet"
    cut(table)
    done = run("snakemake", "-n", "--cores", "1", "--configfile", "study.yaml", cwd=finished)
    assert done.returncode == 0, done.stderr
    assert "runs.parquet is corrupt: its content has changed since it was written; it will be made anew" in (
        done.stdout + done.stderr
    )
    assert table.stat().st_size == 100
