"""Shares of runs at the target by when, in steps and in seconds, against counts and intervals by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from lab.runs import runs_of
from optbench.stats import Interval, median_time, product_interval, wilson_interval
from optbench.tables.survival import survival_rows

NAN, INF = math.nan, math.inf


def timed(us: float, low: float = NAN, high: float = NAN) -> pd.DataFrame:
    """The timing of optimizer a on workload w."""
    return pd.DataFrame(
        {
            "workload": "w", "optimizer": ["a"], "step_time_us": us, "step_time_low": low,
            "step_time_high": high, "rounds": 20,
        }
    )  # fmt: skip


def test_survival_is_the_share_that_arrived_with_censoring_at_the_budget():
    runs = runs_of([("a", 0, 10, 1), ("a", 1, 30, 1), ("a", 2, NAN, NAN), ("a", 3, 30, 1)])
    runs.loc[2, "status"] = "diverged"
    rows = pd.DataFrame(survival_rows(runs, None, {"w": 50}))
    assert rows[["at", "reached", "events", "at_risk"]].to_numpy().tolist() == [
        [0, 0, 0, 4], [10, 0.25, 1, 4], [30, 0.75, 2, 3],
    ]  # fmt: skip
    assert set(rows["until"]) == {50}
    assert set(rows["median"]) == {30}
    assert rows["n_reached"].tolist() == [3, 3, 3]
    # Wilson 1927 by hand for k of 4: (k + z^2/2 +- z sqrt(k (4 - k)/4 + z^2/4)) / (4 + z^2)
    z = 1.959964
    for k, low, high in zip((0, 1, 3), rows["low"], rows["high"], strict=True):
        half = z * math.sqrt(k * (4 - k) / 4 + z**2 / 4)
        assert low == pytest.approx((k + z**2 / 2 - half) / (4 + z**2), abs=1e-6)
        assert high == pytest.approx((k + z**2 / 2 + half) / (4 + z**2), abs=1e-6)


def test_median_has_finite_ends_where_every_run_arrives():
    runs = runs_of([("a", seed, 10 * (seed + 1), 1) for seed in range(6)])
    (median,) = {row[-3:] for row in survival_rows(runs, None, {"w": 100})}
    # Between the smallest and the second: the weight of the inner one at n = 6 is 0.5/1.4.
    assert median == pytest.approx((35, 10 + 5 / 1.4, 60 - 5 / 1.4))


def test_survival_in_seconds_is_the_same_curve_stretched():
    runs = runs_of([("a", 0, 10, 1), ("a", 1, NAN, 1), ("b", 0, 20, 1), ("b", 1, 40, 1)])
    rows = pd.DataFrame(survival_rows(runs, timed(2e6, 2e6, 2e6), {"w": 50}))
    seconds, steps = rows[rows["unit"] == "time_s"], rows[rows["unit"] == "steps"]
    assert set(seconds["optimizer"]) == {"a"}
    assert seconds["at"].tolist() == [0, 20]
    assert set(seconds["until"]) == {100}
    assert set(steps["optimizer"]) == {"a", "b"}
    same = ["reached", "low", "high", "events", "at_risk", "n", "n_reached"]
    assert seconds[same].to_numpy().tolist() == steps.loc[steps["optimizer"] == "a", same].to_numpy().tolist()


def test_seconds_have_no_interval_where_the_step_time_has_none():
    runs = runs_of([("a", seed, 10 * (seed + 1), 1) for seed in range(6)])
    rows = pd.DataFrame(survival_rows(runs, timed(2e6), {"w": 100}))
    seconds = rows[rows["unit"] == "time_s"]
    assert seconds["at"].tolist() == [0, 20, 40, 60, 80, 100, 120]
    assert set(seconds["median"]) == {70}
    assert seconds[["low", "high", "median_low", "median_high"]].isna().to_numpy().all()


def test_median_in_seconds_holds_both_sources():
    arrived = [120, 150, 180, 200, 260, 300, 340]
    runs = runs_of([("a", seed, step, 1) for seed, step in enumerate(arrived)])
    rows = pd.DataFrame(survival_rows(runs, timed(1000.0, 900.0, 1250.0), {"w": 400}))
    (low, high) = rows.loc[rows["unit"] == "time_s", ["median_low", "median_high"]].iloc[0]
    steps = median_time(arrived, [True] * 7)
    assert low == pytest.approx(
        0.2 * math.exp(-math.hypot(math.log(200 / steps.low), math.log(10 / 9))), rel=1e-12
    )
    assert high == pytest.approx(
        0.2 * math.exp(math.hypot(math.log(steps.high / 200), math.log(1.25))), rel=1e-12
    )


@pytest.mark.parametrize("arrived", [[120, 150, 180, 200, 260, 300, 340], [50, 60, NAN, 90, NAN, NAN]])
def test_band_in_seconds_holds_the_times_that_each_share_may_take(arrived):
    """A share p lies in the band at t where t lies in the interval of the time at which p is reached."""
    n = len(arrived)
    runs = runs_of([("a", seed, step, 1) for seed, step in enumerate(arrived)])
    rows = pd.DataFrame(survival_rows(runs, timed(1e6, 0.9e6, 1.2e6), {"w": 400}))
    seconds = rows[rows["unit"] == "time_s"]
    assert (seconds["at"].diff().dropna() > 0).all()
    assert seconds["at"].max() <= 400
    assert seconds.loc[seconds["events"] > 0, "at"].tolist() == sorted(s for s in arrived if s > 0)
    times = np.array([0, *sorted(s for s in arrived if s > 0)])
    ends = [wilson_interval(k, n) for k in range(len(times))]

    def reached(levels: list[float], p: float) -> float:
        return next((t for t, level in zip(times, levels, strict=True) if level >= p), INF)

    for p in np.linspace(0.013, 0.987, 39):
        passed = reached([k / n for k in range(len(times))], p)
        span = Interval(
            passed, reached([e.high for e in ends], p), reached([e.low for e in ends], p), 0.95, n
        )
        wanted = product_interval(span, Interval(1.0, 0.9, 1.2, 0.95, 20))
        for t in np.linspace(1, 399, 57):
            at = seconds[seconds["at"] <= t].iloc[-1]
            if wanted.low <= t <= wanted.high:
                assert at["low"] <= p <= at["high"]
            elif NAN not in arrived:  # else, beyond the last arrival, ends that would cross are kept in order
                assert not at["low"] + 1e-9 < p < at["high"] - 1e-9


def test_survival_leaves_missing_runs_and_hopeless_targets_out():
    runs = runs_of([("a", 0, 10, 1), ("a", 1, NAN, NAN)])
    runs.loc[1, "status"] = "missing"
    assert {r.n for r in survival_rows(runs, None, {})} == {1}
    assert list(survival_rows(runs.assign(steps_to_target=NAN), None, {})) == []
