"""The whole path on a real SLURM, started on this machine (tests/lab/toy_cluster.py)."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from lab import toy_cluster
from lab.checkout import copy_workflow
from lab.races import RACE
from lab.studies import BIN, PLUGIN, run, write_study

STUDY = """
    study: afar
    seeds: 2
    timing: false
    timeout_s: 600
    workloads: {line: {factory: "plugin:line", memory_mb: 500}}
    optimizers:
      sgd: {lr: 0.1}
      slow: {factory: "plugin:Slow", lr: 0.1}
    tuning: {seeds: 1, low: 0.05, high: 0.1, per_decade: 3, widen: 0}
    matrix:
      - {optimizers: [sgd]}
      - {optimizers: [slow], lr: 0.1}
    """

SLOW = '''


class Slow(torch.optim.SGD):
    """Plain descent that waits, or takes the whole job along, while a file says so."""

    def step(self, closure=None):
        from pathlib import Path

        if Path("lose-the-job").exists():
            Path("lose-the-job").unlink()
            import psutil

            next(one for one in psutil.Process().parents() if "train" in one.cmdline()).kill()
        while Path("pause").exists():
            time.sleep(0.1)
        return super().step(closure)
'''


class Site:
    """A folder with the workflow and a study, and a cluster that it can submit to."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = {**environment, "PATH": f"{BIN}{os.pathsep}{environment['PATH']}"}
        copy_workflow(folder)
        profile = folder / "profiles" / "slurm" / "config.yaml"
        kept = [line for line in profile.read_text().splitlines() if not line.startswith(("jobs", "latency"))]
        profile.write_text("\n".join(kept) + toy_cluster.PROFILE)
        write_study(folder, STUDY, PLUGIN + SLOW)

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            # Tests in the background ignore Ctrl-C, and so would all that they start.
            words = ("env", "--default-signal=INT", *command)
            return subprocess.Popen(words, cwd=self.folder, env=self.environment, stdout=log, stderr=log)

    def run(self, *command: str) -> str:
        """Runs a command that must end well; gives what it printed."""
        done = self.start(*command)
        code, told = done.wait(600), (self.folder / "log").read_text()
        (self.folder / "log").unlink()
        assert code == 0, told[-6000:]
        return told

    def snakemake(self, *more: str) -> tuple[str, ...]:
        profile = ("--workflow-profile", "profiles/slurm", "--configfile", "study.yaml")
        return ("snakemake", *profile, *more)

    def traces(self) -> dict[str, int]:
        files = self.folder.glob("results/afar/cells/**/seed*.parquet")
        return {"/".join(file.parts[-4:]): file.stat().st_mtime_ns for file in files}

    def statuses(self) -> pd.Series:
        runs = pd.read_parquet(self.folder / "results/afar/tables/runs.parquet")
        return runs.set_index("cell")["status"]

    def jobs(self, *states: str) -> list[str]:
        """Identities of the jobs that wait or run, or are in the states given."""
        asked = ["squeue", "-h", "-o", "%i", *(f"--states={state}" for state in states)]
        done = subprocess.run(asked, env=self.environment, capture_output=True, text=True, check=True)
        return done.stdout.split()

    def running(self) -> list[str]:
        """Identities of the jobs that run."""
        return self.jobs("RUNNING")

    def until(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + 300
        while not holds():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-6000:]
            time.sleep(0.1)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory):
    """The environment of a SLURM that runs on this machine."""
    if problem := toy_cluster.missing():
        if os.environ.get("OPTBENCH_REQUIRE_ALL"):
            pytest.fail(f"{problem}, and this run must not skip its tests")
        pytest.skip(problem)
    with toy_cluster.cluster(tmp_path_factory.mktemp("slurm")) as environment:
        yield environment


def test_a_study_on_a_cluster(toy: dict[str, str], tmp_path: Path) -> None:
    """Tuned, retried, run to its page, one cell again, and cancelled, looked at and resumed."""
    site = Site(tmp_path, toy)

    # The first job to come by takes its whole job along; Snakemake submits it again.
    (tmp_path / "lose-the-job").touch()
    told = site.run(*site.snakemake())
    assert not (tmp_path / "lose-the-job").exists()
    assert "Trying to restart job" in told
    assert list(site.statuses()) == ["ok"] * 4
    assert (tmp_path / "reports/afar/index.html").exists()

    before = site.traces()
    site.run("optbench", "rerun", "afar", "line/sgd/*/1", "--executor", "slurm")
    after = site.traces()
    assert before.keys() == after.keys()
    assert [path.split("/")[1] for path in after if after[path] != before[path]] == ["sgd"]

    # Ctrl-C takes the jobs along; what they finished stays. (Not while their states are asked for: meanwhile
    # Snakemake has forgotten them.)
    study = tmp_path / "study.yaml"
    study.write_text(study.read_text().replace("seeds: 2", "seeds: 4"))
    (tmp_path / "pause").touch()
    started = site.start(*site.snakemake("--slurm-init-seconds-before-status-checks", "25"))
    site.until(lambda: len(site.traces()) > 4)
    assert site.jobs()
    started.send_signal(signal.SIGINT)
    assert started.wait(300) != 0
    site.until(lambda: not site.jobs())
    site.run("optbench", "report", "study.yaml", "--now")
    assert set(site.statuses()) == {"ok", "missing"}

    # Snakemake dies, its job lives on. The same command goes on from there, here with an array of two jobs.
    started = site.start(*site.snakemake())
    site.until(site.running)
    started.send_signal(signal.SIGKILL)
    started.wait()
    assert site.jobs()
    (tmp_path / "pause").unlink()
    kept = site.traces()
    table = "results/afar/tables/runs.parquet"
    told = site.run(*site.snakemake("--slurm-array-jobs", "train", table, "--config", "cells_per_job=1"))
    assert "Submitted array job" in told
    assert list(site.statuses()) == ["ok"] * 8
    now = site.traces()
    assert {path: now[path] for path in kept} == kept
    assert not site.jobs()


def test_a_race_on_a_cluster(toy: dict[str, str], tmp_path: Path) -> None:
    """A job or more for each look, each decided where Snakemake runs; it drops whom one machine drops."""
    site = Site(tmp_path, toy)
    (tmp_path / "alone").mkdir()
    for folder in (tmp_path, tmp_path / "alone"):
        write_study(folder, RACE)
    told = site.run(*site.snakemake("--latency-wait", "5", "results/race/tables/findings.json"))
    assert [told.count(f"look {look} at {n} seeds") for look, n in ((1, 6), (2, 8), (3, 10))] == [1, 1, 1]
    run("optbench", "run", "study.yaml", "--cores", "1", cwd=tmp_path / "alone")
    tables = [
        pd.read_parquet(folder / "results/race/tables/race.parquet")
        for folder in (tmp_path, tmp_path / "alone")
    ]
    assert set(tables[0]["state"]) == {"in", "dropped"}
    pd.testing.assert_frame_equal(*tables)
