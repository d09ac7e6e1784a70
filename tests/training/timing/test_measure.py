"""What a timing measures: memory, state, and every optimizer from the same weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lab.timing import Time
from optbench.cells.timing_file import OPTIMIZER, STEP, read_timing, write_timing
from optbench.core.specs import OptimizerSpec, WorkloadSpec
from optbench.study.timing import TimingSpec
from optbench.tables.timing import TIMING_COLUMNS, timing_rows
from optbench.training.timing.measure import measure, peak_memory_bytes, state_bytes_per_param
from optbench.training.timing.rounds import (
    Clock,
    Rounds,
    TimedOptimizer,
    cuda_clock,
    host_clock,
    time_optimizers,
)

# What else is measured


@pytest.mark.parametrize(
    ("factory", "expected"),
    [
        (lambda p: torch.optim.SGD(p, 0.1), 0),
        (lambda p: torch.optim.SGD(p, 0.1, momentum=0.9), 4),
        (lambda p: torch.optim.Adam(p, 0.1), 8 + 2 * 4 / 44),  # and one float32 step counter a tensor
        (lambda p: torch.optim.Adam(p, 0.1, amsgrad=True), 12 + 2 * 4 / 44),
        (lambda p: torch.optim.LBFGS(p, 0.1, max_iter=1, history_size=5), None),
    ],
)
def test_state_bytes_per_parameter(factory, expected):
    model = nn.Linear(10, 4)
    optimizer = factory(model.parameters())
    x = torch.randn(6, 10)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        return loss

    for _ in range(4):
        optimizer.step(closure)
    if expected is None:
        # d, previous gradient, and pairs (y, s) of the history, each of the parameters' length; scalars.
        state = optimizer.state[next(iter(optimizer.state))]
        vectors = 2 + len(state["old_dirs"]) + len(state["old_stps"])
        assert len(state["old_dirs"]) > 1
        assert vectors * 4 <= state_bytes_per_param(optimizer) < vectors * 4 + 4
    else:
        assert state_bytes_per_param(optimizer) == pytest.approx(expected)


def test_peak_memory_counts_what_training_keeps():
    model = nn.Sequential(nn.Linear(10, 20), nn.Tanh(), nn.Linear(20, 1))
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    one = TimedOptimizer("a", OPTIMIZER, model, optimizer, lambda m, b: m(b[0]).mean(), 10**9)
    batch = (torch.randn(50, 10),)
    parameters = 10 * 20 + 20 + 20 + 1
    # Parameters, gradients and velocities; tanh's output is what forward keeps, beside input and weights.
    assert peak_memory_bytes(one, batch, torch.device("cpu")) == 4 * (3 * parameters + 50 * 20)


# Whole workloads

SGD = OptimizerSpec("sgd", "torch.optim:SGD", 0.01)
ADAM = OptimizerSpec("adam", "torch.optim:Adam", 0.01)
MUON = OptimizerSpec("muon", "optbench.catalogue.optimizers.muon:MuonWithAdamW", 0.01)
LBFGS = OptimizerSpec("lbfgs", "torch.optim:LBFGS", 1.0)


def ticking(ms: float = 2) -> Clock:
    """A clock that moves by itself, a little at every reading."""
    time = Time()

    def now() -> int:
        time.spend(ms * 1e3)
        return time.ns

    return host_clock(now)


def asked(workload: str, *optimizers: OptimizerSpec) -> TimingSpec:
    spec = WorkloadSpec("w", f"optbench.catalogue.workloads.{workload}")
    return TimingSpec("s", spec, optimizers, optimizers[0].name, "cpu", 1, len(optimizers), "0" * 8)


def test_measure_times_every_optimizer_that_can_be_made(tmp_path):
    timing = asked("analytic:ravine", SGD, MUON, ADAM, LBFGS)
    facts, rows = measure(timing, tmp_path, 2.0, ticking())
    assert facts["error"] == ""
    assert list(facts["errors"]) == ["muon"]
    assert "two dimensions" in facts["errors"]["muon"]
    assert facts["state_bytes_per_param"]["sgd"] == 0
    assert facts["state_bytes_per_param"]["adam"] == 2 * 8 + 4 / 2  # float64, one counter for two coordinates
    write_timing(tmp_path / "t.parquet", facts, rows)
    table, again = read_timing(tmp_path / "t.parquet")
    assert again == facts
    found = {row["optimizer"]: row for row in timing_rows(again, table.to_pandas())}
    assert list(found) == ["sgd", "muon", "adam", "lbfgs"]
    assert [row["step_time_us"] > 0 for row in found.values()] == [True, False, True, True]
    assert {row["aa_ratio"] > 0 for row in found.values()} == {True}
    assert set(found["adam"]) == set(TIMING_COLUMNS)


def test_all_start_from_the_weights_of_seed_zero(tmp_path, monkeypatch):
    import optbench.training.timing.measure

    lineups = []

    def watching(timed_optimizers: Any, *args: Any, **options: Any) -> Rounds:
        lineups.extend([p.detach().clone() for p in one.model.parameters()] for one in timed_optimizers)
        return time_optimizers(timed_optimizers, *args, **options)

    monkeypatch.setattr(optbench.training.timing.measure, "time_optimizers", watching)
    measure(asked("tiny:tiny_sigmoid", SGD, ADAM), tmp_path, 0.2, ticking())
    torch.manual_seed(0)
    from optbench.catalogue.workloads.tiny import tiny_sigmoid

    expected = list(tiny_sigmoid().model().parameters())
    assert len(lineups) == 3
    assert all(torch.equal(a, b) for weights in lineups for a, b in zip(weights, expected, strict=True))


def test_a_workload_that_cannot_be_built_gives_rows_with_the_reason(tmp_path):
    facts, rows = measure(asked("analytic:no_such_surface", SGD, ADAM), tmp_path, 1.0, ticking())
    assert rows == []
    write_timing(tmp_path / "t.parquet", facts)
    found = timing_rows(facts, read_timing(tmp_path / "t.parquet")[0].to_pandas())
    assert [row["optimizer"] for row in found] == ["sgd", "adam"]
    assert all("no_such_surface" in row["error"] and row["noisy"] for row in found)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_device_is_waited_for(tmp_path):
    clock = cuda_clock()
    matrix = torch.randn(2048, 2048, device="cuda")
    begun = clock.mark()
    for _ in range(20):
        matrix = (matrix @ matrix) * 1e-3
    ended = clock.mark()
    clock.wait()
    assert clock.between(begun, ended) > 0
    facts, rows = measure(replace(asked("tiny:tiny_sigmoid", SGD, ADAM), device="cuda"), tmp_path, 0.5)
    assert facts["error"] == ""
    assert facts["peak_memory_bytes"]["adam"] > facts["peak_memory_bytes"]["sgd"] > 0
    for row in rows:
        if row["kind"] == STEP and row["role"] == OPTIMIZER:
            # Events and the host's clock around the same work, each with its own resolution.
            assert sum(row["step_us"]) <= row["block_us"] * 1.05 + 100
