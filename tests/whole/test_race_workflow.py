"""A race under Snakemake: looks follow each other by themselves, through kills, losses and changes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest

from lab.checkout import copy_workflow
from lab.races import RACE
from lab.studies import BIN, run, write_study

TABLES = ("race", "comparisons", "ranking", "runs")
GOAL = "results/race/tables/findings.json"
COMMAND = ("snakemake", GOAL, "--cores", "2", "--configfile", "study.yaml")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A race that Snakemake ran to its end."""
    folder = workplace(tmp_path_factory.mktemp("first"))
    done = snakemake(folder)
    assert "look 1 at 6 seeds" in done
    return folder


def workplace(folder: Path) -> Path:
    copy_workflow(folder)
    write_study(folder, RACE)
    return folder


def snakemake(folder: Path, *more: str) -> str:
    done = run(*COMMAND, *more, cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Without what differs from run to run: times, and where a cell was trained again."""
    found = {name: pd.read_parquet(folder / f"results/race/tables/{name}.parquet") for name in TABLES}
    found["runs"] = found["runs"].drop(columns=["train_time_s", "probe_time_s", "trained_again"])
    return found


def assert_same(one: Path, other: Path) -> None:
    for name, table in tables(one).items():
        pd.testing.assert_frame_equal(table, tables(other)[name], obj=name)


def traces(folder: Path) -> dict[str, int]:
    found = folder.glob("results/race/cells/**/*.parquet")
    return {file.relative_to(folder).as_posix(): file.stat().st_mtime_ns for file in found}


def copy(first: Path, folder: Path) -> Path:
    return Path(shutil.copytree(first, folder / "copy"))


def test_snakemake_and_run_drop_the_same(first: Path, tmp_path: Path) -> None:
    folder = workplace(tmp_path)
    done = run("optbench", "run", "study.yaml", "--cores", "2", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert_same(first, folder)
    looks = [sorted(p.name for p in here.glob("results/race/race/*")) for here in (first, folder)]
    assert looks[0] == looks[1]
    assert traces(first).keys() == traces(folder).keys()


def test_a_second_run_has_nothing_to_do(first: Path) -> None:
    assert "Nothing to be done" in snakemake(first)


def test_a_lost_trace_is_trained_and_its_look_decided_again(first: Path, tmp_path: Path) -> None:
    folder = copy(first, tmp_path)
    before = traces(folder)
    lost = next(name for name in before if "/near/" in name and "seed6-" in name)
    (folder / lost).unlink()
    snakemake(folder)
    after = traces(folder)
    assert {name for name in before if after[name] != before[name]} == {lost}
    assert_same(first, folder)


def test_a_lost_and_a_corrupt_look_are_made_again(first: Path, tmp_path: Path) -> None:
    folder = copy(first, tmp_path)
    before = traces(folder)
    looks = sorted(folder.glob("results/race/race/*"))
    looks[0].write_text("{")
    looks[-1].unlink()
    snakemake(folder)
    assert traces(folder) == before
    assert_same(first, folder)
    assert sorted(folder.glob("results/race/race/look-*.json")) == looks


def test_a_changed_setting_trains_its_own_cells_alone(first: Path, tmp_path: Path) -> None:
    folder = copy(first, tmp_path)
    before = traces(folder)
    write_study(folder, RACE.replace("lr: 0.001", "lr: 0.002"))
    snakemake(folder)
    after = traces(folder)
    assert {name: after[name] for name in before} == before
    assert {Path(name).parts[4] for name in set(after) - set(before)} == {"slow"}
    fresh = tables(folder)["race"]
    assert fresh.loc[fresh["look"] == 1, "state"].tolist().count("dropped") >= 1


def test_a_single_cell_is_trained_by_its_path(first: Path, tmp_path: Path) -> None:
    folder = copy(first, tmp_path)
    one = next(name for name in traces(folder) if "/slow/" in name)
    (folder / one).unlink()
    done = run("snakemake", one, "--cores", "1", "--configfile", "study.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (folder / one).exists()


def test_kills_at_any_moment_lose_nothing(first: Path, tmp_path: Path) -> None:
    """SIGKILL of Snakemake, early and late, then the same command to the end."""
    folder = workplace(tmp_path)
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    for goal in (4, 20, 25, 29):
        process = subprocess.Popen(
            COMMAND, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while process.poll() is None and len(traces(folder)) < min(goal, len(traces(first))):
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    stamps = traces(folder)
    time.sleep(1)  # what was a child of the killed one has ended
    stamps = {name: stamp for name, stamp in traces(folder).items() if name in stamps}
    snakemake(folder)
    assert {name: traces(folder)[name] for name in stamps} == stamps
    assert_same(first, folder)
