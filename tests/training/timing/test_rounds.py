"""Rounds of timed blocks on clocks that only move when a test says so; no assertion looks at real time."""

from __future__ import annotations

import gc
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from lab.timing import Time, rows_of
from optbench.cells.timing_file import OPTIMIZER, SPLIT, STEP, TWIN
from optbench.tables.timing import paired_ratio
from optbench.training.timing.rounds import (
    BLOCK_US,
    FEWEST_ROUNDS,
    LONGEST_BLOCK,
    SPLIT_EVERY,
    Rounds,
    TimedOptimizer,
    host_clock,
    time_optimizers,
)

BATCHES = [(torch.full((4, 3), float(i)), torch.zeros(4, 1)) for i in range(7)]


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
