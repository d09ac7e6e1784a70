"""The timing stage on clocks that only move when a test says so; no assertion looks at real time."""

from __future__ import annotations

import gc
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from optbench.cells.timing_file import (
    BATCH,
    KERNEL,
    OPTIMIZER,
    SCHEMA,
    SPLIT,
    STEP,
    TWIN,
    read_timing,
    write_timing,
)
from optbench.cells.timings import select_timings, timing_path, timings_of
from optbench.cells.trace import BadTraceError
from optbench.core.specs import OptimizerSpec, WorkloadSpec
from optbench.running.timing import time_in_child
from optbench.study.resolve import read_study
from optbench.study.study import Study
from optbench.study.timing import TimingSpec
from optbench.tables.timing import (
    TIMING_COLUMNS,
    collect_timing,
    paired_ratio,
    seconds_to_target,
    timing_rows,
)
from optbench.training.timing.measure import measure, peak_memory_bytes, state_bytes_per_param
from optbench.training.timing.noise import MachineReading, machine_facts, read_machine
from optbench.training.timing.rounds import (
    BLOCK_US,
    FEWEST_ROUNDS,
    LONGEST_BLOCK,
    SPLIT_EVERY,
    Clock,
    Rounds,
    TimedOptimizer,
    cuda_clock,
    host_clock,
    time_optimizers,
)

BATCHES = [(torch.full((4, 3), float(i)), torch.zeros(4, 1)) for i in range(7)]


@dataclass
class Time:
    """A clock that stands still until someone spends time on it."""

    ns: int = 0

    def now(self) -> int:
        return self.ns

    def spend(self, us: float) -> None:
        self.ns += round(us * 1e3)


class Spending(torch.optim.Optimizer):
    """Leaves the parameters alone and takes `cost()` microseconds a step."""

    def __init__(self, params: Any, time: Time, cost: Callable[[], float]) -> None:
        super().__init__(params, {})
        self.spend = lambda: time.spend(cost())

    def step(self, *_: Any) -> None:
        self.spend()


class Evaluating(Spending):
    """As Spending, but evaluates its closure twice a step, as a line search does."""

    def step(self, closure: Any) -> Any:
        self.spend()
        closure()
        return closure()


