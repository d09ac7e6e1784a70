"""Kills runs of a small study at random moments, resumes them, and compares with an undisturbed run.

    python tests/lab/kill_anytime.py --kills 100 --seed 1

Every kill is SIGKILL: of a training process, of `optbench run`, or of Snakemake, at moments drawn from a
seed. The study is resumed by the documented command, which is the same command again.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from lab.checkout import copy_workflow
from lab.studies import BIN, write_study
from optbench.cells.trace import read_trace

STUDY = """
    study: fragile
    seeds: 12
    timing: false
    workloads: {noisy: {factory: "plugin:noisy_line"}}
    optimizers: {sgd: {lr: 0.1}, adam: {lr: 0.1}}
    """
CELLS = 24
TRAIN = ("optbench", "train", "study.yaml", "*", "--workers", "2")
RUN = ("optbench", "run", "study.yaml", "--cores", "2")
SNAKEMAKE = ("snakemake", "--cores", "2", "--configfile", "study.yaml")
PATIENCE_S = 600.0


@dataclass
class Disturbance:
    """A study that is killed again and again.

    Attributes:
        folder: where it runs.
        kills: what was killed so far.
        seen: traces that were whole at the last kill, with inode and time: nothing may write them again.
    """

    folder: Path
    random: random.Random
    kills: list[str] = field(default_factory=list)
    seen: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def traces(self) -> dict[Path, tuple[int, int]]:
        found = sorted(self.folder.glob("results/*/cells/**/seed*.parquet"))
        return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}

    def check(self) -> None:
        """Every file is whole, and what was finished at the last kill has not been made again."""
        now = self.traces()
        for path in now:
            read_trace(path)
        again = [path.name for path, stamp in self.seen.items() if now.get(path, stamp) != stamp]
        assert not again, f"trained again: {again}"
        self.seen = now

    def forget(self, share: float) -> None:
        """Deletes some of the traces, so that there is something to train."""
        for path in list(self.traces()):
            if self.random.random() < share:
                path.unlink()
                self.seen.pop(path, None)

    def start(self, command: tuple[str, ...]) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)

    def finish(self, command: tuple[str, ...]) -> None:
        """Gives the documented command to resume, until it ends well."""
        done = self.start(command)
        assert done.wait(PATIENCE_S) == 0, (self.folder / "log").read_text()[-4000:]
        self.check()

    def kill_workers(self, times: int) -> None:
        """Kills training processes of living parents: in their start, in a cell, between cells."""
        goal = len(self.kills) + times
        while len(self.kills) < goal:
            before = self.traces()
            parent = self.start(TRAIN)

            def trained(before: dict[Path, tuple[int, int]] = before) -> int:
                return len(set(self.traces().items()) - set(before.items()))

            while parent.poll() is None and len(self.kills) < goal:
                # Mostly after some cells more, at times in the very start of a process.
                enough = min(trained() + self.random.choice((0, 1, 1, 2)), CELLS)
                while parent.poll() is None and trained() < enough:
                    time.sleep(0.02)
                time.sleep(self.random.uniform(0, 0.2))
                if workers := _workers(parent):
                    _kill(self.random.choice(workers))
                    self.kills.append("worker")
            assert parent.wait(PATIENCE_S) == 0, (self.folder / "log").read_text()[-4000:]
            assert trained() == CELLS
        self.check()

    def kill_runs(self, command: tuple[str, ...], times: int, lasts_s: float) -> None:
        """Kills whole runs, each after a random part of the time that one lasts; their children end too."""
        for _ in range(times):
            if len(self.traces()) == CELLS:
                self.forget(0.5)
            run = self.start(command)
            wait_s = self.random.uniform(0, lasts_s)
            try:
                run.wait(wait_s)
            except subprocess.TimeoutExpired:
                below = psutil.Process(run.pid).children(recursive=True)
                run.kill()
                run.wait()
                training = [process for process in below if _is_ours(process)]
                _, alive = psutil.wait_procs(training, timeout=PATIENCE_S)
                assert not alive, f"orphans train on: {alive}"
            self.kills.append(command[0])
            self.check()


def _is_ours(process: psutil.Process) -> bool:
    try:
        return any(word in {"optbench.running.forkserver", "train"} for word in process.cmdline())
    except psutil.Error:
        return False


def _workers(run: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Training processes of a run, in whatever they are doing."""
    try:
        children = psutil.Process(run.pid).children(recursive=True)
        forked = [child for child in children if "optbench.running.forkserver" in child.cmdline()]
        servers = {child.pid for child in forked}
        return [child for child in forked if child.ppid() in servers]
    except psutil.Error:
        return []


def _kill(process: psutil.Process) -> None:
    try:
        process.send_signal(signal.SIGKILL)
    except psutil.NoSuchProcess:
        return


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    """The tables of a study without what the clock decides, and without the folder's own name."""
    found = {}
    for file in sorted((folder / "results" / "fragile" / "tables").glob("*.parquet")):
        table = pd.read_parquet(file)
        if "metric" in table:
            table = table[table["metric"] != "train_time_s"].reset_index(drop=True)
        found[file.stem] = table.drop(columns=[c for c in table if c.endswith("_time_s")])
    return found


def disturb(folder: Path, seed: int, *, workers: int, runs: int, snakemakes: int) -> list[str]:
    """Runs the study undisturbed and disturbed; raises AssertionError where anything differs.

    Returns:
        What was killed, in order.
    """
    calm, fragile = (Disturbance(folder / name, random.Random(seed)) for name in ("calm", "fragile"))
    for one in (calm, fragile):
        one.folder.mkdir(parents=True)
        write_study(one.folder, STUDY)
        copy_workflow(one.folder)
    begun = time.monotonic()
    calm.finish(RUN)
    lasts_s = time.monotonic() - begun
    fragile.kill_workers(workers)
    fragile.kill_runs(RUN, runs, lasts_s)
    fragile.kill_runs(SNAKEMAKE, snakemakes, lasts_s)
    fragile.finish(SNAKEMAKE if snakemakes else RUN)
    killed = [path for path in fragile.traces() if read_trace(path).facts["status"] == "killed"]
    if killed:  # one and the same cell met two kills
        for path in killed:
            fragile.seen.pop(path)
        fragile.finish(("optbench", "rerun", "study.yaml", "--failed"))
    before, after = tables(calm.folder), tables(fragile.folder)
    assert before.keys() == after.keys()
    for name, table in before.items():
        pd.testing.assert_frame_equal(table, after[name])
    left = [path for path in fragile.folder.glob("re[ps]*/**/.*") if path.name not in {".run", ".claims"}]
    left = [path for path in left if path.name != ".progress"]
    assert not left, f"left behind: {left}"
    return fragile.kills


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    snakemakes = given.kills // 5
    runs = given.kills // 3
    with tempfile.TemporaryDirectory() as folder:
        workers = given.kills - runs - snakemakes
        kills = disturb(Path(folder), given.seed, workers=workers, runs=runs, snakemakes=snakemakes)
    sys.stdout.write(f"{len(kills)} kills, and the tables are those of an undisturbed run\n")


if __name__ == "__main__":
    sys.exit(main())
