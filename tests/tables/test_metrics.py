"""Measures of a run: each is a column, described in the documentation, and worked by hand."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from lab.checkout import ROOT
from lab.traces import trace
from optbench.core.status import OK, STATUSES
from optbench.tables.collect import RUN_COLUMNS
from optbench.tables.metrics import (
    MEASURE_NAMES,
    MEASURES,
    first_crossing,
    ladder,
    linear_rate,
    mean_log_gap,
    run_measures,
)
from optbench.tables.timing import TIMING_COLUMNS

DOCUMENTED = (ROOT / "docs" / "reference" / "tables.md").read_text(encoding="utf-8")


def test_every_measure_is_a_column_and_says_what_it_is():
    assert len(set(MEASURE_NAMES)) == len(MEASURE_NAMES)
    assert {measure.direction for measure in MEASURES} == {"lower", "higher", "none"}
    found = run_measures(trace({("train", "loss"): [2.0, 1.0]}))
    assert tuple(found) == MEASURE_NAMES


def test_the_documentation_names_every_column_and_says_of_measures_what_the_code_says():
    rows = [line.split("|")[1:] for line in DOCUMENTED.splitlines() if line.startswith("| `")]
    named: dict[str, list[str]] = {}
    for row in rows:
        for name in re.findall("`([a-z0-9_]+)`", row[0]):
            named.setdefault(name, row)  # a measure's first row is its definition
    assert set(RUN_COLUMNS) <= set(named)
    for measure in MEASURES:
        _, unit, direction = named[measure.name][:3]
        assert measure.direction in direction
        assert measure.unit in unit
    timing = DOCUMENTED.partition("## `timing`")[2]
    assert set(TIMING_COLUMNS) <= set(re.findall("`([a-z0-9_]+)`", timing))


def test_the_final_values_are_those_of_the_last_evaluation():
    curves = {
        ("train", "loss"): [2.0, 1.0, 0.5],
        ("validation", "loss"): [2.0, 0.8, 0.9],
        ("validation", "accuracy"): [0.1, 0.8, 0.7],
        ("test", "loss"): [0.95],
    }
    found = run_measures(trace(curves, n_validation=50))
    assert found["final_train_loss"] == 0.5
    assert found["final_val_loss"] == 0.9
    assert found["best_val_loss"] == 0.8
    assert found["final_val_accuracy"] == 0.7
    assert found["final_test_loss"] == 0.95
    assert found["generalization_gap"] == pytest.approx(0.4)


def test_without_a_validation_split_there_is_no_gap():
    curves = {("train", "loss"): [2.0, 1.0], ("validation", "loss"): [2.0, 1.0]}
    assert np.isnan(run_measures(trace(curves, n_validation=0))["generalization_gap"])


@pytest.mark.parametrize("status", [status.name for status in STATUSES if status.ran and status != OK])
def test_a_run_that_did_not_end_well_has_no_outcome(status):
    curves = {("train", "loss"): [2.0, 1.0, 1e9], ("validation", "loss"): [2.0, 1.0, np.inf]}
    found = run_measures(trace(curves, status, target=1.5, optimum=0.0))
    for name in ("final_train_loss", "final_val_loss", "mean_log_gap", "linear_rate"):
        assert np.isnan(found[name])
    assert found["best_val_loss"] == 1.0
    assert found["steps_to_target"] == 10


def test_a_target_that_is_not_reached_is_censored():
    steps = np.array([0, 5, 10], np.int32)
    assert first_crossing(steps, np.array([3.0, 2.0, 2.5]), 2.0) == 5
    assert np.isnan(first_crossing(steps, np.array([3.0, np.nan, 2.5]), 2.0))


def test_the_ladder_is_evenly_spaced_in_the_logarithm():
    rungs = ladder(8.0, 0.5, None)
    assert len(rungs) == 20
    assert rungs[-1] == pytest.approx(0.05)
    assert np.diff(np.log(rungs)) == pytest.approx(np.log(0.05 / 8) / 20)
    above = ladder(3.0, 1.1, 1.0)
    assert above[-1] == pytest.approx(1.01)
    assert np.diff(np.log(above - 1)) == pytest.approx(np.log(0.01 / 2) / 20)
    assert ladder(3.0, None, 1.0)[-1] == pytest.approx(1 + 2e-6)
    assert len(ladder(3.0, None, None)) == len(ladder(0.01, 0.2, None)) == len(ladder(np.nan, 0.2, None)) == 0


def test_the_share_of_targets_reached_counts_rungs():
    # From 1 to 0.01 in 20 rungs, a tenth of a decade each: a best loss of 0.1 has reached ten.
    curves = {("validation", "loss"): [1.0, 0.0999999, 5.0]}
    assert run_measures(trace(curves, target=0.1, n_validation=9))["targets_reached"] == 0.5
    assert run_measures(trace(curves, "diverged", target=0.1, n_validation=9))["targets_reached"] == 0.5
    assert np.isnan(run_measures(trace(curves))["targets_reached"])
    # A separate validation split may end above or below the optimum of the training loss: it is no base.
    both = [
        run_measures(trace(curves, target=0.1, optimum=optimum, n_validation=9))["targets_reached"]
        for optimum in (None, 0.05)
    ]
    assert both[0] == both[1]


def test_the_mean_gap_is_in_decades():
    assert mean_log_gap(np.array([11.0, 2.0, 1.1]), 1.0) == pytest.approx((0 - 1 - 2) / 3)
    assert np.isnan(mean_log_gap(np.array([1.0, np.inf]), 0.0))
    assert np.isnan(mean_log_gap(np.array([1.0, 0.5]), 1.0))
    # What reaches the optimum has come as near as losses can tell, not infinitely near.
    assert mean_log_gap(np.array([1.0, 0.0]), 0.0) == pytest.approx(-8)
    assert mean_log_gap(np.array([2.0, 1.0]), 1.0) == pytest.approx(-3)


@pytest.mark.parametrize("rate", [0.9, 0.999, 1.0, 1.01])
def test_the_linear_rate_of_a_geometric_gap(rate):
    steps = np.arange(0, 400, 4)
    assert linear_rate(steps, 1.0 + 3.0 * rate**steps, 1.0) == pytest.approx(rate, rel=1e-6)


def test_the_linear_rate_ends_where_rounding_begins():
    steps = np.arange(100)
    losses = 1.0 + np.maximum(0.5**steps, 1e-8)
    assert linear_rate(steps, losses, 1.0) == pytest.approx(0.5)
    assert np.isnan(linear_rate(steps[:8], 0.5 ** steps[:8], 0.0))


def test_a_run_that_starts_at_its_optimum_makes_no_progress():
    steps = np.arange(20)
    assert linear_rate(steps, np.zeros(20), 0.0) == 1.0
    assert linear_rate(steps, np.full(20, 3.0), 3.0) == 1.0
    assert linear_rate(steps, np.full(20, 3.0 - 1e-9), 3.0) == 1.0  # below it by rounding
    # Gradient noise keeps it at a loss above, which stands still: log-gaps that swing about one value.
    swing = np.where(steps % 2, 0.5, 2.0)
    swing[0] = 0.0
    # Least squares through log 2 and -log 2 in turn at ten places: sum (x - m) y = -5 log 2 over 82.5.
    assert linear_rate(steps, swing, 0.0) == pytest.approx(2.0 ** (-5 / 82.5))
    # One that flies off shows by what factor.
    flies = np.concatenate([[0.0], 1e-6 * 2.0 ** np.arange(19)])
    assert linear_rate(steps, flies, 0.0) == pytest.approx(2.0)
    # With too few evaluations, or with one that is not finite, there is none.
    assert np.isnan(linear_rate(steps[:14], np.zeros(14), 0.0))
    assert np.isnan(linear_rate(steps, np.array([0.0, np.inf] + [1.0] * 18), 0.0))


def test_the_loss_that_trembles_is_one_without_sampling_noise():
    noisy = [np.exp(0.1 * (-1) ** n) for n in range(40)]
    curves = {("train", "batch_loss"): noisy, ("train", "loss"): [1.0] * 40}
    assert run_measures(trace(curves))["residual_amplitude"] == 0.0
    full = run_measures(trace(curves, descends_its_loss=True))["residual_amplitude"]
    assert full == pytest.approx(0.1302)


def test_sums_become_measures_and_missing_ones_stay_missing():
    sums = {
        "update_dot": -3.0, "update_square": 4.0, "momentum_square": 2.0, "gradient_dot": 1.0,
        "gradient_norms": 5.0, "flips": 30.0, "flippable": 40.0, "path": 6.0, "distance": None,
        "slope_before": -2.0, "slope_after": 0.0, "rise": 1.0, "fall": 8.0,
    }  # fmt: skip
    plain = trace({("train", "loss"): [1.0, 0.5]})
    found = run_measures(replace(plain, facts={**plain.facts, "probes": {"sums": sums}}))
    assert found["update_cosine"] == -0.75
    assert found["update_cosine_excess"] == -1.25
    assert found["gradient_cosine"] == 0.2
    assert found["sign_flip_rate"] == 0.75
    assert found["overshoot"] == 0.0
    assert found["loss_rise"] == 0.125
    assert np.isnan(found["tortuosity"])
    nowhere = {**sums, "update_square": 0.0, "flippable": 0.0, "distance": 2.0}
    found = run_measures(replace(plain, facts={**plain.facts, "probes": {"sums": nowhere}}))
    assert np.isnan(found["update_cosine"])
    assert np.isnan(found["sign_flip_rate"])
    assert found["tortuosity"] == 3.0


def test_measures_of_numbers_at_the_ends_of_the_floats() -> None:
    """A rise through 614 decades, whose quotient is no float: every step is as long."""
    rising = np.geomspace(1e-307, 1e307, 20)
    steps = np.arange(20, dtype=np.int32)
    assert mean_log_gap(rising, 0.0) == pytest.approx(307.0)
    assert mean_log_gap(np.array([5e-324, 5e-324, 0.0]), 0.0) == 0.0
    assert math.isnan(mean_log_gap(np.array([1e308, -1e308]), -1.7e308))
    assert linear_rate(steps, rising, 0.0) == pytest.approx(10 ** (614 / 19))