def squared(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    return nn.functional.mse_loss(model(batch[0]), batch[1])


def timed_optimizer(
    name: str,
    time: Time,
    cost: Callable[[], float] | float,
    role: str = OPTIMIZER,
    *,
    loss: Any = squared,
    kind: type[Spending] = Spending,
) -> TimedOptimizer:
    model = nn.Linear(3, 1)
    spent = cost if callable(cost) else lambda: cost
    return TimedOptimizer(name, role, model, kind(model.parameters(), time, spent), loss, horizon=10**9)


def timed(timed_optimizers: list[TimedOptimizer], time: Time, seconds: float = 1.0, **options: Any) -> Rounds:
    return time_optimizers(
        timed_optimizers, itertools.cycle(BATCHES), host_clock(time.now), seconds, **options
    )


def rows_of(found: Rounds, names: list[str], **facts: Any) -> dict[str, dict[str, Any]]:
    """The table's rows by optimizer, from rounds as the file would hold them."""
    blocks = pd.DataFrame(found.rows, columns=SCHEMA.names)
    rows = timing_rows(made_facts(names, errors=found.errors, **facts), blocks)
    return {row["optimizer"]: row for row in rows}


def made_facts(names: list[str], **facts: Any) -> dict[str, Any]:
    return {
        "workload": "w",
        "optimizers": names,
        "reference": names[0],
        "error": "",
        "errors": {},
        "device": "cpu",
        "threads": 1,
        "machine": {"cpu": "Example", "cores": 4, "system": "Linux 6"},
        "state_bytes_per_param": {},
        "peak_memory_bytes": {},
        "cpus": 4,
        "other_cpus": 0.0,
        **facts,
    }


# What comes out where the truth is known


def test_twice_the_time_is_a_ratio_of_two():
    time = Time()
    a, b = timed_optimizer("a", time, 100.0), timed_optimizer("b", time, 200.0)
    rows = rows_of(timed([a, timed_optimizer("a", time, 100.0, TWIN), b], time), ["a", "b"])
    assert rows["a"]["step_time_us"] == pytest.approx(100)
    assert rows["b"]["step_time_us"] == pytest.approx(200)
    assert rows["b"]["step_time_p95_us"] == pytest.approx(200)
    assert rows["b"]["ratio_to_sgd"] == pytest.approx(2)
    assert rows["b"]["ratio_low"] == pytest.approx(2)
    assert rows["b"]["ratio_high"] == pytest.approx(2)
    assert rows["a"]["ratio_to_sgd"] == rows["a"]["ratio_low"] == rows["a"]["ratio_high"] == 1
    assert rows["a"]["aa_ratio"] == pytest.approx(1)


@pytest.mark.parametrize("seed", range(4))
def test_drift_and_lost_time_do_not_move_the_ratio(seed):
    time, rng = Time(), np.random.default_rng(seed)

    def noisy(cost: float) -> Callable[[], float]:
        # The machine slows by half over a second of the clock, jitters, and loses a step in 50 to others.
        return lambda: (
            cost
            * (1 + time.ns / 2e9)
            * math.exp(0.1 * rng.standard_normal())
            * (50 if rng.random() < 1 / 50 else 1)
        )

    lineup = [
        timed_optimizer("a", time, noisy(1000)),
        timed_optimizer("a", time, noisy(1000), TWIN),
        timed_optimizer("b", time, noisy(1500)),
    ]
    rows = rows_of(timed(lineup, time, seconds=3.0), ["a", "b"])
    # Wider than the interval itself, which must miss the truth in one of twenty seeds.
    assert rows["b"]["ratio_low"] * 0.98 < 1.5 < rows["b"]["ratio_high"] * 1.02
    assert rows["b"]["aa_low"] * 0.98 < 1 < rows["b"]["aa_high"] * 1.02
    assert rows["b"]["aa_high"] - rows["b"]["aa_low"] < 0.2


def test_the_interval_of_a_ratio_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(400):
        common = np.exp(rng.standard_normal(15))  # what a round does to both
        times = [pd.Series(common * ratio * np.exp(0.05 * rng.standard_normal(15))) for ratio in (1.3, 1.0)]
        found = paired_ratio(*times)
        hits += found.low <= 1.3 <= found.high
    assert 0.92 < hits / 400 < 0.98


def test_a_step_is_split_into_gradient_and_update():
    time = Time()

    def loss(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        time.spend(30)
        return squared(model, batch)

    lineup = [
        timed_optimizer("a", time, 10, loss=loss),
        timed_optimizer("b", time, 50, loss=loss, kind=Evaluating),
    ]
    found = timed(lineup, time)
    rows = rows_of(found, ["a", "b"])
    assert rows["a"]["forward_backward_us"] == pytest.approx(30)
    assert rows["a"]["optimizer_step_us"] == pytest.approx(10)
    assert rows["b"]["forward_backward_us"] == pytest.approx(60)  # two evaluations a step
    assert rows["b"]["optimizer_step_us"] == pytest.approx(50)
    assert rows["b"]["step_time_us"] == pytest.approx(110)
    assert {row["round"] for row in found.rows if row["kind"] == SPLIT}.isdisjoint(
        row["round"] for row in found.rows if row["kind"] == STEP
    )


def test_p95_is_over_single_steps():
    time, count = Time(), itertools.count()
    found = timed([timed_optimizer("a", time, lambda: 1000.0 if next(count) % 10 == 9 else 100.0)], time)
    row = rows_of(found, ["a"])["a"]
    assert row["step_time_p95_us"] == pytest.approx(1000)
    assert row["step_time_us"] < 300


# How the blocks lie


def test_every_round_holds_one_block_of_each_on_the_same_batches_in_changing_order():
    time = Time()
    seen: list[tuple[str, float]] = []

    def watching(name: str) -> Callable[..., Tensor]:
        def loss(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
            seen.append((name, float(batch[0][0, 0])))
            return squared(model, batch)

        return loss

    names = ["a", "b", "c"]
    jitter = np.random.default_rng(3)
    lineup = [
        timed_optimizer(n, time, lambda: 2000 * jitter.uniform(1, 1.5), loss=watching(n)) for n in names
    ]
    found = timed(lineup, time, seconds=1.0)
    steps = [row for row in found.rows if row["kind"] in (STEP, SPLIT)]
    by_round = [list(group) for _, group in itertools.groupby(steps, key=lambda row: row["round"])]
    orders = [tuple(row["optimizer"] for row in group) for group in by_round]
    assert all(sorted(order) == names for order in orders)
    assert {order[0] for order in orders} == set(names)
    assert len(set(orders)) > 3
    assert all([row["place"] for row in group] == [0, 1, 2] for group in by_round)
    # What the losses saw is, block by block, an untimed lead-in step and then the round's first batches.
    tail = iter(seen[-sum(row["steps"] + (row["steps"] > 1) for row in steps) :])
    for group in by_round:
        drawn: list[list[float]] = []
        for row in group:
            block = list(itertools.islice(tail, row["steps"] + (row["steps"] > 1)))
            assert {name for name, _ in block} == {row["optimizer"]}
            drawn.append([batch for _, batch in block][-row["steps"] :])
        longest = max(drawn, key=len)
        assert all(batches == longest[: len(batches)] for batches in drawn)


def test_the_same_seed_gives_the_same_order():
    def orders(seed: int) -> list[str]:
        time, jitter = Time(), np.random.default_rng(0)
        lineup = [timed_optimizer(name, time, lambda: 1000 * jitter.uniform(1, 2)) for name in "abcd"]
        return [row["optimizer"] for row in timed(lineup, time, seed=seed).rows if "optimizer" in row]

    assert orders(0) == orders(0)
    assert orders(0) != orders(1)


@pytest.mark.parametrize(
    ("cost", "steps"), [(BLOCK_US / 20, 20), (BLOCK_US / 2, 2), (BLOCK_US * 3, 1), (0.5, LONGEST_BLOCK)]
)
def test_a_block_lasts_as_long_as_it_should(cost, steps):
    time = Time()
    one = timed_optimizer("a", time, cost)
    timed([one], time)
    assert one.steps == steps


def test_it_ends_when_the_ratios_are_known():
    time = Time()
    found = timed([timed_optimizer("a", time, 100), timed_optimizer("b", time, 300)], time, seconds=1e6)
    assert found.rounds == FEWEST_ROUNDS


def test_it_ends_with_its_budget():
    time, rng = Time(), np.random.default_rng(0)
    lineup = [timed_optimizer(name, time, lambda: 100 * rng.exponential()) for name in "ab"]
    found = timed(lineup, time, seconds=0.3)
    assert 0.3 <= found.spent_s < 0.35
    kinds = {row["round"]: row["kind"] for row in found.rows if row["kind"] in (STEP, SPLIT)}
    assert [kinds[i] for i in range(6)] == [SPLIT if i % SPLIT_EVERY == 1 else STEP for i in range(6)]


@pytest.mark.parametrize(("step_s", "rounds"), [(0.5, 6), (30.0, 1)])
def test_slow_steps_get_overtime_but_not_for_ever(step_s, rounds):
    time, rng = Time(), np.random.default_rng(0)
    lineup = [timed_optimizer(name, time, lambda: step_s * 1e6 * rng.uniform(1, 1.1)) for name in "ab"]
    assert timed(lineup, time, seconds=2.5).rounds == rounds


def test_collection_is_off_while_blocks_run_and_back_afterwards():
    time = Time()
    states = []

    def loss(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        states.append(gc.isenabled())
        return squared(model, batch)

    assert gc.isenabled()
    timed([timed_optimizer("a", time, 1000, loss=loss)], time)
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    assert not any(states)


# What goes wrong


def test_a_diverging_optimizer_is_timed_from_its_start_again():
    time = Time()
    model = nn.Linear(3, 1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    wild = TimedOptimizer(
        "wild", OPTIMIZER, model, torch.optim.SGD(model.parameters(), 1e30, 0.9), squared, 10**9
    )
    wild_step = wild.step

    def step(batch: tuple[Tensor, ...]) -> None:
        time.spend(1000)
        wild_step(batch)

    wild.step = step  # type: ignore[method-assign]
    found = timed([timed_optimizer("a", time, 1000), wild], time)
    row = rows_of(found, ["a", "wild"])["wild"]
    assert row["step_time_us"] == pytest.approx(1000)
    assert row["error"] == ""
    assert wild.restored > FEWEST_ROUNDS / 2
    wild.restore()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not wild.optimizer.state


def test_no_step_is_timed_beyond_the_budget_of_training():
    time = Time()
    one = timed_optimizer("a", time, 100)
    one = TimedOptimizer("a", OPTIMIZER, one.model, one.optimizer, squared, horizon=50)
    taken: list[int] = []
    one.loss = lambda model, batch: (taken.append(one.taken), squared(model, batch))[1]
    timed([one], time)
    assert one.steps == 60
    assert max(taken[-1000:]) <= 50 + one.steps + 1
    assert one.restored


@pytest.mark.parametrize("after", [0, 1, 500])
def test_an_optimizer_that_raises_is_left_out_and_the_others_go_on(after):
    time, count = Time(), itertools.count()

    def fails() -> float:
        if next(count) >= after:
            raise RuntimeError("no more\nof this")
        return 100.0

    found = timed(
        [timed_optimizer("a", time, 100), timed_optimizer("b", time, fails), timed_optimizer("c", time, 300)],
        time,
    )
    assert found.errors == {"b": "RuntimeError: no more of this"}
    rows = rows_of(found, ["a", "b", "c"])
    assert math.isnan(rows["b"]["step_time_us"])
    assert rows["b"]["error"] == "RuntimeError: no more of this"
    assert rows["c"]["ratio_to_sgd"] == pytest.approx(3)
    assert rows["c"]["rounds"] >= FEWEST_ROUNDS


def test_without_a_reference_there_are_times_but_no_ratios():
    time = Time()

    def fails() -> float:
        raise ValueError("never")

    found = timed(
        [
            timed_optimizer("a", time, fails),
            timed_optimizer("a", time, fails, TWIN),
            timed_optimizer("b", time, 9),
        ],
        time,
    )
    rows = rows_of(found, ["a", "b"])
    assert rows["b"]["step_time_us"] == pytest.approx(9)
    assert math.isnan(rows["b"]["ratio_to_sgd"])
    assert rows["b"]["noisy"]
    assert timed([timed_optimizer("a", time, fails)], time).rows == []


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


def test_what_others_use_is_what_is_busy_without_us():
    before = MachineReading(at_s=10, load=1.0, busy_s=100, own_s=5, clocks_mhz=(2000.0, 3000.0))
    after = MachineReading(at_s=12, load=3.0, busy_s=105, own_s=7, clocks_mhz=(2500.0,))
    facts = machine_facts(before, after)
    assert facts["other_cpus"] == pytest.approx(1.5)
    assert (facts["load_before"], facts["load_after"]) == (1.0, 3.0)
    assert (facts["clock_min_mhz"], facts["clock_max_mhz"]) == (2000.0, 3000.0)
    blind = machine_facts(replace(before, clocks_mhz=(), load=None), replace(after, clocks_mhz=()))
    assert blind["clock_min_mhz"] is None
    assert blind["load_before"] is None
    now = read_machine()
    assert now.busy_s >= now.own_s > 0


# The flag


def blocks_of(ratios: np.ndarray, kernel: np.ndarray | None = None) -> Rounds:
    """Rounds in which the twin took `ratios` times as long as the reference."""
    rows = []
    for i, ratio in enumerate(ratios):
        for role, us in ((OPTIMIZER, 100.0), (TWIN, 100.0 * ratio)):
            rows.append(
                {
                    "round": i,
                    "kind": STEP,
                    "role": role,
                    "optimizer": "a",
                    "steps": 1,
                    "block_us": us,
                    "step_us": [us],
                }
            )
        rows.append(
            {"round": i, "kind": KERNEL, "steps": 1, "block_us": 1.0 if kernel is None else kernel[i]}
        )
        rows.append({"round": i, "kind": BATCH, "steps": 2, "block_us": 8.0})
    return Rounds(rows)


QUIET = 1 + np.linspace(-0.004, 0.004, 20)


@pytest.mark.parametrize(
    ("found", "facts", "word"),
    [
        (blocks_of(QUIET), {}, ""),
        (blocks_of(QUIET + 0.008), {}, ""),  # the interval misses 1, but by no more than chance may
        (blocks_of(QUIET + 0.03), {}, "against itself took 1.03"),
        (blocks_of(1 + np.linspace(-0.1, 0.1, 20)), {}, "known to"),
        (blocks_of(QUIET[:5]), {}, "5 rounds"),
        (blocks_of(QUIET), {"other_cpus": 0.39}, ""),
        (blocks_of(QUIET), {"other_cpus": 0.41}, "0.41 of 4 processors"),
        (blocks_of(QUIET), {"other_cpus": None}, ""),
        (blocks_of(QUIET, np.linspace(0.5, 1.5, 20)), {}, "fixed kernel"),
        (blocks_of(QUIET, np.linspace(0.95, 1.05, 20)), {}, ""),
    ],
)
def test_the_noise_flag_says_why(found, facts, word):
    row = rows_of(found, ["a"], **facts)["a"]
    assert row["noisy"] == bool(word)
    assert word in row["noise"]
    assert row["batch_us"] == 4


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
    return TimingSpec("s", spec, optimizers, optimizers[0].name, "cpu", 1, "0" * 8)


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


@pytest.fixture
def study(tmp_path, monkeypatch) -> Study:
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(
        "study: s\nseeds: 1\ndevice: cpu\nworkloads: [ravine, tiny_sigmoid]\n"
        "optimizers: [adam, heavy_ball, sgd]\nmatrix:\n"
        "  - {workloads: [ravine], optimizers: [adam]}\n"
        "  - {workloads: [tiny_sigmoid], optimizers: [heavy_ball, adam, sgd]}\n"
    )
    return read_study(Path("s.yaml"))


def test_a_study_means_one_timing_a_workload(study):
    ravine, tiny = timings_of(study)
    assert [o.name for o in ravine.optimizers] == ["sgd", "adam"]
    assert [o.name for o in tiny.optimizers] == ["sgd", "adam", "heavy_ball"]
    assert timing_path(tiny) == Path(f"results/s/timing/tiny_sigmoid-{tiny.digest}.parquet")
    assert select_timings([ravine, tiny], []) == [ravine, tiny]
    assert select_timings([ravine, tiny], ["tiny_sigmoid", str(timing_path(tiny))]) == [tiny]
    with pytest.raises(ValueError, match="did you mean 'ravine'"):
        select_timings([ravine, tiny], ["ravin"])


def test_the_digest_follows_what_is_measured(study):
    def digests(changed: Study) -> list[str]:
        return [timing.digest for timing in timings_of(changed)]

    before = digests(study)
    assert digests(replace(study, seeds=(0, 1, 2), title="other")) == before
    assert all(a != b for a, b in zip(digests(replace(study, threads=2)), before, strict=True))
    faster = {**study.optimizers, "heavy_ball": replace(study.optimizers["heavy_ball"], lr=0.5)}
    after = digests(replace(study, optimizers=faster))
    assert (after[0] == before[0], after[1] == before[1]) == (True, False)


def test_a_crash_leaves_a_file_that_says_so(study):
    timing = timings_of(study)[0]
    problem = time_in_child(timing, study.data_folder, study.folder, 0.1, module="optbench.no_such_module")
    assert problem == "the timing process ended with exit status 1"
    facts = read_timing(timing_path(timing))[1]
    assert "no_such_module" in facts["error"]
    table = collect_timing(study)
    assert list(table.columns) == list(TIMING_COLUMNS)
    assert len(table) == 5
    assert table["step_time_us"].isna().all()
    assert set(table.loc[table["workload"] == "tiny_sigmoid", "error"]) == {"not measured"}
    again = pd.read_parquet("results/s/tables/timing.parquet")
    pd.testing.assert_frame_equal(again, table)
    assert Path("results/s/tables/timing.csv").exists()


def test_a_broken_file_is_told(study):
    path = timing_path(timings_of(study)[0])
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PAR1 and then nothing")
    with pytest.raises(BadTraceError):
        read_timing(path)
    assert "not a whole timing" in collect_timing(study).loc[0, "error"]


def test_the_verb_measures_in_a_process_of_its_own(study):
    from click.testing import CliRunner

    from optbench.cli import cli

    result = CliRunner().invoke(cli, ["time", "s.yaml", "tiny_sigmoid", "--seconds", "0.05"])
    assert result.exit_code == 0, result.output
    assert "tiny_sigmoid: timed with 3 optimizers" in result.output
    table = collect_timing(study).set_index(["workload", "optimizer"])
    assert (table.loc["tiny_sigmoid", "step_time_us"] > 0).all()
    assert table.loc[("tiny_sigmoid", "heavy_ball"), "state_bytes_per_param"] == 4


def test_time_to_target_is_steps_times_step_time():
    runs = pd.DataFrame(
        {
            "workload": ["w", "w", "v", "w"],
            "optimizer": ["a", "b", "a", "a"],
            "steps_to_target": [1000.0, 1000.0, 5.0, math.nan],
        },
        index=[3, 1, 4, 7],
    )
    timing = pd.DataFrame({"workload": ["w", "w"], "optimizer": ["a", "b"], "step_time_us": [200.0, 500.0]})
    found = seconds_to_target(runs, timing)
    assert list(found.index) == [3, 1, 4, 7]
    assert found.tolist()[:2] == [0.2, 0.5]
    assert found.isna().tolist() == [False, False, True, True]


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
