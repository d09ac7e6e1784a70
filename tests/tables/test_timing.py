"""The table of step times: what is noisy, broken files, times to a target."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from lab.timing import rows_of, timed_study
from optbench.cells.timing_file import BATCH, KERNEL, OPTIMIZER, STEP, TWIN, read_timing
from optbench.cells.timings import timing_path, timings_of
from optbench.cells.trace import BadTraceError
from optbench.stats import Interval, median_interval
from optbench.study.study import Study
from optbench.tables.timing import collect_timing, seconds_to_target, step_seconds, step_time_interval
from optbench.training.timing.rounds import Rounds

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


def test_step_time_has_the_interval_of_its_median_over_rounds():
    # Alternating, so that no drift widens it: 1, -1, 2, -2, ... in percent, 11 rounds, median 0.
    each = [0.0, *(sign * i / 100 for i in range(1, 6) for sign in (1, -1))]
    found = step_time_interval(pd.Series(np.exp(each)))
    wanted = median_interval(each)
    assert (found.low, found.estimate, found.high) == pytest.approx(
        (math.exp(wanted.low), 1, math.exp(wanted.high)), rel=2e-3
    )
    assert (found.coverage, found.n) == (0.95, 11)
    shuffled = pd.Series(np.exp(each), index=range(11)).sample(frac=1, random_state=0)
    assert step_time_interval(shuffled) == found  # the rounds' order is in their names


def test_drift_widens_the_interval_of_a_step_time():
    # Twelve rounds that only get slower: ranks 1..12, whose autocorrelation from one to the next is
    # sum (r_i - 6.5)(r_{i+1} - 6.5) / sum (r_i - 6.5)^2 = 107.25/143 = 0.75: sqrt(1.75/0.25) = 2.6458 times.
    each = np.log(np.linspace(100, 111, 12))
    found = step_time_interval(pd.Series(np.exp(each)))
    wanted = median_interval(np.exp(each))
    middle = math.log(wanted.estimate)
    assert found.estimate == wanted.estimate == pytest.approx(105.5)
    assert math.log(found.low) - middle == pytest.approx(7**0.5 * (math.log(wanted.low) - middle))
    assert math.log(found.high) - middle == pytest.approx(7**0.5 * (math.log(wanted.high) - middle))


def test_few_rounds_give_a_step_time_no_interval():
    row = rows_of(blocks_of(QUIET[:5]), ["a"])["a"]
    assert row["step_time_us"] == 100
    assert math.isnan(row["step_time_low"])
    assert math.isnan(row["step_time_high"])
    row = rows_of(blocks_of(QUIET), ["a"])["a"]
    assert row["step_time_low"] == row["step_time_high"] == row["step_time_us"] == 100
    coarse = step_time_interval(pd.Series([0.0, 0.0, 0.0, 5.0, 6.0, 7.0, 8.0]))  # a clock that says 0
    assert (coarse.low, coarse.estimate) == (0, 5)
    assert 5 <= coarse.high < math.inf
    assert step_time_interval(pd.Series([0.0] * 7)) == Interval(0, 0, 0, 0.95, 7)


@pytest.mark.parametrize("drift", [0.0, 0.2])
def test_interval_of_a_step_time_covers_it(drift):
    rng = np.random.default_rng(7)
    inside = 0
    for _ in range(1500):
        noise = rng.normal(size=20)
        for i in range(1, 20):
            noise[i] = drift * noise[i - 1] + math.sqrt(1 - drift**2) * noise[i]
        found = step_time_interval(pd.Series(np.exp(0.03 * noise)))
        inside += found.low <= 1 <= found.high
    assert 0.925 <= inside / 1500 <= 0.985


@pytest.fixture
def study(tmp_path, monkeypatch) -> Study:
    monkeypatch.chdir(tmp_path)
    return timed_study()


def test_a_broken_file_is_told(study):
    path = timing_path(timings_of(study)[0])
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PAR1 and then nothing")
    with pytest.raises(BadTraceError):
        read_timing(path)
    assert "is not whole" in collect_timing(study).loc[0, "error"]


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


def test_step_seconds_are_the_step_times_with_their_intervals():
    timing = pd.DataFrame(
        {
            "workload": "w", "optimizer": ["a", "b", "c"], "step_time_us": [200.0, math.nan, 5.0],
            "step_time_low": [190.0, math.nan, math.nan], "step_time_high": [220.0, math.nan, math.nan],
            "rounds": [20, 0, 3],
        }
    )  # fmt: skip
    found = step_seconds(timing)
    assert list(found) == [("w", "a"), ("w", "c")]
    one = found["w", "a"]
    assert (one.estimate, one.low, one.high) == pytest.approx((2e-4, 1.9e-4, 2.2e-4))
    assert (one.n, found["w", "c"].estimate) == (20, 5e-6)
    assert math.isnan(found["w", "c"].high)
