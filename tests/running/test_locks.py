"""Claims and run locks: one holder at a time, and none of them outlives its process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lab.studies import run, write_study
from optbench.core.errors import UserError
from optbench.core.files import sweep
from optbench.running.locks import KeyLocks, hold_run
from optbench.running.supervisor import train_all

HOLD = """
import sys, time
from pathlib import Path
from optbench.running.locks import KeyLocks, hold_run
held = hold_run(Path("results/s"))
claims = KeyLocks(Path("results/s/.claims"))
assert claims.take("a")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A process that runs the study `s` and has claimed `a`."""
    monkeypatch.chdir(tmp_path)
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"held\n"
    yield process
    process.communicate()


def test_a_claim_is_one_process_s_until_it_is_killed(holder) -> None:
    claims = KeyLocks(Path("results/s/.claims"))
    assert not claims.take("a")
    assert claims.take("b")
    claims.leave("b")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert claims.take("a")
    claims.close()


def test_a_second_run_of_a_study_is_told_who_runs_it(holder) -> None:
    with pytest.raises(UserError, match=f"s: process {holder.pid} on .* runs this study"):
        hold_run(Path("results/s"))
    with hold_run(Path("results/other")):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with hold_run(Path("results/s")) as file:
        file.seek(0)
        assert file.read().startswith(f"process {os.getpid()} on ")


def test_what_a_killed_writer_left_goes_with_the_next_run(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    left = [tmp_path / "results/s/tables/.runs.parquet.123", tmp_path / "reports/s/.index.html.4"]
    kept = [tmp_path / "results/s/tables/runs.parquet", tmp_path / "results/s/.claims"]
    for path in (*left, *kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    hold_run(Path("results/s")).close()
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in kept)


def test_only_its_own_unfinished_files_are_swept(tmp_path: Path) -> None:
    for name in (".a.parquet.12", ".b.parquet.12", "a.parquet", ".a.parquet.bak"):
        (tmp_path / name).touch()
    sweep(tmp_path, "a.parquet")
    assert {path.name for path in tmp_path.iterdir()} == {".b.parquet.12", "a.parquet", ".a.parquet.bak"}


def test_nothing_to_train_starts_nothing(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    train_all([], tmp_path, tmp_path, 2, lambda *_: pytest.fail("nothing was to be trained"))
    assert list(tmp_path.iterdir()) == []


def test_a_job_ends_with_the_run_that_started_it(tmp_path: Path) -> None:
    """As Snakemake does it: through a shell, which does not pass the death of its parent on."""
    write_study(
        tmp_path,
        """
        study: s
        seeds: 1
        workloads: {line: {factory: "plugin:line"}}
        optimizers: {hangs: {factory: "plugin:Hangs", lr: 0.1}}
        """,
    )
    starter = (
        "import os, subprocess, sys, time\n"
        "from optbench.core.processes import RUN, this_run\n"
        "os.environ[RUN] = this_run()\n"
        "command = f'optbench train study.yaml \"*\"; echo over'\n"
        "subprocess.Popen(['bash', '-c', command])\n"
        "time.sleep(2)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    (tmp_path / "starter.py").write_text(starter)
    # `run` waits until everybody who holds the output is gone: the job, its shell and the training process.
    done = run(sys.executable, "starter.py", cwd=tmp_path)
    assert done.returncode == -signal.SIGKILL
    assert "what started this job is gone" in done.stderr
    assert not list(tmp_path.glob("results/**/*.parquet"))
