"""Shares of runs that arrived, against counts by hand and the bootstrap."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from lab.runs import runs_of
from optbench.stats import bootstrap_band, bootstrap_interval
from optbench.tables.time_to_target import (
    TARGETS,
    share_band,
    study_targets,
    survival_rows,
    targets_reached_rows,
)

NAN = float("nan")


# --- targets reached --------------------------------------------------------------------------------------


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
    # Greenwood on the log-log scale at t = 10: S = 3/4, variance 1/(4*3) / log(S)^2.
    width = 1.959964 * math.sqrt(1 / 12) / abs(math.log(0.75))
    assert rows["low"][1] == pytest.approx(1 - 0.75 ** math.exp(-width), abs=1e-6)
    assert rows["high"][1] == pytest.approx(1 - 0.75 ** math.exp(width), abs=1e-6)


def test_survival_in_seconds_is_the_same_curve_stretched():
    runs = runs_of([("a", 0, 10, 1), ("a", 1, NAN, 1), ("b", 0, 20, 1), ("b", 1, 40, 1)])
    timing = pd.DataFrame({"workload": "w", "optimizer": ["a"], "step_time_us": [2e6]})
    rows = pd.DataFrame(survival_rows(runs, timing, {"w": 50}))
    seconds = rows[rows["unit"] == "time_s"]
    assert set(seconds["optimizer"]) == {"a"}
    assert seconds["at"].tolist() == [0, 20]
    assert set(seconds["until"]) == {100}
    assert set(rows.loc[rows["unit"] == "steps", "optimizer"]) == {"a", "b"}


def test_survival_leaves_missing_runs_and_hopeless_targets_out():
    runs = runs_of([("a", 0, 10, 1), ("a", 1, NAN, NAN)])
    runs.loc[1, "status"] = "missing"
    assert {r.n for r in survival_rows(runs, None, {})} == {1}
    assert list(survival_rows(runs.assign(steps_to_target=NAN), None, {})) == []


def test_ladder_is_even_in_the_logarithm_of_the_gap():
    targets = study_targets(10.0, 0.1)
    assert len(targets) == TARGETS
    assert targets[-1] == pytest.approx(0.1)
    assert np.ptp(np.diff(np.log(targets))) < 1e-12
    above = study_targets(10.0, 2.0, optimum=1.0)
    assert np.ptp(np.diff(np.log(above - 1))) < 1e-9
    assert above[0] < 10
    assert study_targets(1.0, 2.0) is None
    assert study_targets(1.0, -1.0) is None
    assert study_targets(math.inf, 0.1) is None


def test_time_to_target_counts_pairs_of_run_and_target():
    runs = runs_of([("a", 0, NAN, 1), ("a", 1, NAN, 1)])
    curves = pd.concat(
        [
            pd.DataFrame({"cell": "w/a/constant/0", "step": [0, 1, 2, 3], "value": [1, 1e-2, 0.5, 1e-4]}),
            pd.DataFrame({"cell": "w/a/constant/1", "step": [0, 1], "value": [1, NAN]}),
        ]
    )
    rows = pd.DataFrame(targets_reached_rows(runs, curves, {}))
    # The first run has half of the ladder (to 10^-4 in 20 steps) after one step, keeps it while its loss
    # rises again, and ends with all of it; the second run reaches nothing.
    assert rows["step"].tolist() == [0, 1, 2, 3]
    assert rows["share"].tolist() == pytest.approx([0, 0.25, 0.25, 0.5])
    assert rows["low"].tolist() == [0, 0, 0, 0]
    assert rows["high"].tolist() == pytest.approx([0, 0.5, 0.5, 1])
    assert rows["hardest"].tolist() == pytest.approx([1e-4] * 4)


def test_band_of_shares_is_the_bootstrap_of_the_mean():
    shares = np.random.default_rng(3).random((8, 5))
    low, high = share_band(shares, seed=0)
    for point in range(5):
        found = bootstrap_interval(shares[:, point], np.mean, seed=1, resamples=9999)
        assert low[point] == pytest.approx(found.low, abs=0.02)
        assert high[point] == pytest.approx(found.high, abs=0.02)
    assert np.array_equal(share_band(shares[:3], seed=0)[0], shares[:3].min(axis=0))
    assert np.isnan(share_band(shares[:1], seed=0)[0]).all()
    shuffled = bootstrap_band(shares[[3, 1, 0, 2, 7, 6, 5, 4]], seed=0)
    assert np.allclose(shuffled[0], low)
    with pytest.raises(ValueError, match="2 seeds"):
        bootstrap_band(shares[:1], seed=0)
    with pytest.raises(ValueError, match="resamples"):
        bootstrap_band(shares, seed=0, resamples=9)
