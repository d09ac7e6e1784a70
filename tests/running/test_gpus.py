"""GPUs are dealt out one to a process."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from lab.studies import ON_A_GPU, write_study
from optbench.cells.matrix import cells_of
from optbench.cells.paths import trace_path
from optbench.cells.timings import timings_of
from optbench.cells.trace import read_trace
from optbench.core.errors import UserError
from optbench.running import gpus as gpus_module
from optbench.running import launcher
from optbench.running.gpus import gpus, hold_gpu
from optbench.running.supervisor import train_all
from optbench.study.resolve import read_study


@pytest.mark.parametrize(
    ("named", "found"),
    [("0", ["0"]), ("2,0", ["2", "0"]), ("GPU-1a, GPU-2b", ["GPU-1a", "GPU-2b"]), ("", []), ("-1", [])],
)
def test_the_gpus_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, named: str, found: Sequence[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert gpus() == found


def test_a_gpu_is_held_by_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus_module.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(gpus_module, "WAIT_S", 0.01)
    one, first = hold_gpu(["0", "1"])
    other, second = hold_gpu(["0", "1"])
    assert (one, other) == ("0", "1")
    got = []
    third = threading.Thread(target=lambda: got.append(hold_gpu(["0", "1"])))
    third.start()
    third.join(0.2)
    assert got == []
    second.close()
    third.join()
    assert got[0][0] == "1"
    first.close()
    got[0][1].close()


def test_a_workload_has_a_device_of_its_own(tmp_path: Path) -> None:
    study = read_study(write_study(tmp_path, ON_A_GPU))
    assert [(c.workload.name, c.device, c.timeout_s) for c in cells_of(study)[::2]] == [
        ("line", "cuda", 60.0),
        ("noisy", "cpu", 3600.0),
    ]
    assert [timing.device for timing in timings_of(study)] == ["cuda", "cpu"]
    assert study.workloads["line"].memory_mb == 8000
    # Where it computes decides numbers, how long it may take does not.
    before = {cell.name: cell.digest for cell in cells_of(study)}
    text = ON_A_GPU.replace("device: cuda, timeout_s: 60, memory_mb: 8000", "device: cuda")
    assert {c.name: c.digest for c in cells_of(read_study(write_study(tmp_path, text)))} == before
    text = ON_A_GPU.replace("device: cuda, ", "")
    changed = {
        c.name for c in cells_of(read_study(write_study(tmp_path, text))) if c.digest != before[c.name]
    }
    assert changed == {"line/sgd/constant/0", "line/sgd/constant/1"}


def test_a_device_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"workloads.line.device.*gpu"):
        read_study(write_study(tmp_path, ON_A_GPU.replace("device: cuda", "device: gpu")))


def test_each_training_process_sees_its_own_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells for GPUs that are named but not there: each says so, in a process that saw one of the two."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "90,91")
    monkeypatch.setattr(gpus_module.tempfile, "gettempdir", lambda: str(tmp_path))
    seen: list[str] = []
    launch = launcher.subprocess.Popen

    def note(*arguments, env, **more):
        seen.append(env["CUDA_VISIBLE_DEVICES"])
        return launch(*arguments, env=env, **more)

    monkeypatch.setattr(launcher.subprocess, "Popen", note)
    study = read_study(write_study(tmp_path, ON_A_GPU))
    cells = [cell for cell in cells_of(study) if cell.device == "cuda"]
    train_all(cells, study.data_folder, study.folder, 2, lambda *_: None)
    assert seen and set(seen) <= {"90", "91"}
    facts = [read_trace(trace_path(cell)).facts for cell in cells]
    assert [fact["status"] for fact in facts] == ["error", "error"]
    assert all("cuda" in fact["error"].lower() for fact in facts)
