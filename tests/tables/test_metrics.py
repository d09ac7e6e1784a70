"""Measures of a run: hand-worked curves, and synthetic series whose answer is known."""

from __future__ import annotations

import re
from dataclasses import replace
from math import pi

import numpy as np
import pandas as pd
import pytest
from lab.checkout import ROOT

from optbench.cells.trace import Trace, curves_of
from optbench.core.status import OK, STATUSES
from optbench.tables.collect import RUN_COLUMNS
from optbench.tables.metrics import (
    MEASURE_NAMES,
    MEASURES,
    first_crossing,
    ladder,
    linear_rate,
    mean_log_gap,
    measures_of,
    run_measures,
    shown_in,
)
from optbench.tables.series import dominant_frequency, residual_amplitude, spikes
from optbench.tables.summary import summary_rows
from optbench.tables.timing import TIMING_COLUMNS

T = np.arange(256)

DOCUMENTED = (ROOT / "docs" / "reference" / "tables.md").read_text(encoding="utf-8")


def trace(curves: dict[tuple[str, str], list[float]], status: str = "ok", **facts: object) -> Trace:
    """A trace whose curves are evaluated at 0, 10, 20, ..."""
    return Trace(
        facts={"status": status, "error": "", "steps": 100, "workload_facts": facts},
        step=np.concatenate([10 * np.arange(len(values)) for values in curves.values()]).astype(np.int32),
        split=[split for (split, _), values in curves.items() for _ in values],
        metric=[metric for (_, metric), values in curves.items() for _ in values],
        value=np.concatenate([np.array(values, float) for values in curves.values()]),
    )


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


def test_the_loss_that_trembles_is_one_without_sampling_noise():
    noisy = [np.exp(0.1 * (-1) ** n) for n in range(40)]
    curves = {("train", "batch_loss"): noisy, ("train", "loss"): [1.0] * 40}
    assert run_measures(trace(curves))["residual_amplitude"] == 0.0
    full = run_measures(trace(curves, descends_its_loss=True))["residual_amplitude"]
    assert full == pytest.approx(0.1302)


@pytest.mark.parametrize("spread", [0.01, 0.3])
def test_the_residual_amplitude_of_white_noise_is_its_deviation(spread):
    draw = np.random.default_rng(1)
    decay = np.exp(-0.0001 * np.arange(50_000))
    assert residual_amplitude(decay * np.exp(spread * draw.standard_normal(50_000))) == pytest.approx(
        spread, rel=0.03
    )


def test_the_residual_amplitude_of_a_trend_is_nearly_zero():
    assert residual_amplitude(np.exp(-0.05 * T)) == pytest.approx(0.0, abs=1e-12)
    assert residual_amplitude(1 / (1.0 + np.arange(100))) < 2e-4
    # Early oscillation that dies out does not count.
    losses = np.exp(-0.01 * T)
    losses[:100:2] *= 1.5
    assert residual_amplitude(losses) == pytest.approx(0.0, abs=1e-12)


def test_the_residual_amplitude_of_an_alternation():
    # log L = 0.1, -0.1, ...: of four neighbours two are high and two low, so the residual is 0.1 each time.
    alternating = np.exp(0.1 * (-1.0) ** np.arange(100))
    assert residual_amplitude(alternating) == pytest.approx(0.1302)


@pytest.mark.parametrize(
    "losses", [[1.0] * 8, [1.0] * 20 + [0.0], [1.0] * 20 + [-1.0], [1.0] * 20 + [np.inf]]
)
def test_the_residual_amplitude_needs_positive_losses(losses):
    assert np.isnan(residual_amplitude(np.array(losses)))


@pytest.mark.parametrize("frequency", [0.02, 0.1234, 0.31, 0.5])
def test_a_sinusoid_has_its_frequency(frequency):
    draw = np.random.default_rng(0)
    swing = np.cos(2 * pi * frequency * T + 0.3) * 1e-8
    series = np.stack([swing + 1e-9 * draw.standard_normal(256) + 1e-9 * T + 5 for _ in range(4)])
    assert dominant_frequency(series) == pytest.approx(frequency, abs=0.001)


def test_the_epochs_own_frequency_is_masked():
    epoch = 16
    sawtooth = (T % epoch) / epoch
    assert (dominant_frequency(sawtooth[None]) * epoch) % 1 == pytest.approx(0.0, abs=0.01)
    assert np.isnan(dominant_frequency(sawtooth[None], epoch))
    hidden = np.stack([sawtooth + 0.02 * np.sin(2 * pi * 0.21 * T)] * 2)
    assert dominant_frequency(hidden, epoch) == pytest.approx(0.21, abs=0.002)


def test_fewer_than_four_epochs_are_cut_to_one():
    epoch = 100
    sawtooth = (T % epoch) / epoch + 0.1 * np.sin(2 * pi * 0.3 * T)
    assert dominant_frequency(sawtooth[None], epoch) == pytest.approx(0.3, abs=0.01)


