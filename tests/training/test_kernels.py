"""What decides the bits on a device, and what a failure there means."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lab.studies import ON_A_GPU, write_study
from optbench.cells.matrix import cells_of
from optbench.cells.paths import trace_path
from optbench.cells.trace import read_trace
from optbench.running.supervisor import train_all
from optbench.study.resolve import read_study
from optbench.training.kernels import explain, kernel_facts


@pytest.mark.parametrize(
    ("problem", "device", "says"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried"), "cuda", "out of memory on the GPU"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you"),
            "cpu",
            "out of memory: the machine",
        ),
        (MemoryError(), "cpu", "out of memory: the machine"),
        (
            RuntimeError("cumsum_cuda_kernel does not have a deterministic implementation, but you set"),
            "cuda",
            "no deterministic kernel on cuda",
        ),
        (RuntimeError("the tenth step is too much"), "cpu", ""),
    ],
)
def test_what_a_failure_means(problem: BaseException, device: str, says: str) -> None:
    told = explain(problem, device)
    assert told.count("\n") == bool(says)
    assert says in told


def test_traces_name_what_decides_the_bits() -> None:
    assert kernel_facts("cpu").keys() == {"cpu_capability", "deterministic", "matmul_precision"}
    assert {"cuda", "cudnn", "cublas_workspace"} <= kernel_facts("cuda").keys()


@pytest.mark.gpu
def test_a_gpu_gives_the_same_bits_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    monkeypatch.chdir(tmp_path)
    study = read_study(write_study(tmp_path, ON_A_GPU))
    cells = [cell for cell in cells_of(study) if cell.device == "cuda"]
    values = []
    for _ in range(2):
        train_all(cells, study.data_folder, study.folder, 1, lambda *_: None)
        traces = [read_trace(trace_path(cell)) for cell in cells]
        assert [trace.facts["status"] for trace in traces] == ["ok", "ok"]
        assert all(trace.facts["kernels"]["deterministic"] for trace in traces)
        assert all(trace.facts["gpu"] == torch.cuda.get_device_name(0) for trace in traces)
        values.append([trace.value.tobytes() for trace in traces])
    assert values[0] == values[1]
