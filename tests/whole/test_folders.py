"""What lies where a folder belongs is set aside and made anew; no link out of the results is followed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from lab.checkout import copy_workflow
from lab.studies import run, write_study

STUDY = """
    study: tiny
    seeds: 1
    timing: false
    tuning: {seeds: 1, low: 0.1, high: 0.1, per_decade: 1, widen: 0}
    workloads: {ravine: {spread: 0.1, steps: 5}, digits_mlp: {steps: 3}}
    optimizers: [sgd]
    """


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that ran to its end."""
    folder = tmp_path_factory.mktemp("first")
    copy_workflow(folder, "config")
    write_study(folder, STUDY)
    done = by_hand(folder)
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


def make_file(path: Path) -> None:
    path.write_text("no folder")


def make_dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def make_loop(path: Path) -> None:
    path.symlink_to(path.name)


IN_ITS_PLACE: tuple[tuple[str, Callable[[Path], None]], ...] = (
    ("results/tiny/cells/ravine", make_loop),
    ("results/tiny/cells/digits_mlp/sgd/constant", make_file),
    ("results/tiny/tuning/ravine", make_dangling),
    ("results/tiny/tuning/digits_mlp/sgd", os.mkfifo),
    ("results/tiny/timing", make_dangling),
    ("results/tiny/tables", make_loop),
    ("results/tiny/figures", make_file),
    ("results/tiny/checksums", make_dangling),
    ("results/tiny/plan", os.mkfifo),
    ("reports/tiny", make_loop),
    ("data/digits", make_file),
)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()


@pytest.mark.parametrize("again", [by_hand, snakemake])
def test_what_is_no_folder_is_set_aside_and_the_page_is_made(
    finished: Path, again: Callable[[Path], subprocess.CompletedProcess[str]]
) -> None:
    for name, make in IN_ITS_PLACE:
        remove(finished / name)
        make(finished / name)
    done = again(finished)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "Traceback" not in said
    for name, _ in IN_ITS_PLACE:
        aside = Path(name).name + ".corrupt"
        then = "prepared again" if name == "data/digits" else "made anew"
        assert f"; it is set aside as {aside} and {then}\n" in said, name
        assert os.path.lexists((finished / name).with_name(aside))
        assert not (finished / name).is_symlink()
    assert (finished / "reports/tiny/index.html").stat().st_size > 100_000
    runs = pd.read_parquet(finished / "results/tiny/tables/runs.parquet")
    assert list(runs["status"]) == ["ok", "ok"]


LINKS = (
    "results/tiny/.run",
    "results/tiny/.claims",
    "results/tiny/plan/.progress",
    "results/tiny/study_file",
    "results/tiny/checksums/plot.sha256",
    "results/tiny/cells/ravine/sgd/constant/SEED",
    "reports/tiny/index.html",
    "data/digits/manifest.json",
    "data/digits/train_x.npy",
)


def content(folder: Path) -> dict[str, bytes]:
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


@pytest.mark.parametrize("there", [True, False])
def test_nothing_is_written_swept_or_made_behind_a_link(
    finished: Path, tmp_path: Path, *, there: bool
) -> None:
    """Files that are links are replaced themselves; folders that lead out of the results are set aside."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (trace,) = finished.glob("results/tiny/cells/ravine/sgd/constant/*.parquet")
    for name in LINKS:
        link = finished / name.replace("SEED", trace.name)
        if there:
            (outside / link.name).write_text("another's")
        link.parent.mkdir(exist_ok=True)
        remove(link)
        link.symlink_to(outside / link.name)
    for name in ("tables", "figures"):
        shutil.move(finished / "results/tiny" / name, outside / name)
        (finished / "results/tiny" / name).symlink_to(outside / name)
    (outside / "tables/.runs.parquet.123").touch()  # as a killed writer would leave
    (outside / "figures/mine.svg").touch()
    before = content(outside)
    done = by_hand(finished)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    for name in ("tables", "figures"):
        place = f"results/tiny/{name}"
        assert (
            f"optbench: {place} is a link that leads out of results/tiny; it is set aside as" in done.stderr
        )
        assert not (finished / place).is_symlink()
    for name in LINKS:
        link = finished / name.replace("SEED", trace.name)
        if link.name == ".progress" and link.is_symlink():
            continue  # nobody had anything to say there
        assert link.is_file()
        assert not link.is_symlink(), name
    assert content(outside) == before


def test_a_data_folder_that_is_none_costs_the_cells_that_need_it_alone(finished: Path) -> None:
    for name in ("data", "results", "reports"):
        shutil.rmtree(finished / name)
    text = (finished / "study.yaml").read_text()
    (finished / "study.yaml").write_text(
        "\n".join(line for line in text.splitlines() if "tuning" not in line) + "\ndata_folder: /dev/null\n"
    )
    done = snakemake(finished)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    line = (
        "optbench: data set digits is not available: data_folder: '/dev/null' cannot be used: "
        "/dev/null is a device, not a folder"
    )
    assert line in said.splitlines()
    runs = pd.read_parquet(finished / "results/tiny/tables/runs.parquet")
    assert dict(zip(runs["workload"], runs["status"], strict=True)) == {"ravine": "ok", "digits_mlp": "error"}
    assert "data set 'digits' is not prepared" in runs["error"].str.cat()
    assert (finished / "reports/tiny/index.html").exists()