def test_many_series_at_a_time_are_each_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call for all gives what one call each gives, to the last bit, whatever the others are."""
    draw = np.random.default_rng(0)
    losses = np.exp(0.3 * draw.standard_normal((7, 200)) - 0.01 * np.arange(200))
    losses[1, 150] = 40.0  # a spike
    losses[2, 90:95] = np.inf
    losses[3, 10] = -1.0
    losses[4] = 0.5
    losses[5, 100:] *= np.tile([1.0, 3.0], 50)
    paths = np.cumsum(draw.standard_normal((7, 3, 200)), axis=-1)
    paths[0] += 30 * np.sin(2 * np.pi * 0.21 * np.arange(200))
    paths[1] += 30 * np.sin(2 * np.pi * 0.34 * np.arange(200))
    paths[1, 1] = 2.0  # stands still
    paths[2] = 0.0
    paths[3, 0, 7] = np.nan
    paths[4, 2] = 1e300 * np.sin(2 * np.pi * 0.1 * np.arange(200))
    for measure, series, settings in (
        (residual_amplitude, losses, ()),
        (spikes, losses, ()),
        (dominant_frequency, paths, (1,)),
        (dominant_frequency, paths, (20,)),
    ):
        apart = np.array([measure(one, *settings) for one in series])
        assert np.isnan(apart).any() or measure is spikes
        assert len(np.unique(apart[np.isfinite(apart)])) > 1
        assert measure(series, *settings).tobytes() == apart.tobytes()
        assert measure(series[:, None], *settings).tobytes() == apart.tobytes()
    whole = spikes(losses)
    monkeypatch.setattr("optbench.tables.series.MOST_NUMBERS", 64 * 200 * 3)  # three of them at a time
    assert spikes(losses).tobytes() == whole.tobytes()


def test_runs_of_any_length_are_measured_together() -> None:
    """Each run has the measures that it has alone: only series of one shape are measured in one call."""
    draw = np.random.default_rng(1)
    traces = [
        trace({("train", "loss"): list(np.exp(draw.standard_normal(n))), ("train", "batch_loss"): batch})
        for n in (12, 40, 12, 0, 40)
        for batch in (list(np.exp(draw.standard_normal(n + 60))), [])
    ]
    together = measures_of([(one.facts, curves_of(one.table())) for one in traces])
    assert len({row["residual_amplitude"] for row in together if row["residual_amplitude"] > 0}) == 8
    for one, row in zip(traces, together, strict=True):
        np.testing.assert_array_equal(list(row.values()), list(run_measures(one).values()))


def test_white_noise_and_drift_have_no_dominant_frequency():
    draw = np.random.default_rng(3)
    walks = [np.cumsum(draw.standard_normal((8, 257)), axis=1) for _ in range(200)]
    assert np.isfinite([dominant_frequency(walk) for walk in walks]).mean() < 0.02
    assert np.isnan(dominant_frequency(np.exp(-0.02 * T)[None]))
    assert np.isnan(dominant_frequency((3.0 * T)[None]))
    assert np.isnan(dominant_frequency(np.zeros((3, 256))))
    assert np.isnan(dominant_frequency(np.ones((3, 4))))
    assert np.isnan(dominant_frequency(np.full((3, 256), np.inf)))


def test_spikes_are_counted_against_the_losses_before_them():
    draw = np.random.default_rng(5)
    calm = 1.0 + 0.1 * draw.standard_normal(1064)
    assert spikes(calm) == 0.0
    calm[[200, 500, 501, 502, 900]] = 3.0  # three leaps: those in a row are one
    assert spikes(calm) == 3.0
    calm[700] = np.nan
    assert spikes(calm) == 4.0
    assert spikes(np.exp(-0.01 * T)) == 0.0
    assert spikes(np.ones(100)) == 0.0
    assert np.isnan(spikes(calm[:64]))
    assert np.isfinite(spikes(np.full(100, np.inf)))


@pytest.mark.parametrize("heavy", [0.0, 0.1, 1.0])
def test_spikes_are_those_of_the_definition_taken_one_loss_at_a_time(heavy):
    draw = np.random.default_rng(7)
    losses = np.exp(draw.standard_normal(600) * (0.02 + heavy * (draw.random(600) < 0.1)))
    losses[300:340:7] = np.inf
    jumps = []
    for step in range(64, len(losses)):
        before = np.sort(losses[step - 64 : step])
        spread = np.sort(np.abs(before - before[32]))[32]
        jumps.append(losses[step] > before[32] + max(6 * 1.4826 * spread, 1e-6 * before[32]))
    jumps = np.array(jumps) | np.isinf(losses[64:])
    first = jumps & ~np.concatenate([[False], jumps[:-1]])
    assert spikes(losses) == pytest.approx(1000 * first.sum() / len(jumps))


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


def test_the_summary_ranks_failures_worst_where_a_measure_judges():
    runs = pd.DataFrame(
        {
            "cell": [f"w/o/s/{seed}" for seed in range(3)],
            "workload": "w",
            "optimizer": "o",
            "schedule": "s",
            "seed": range(3),
            "status": ["ok", "diverged", "diverged"],
            "train_time_s": 1.0,
            **{name: [1.0, np.nan, np.nan] for name in MEASURE_NAMES},
        }
    )
    rows = pd.DataFrame(summary_rows(runs, MEASURES)).set_index("metric")
    wanted = {"lower": np.inf, "higher": -np.inf, "none": 1.0}
    for measure in MEASURES:
        assert rows.loc[measure.name, "estimate"] == wanted[measure.direction], measure.name
        assert rows.loc[measure.name, "n"] == 3


def test_each_table_of_the_page_has_its_measures_from_the_left():
    for page in ("results", "oscillation"):
        shown = shown_in(page)
        assert [measure.place for measure in shown] == list(range(1, len(shown) + 1))
        assert all(measure.head for measure in shown)
    assert shown_in("results")[0].name == "final_val_loss"
    assert not any(measure.head or measure.place for measure in MEASURES if not measure.page)
