"""The tables behind the comparing figures, against counts by hand, closed forms and independent code."""

from __future__ import annotations

import itertools
import math
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lab.fabricate import Fake, fabricate, ravine_path

from optbench.catalogue.workloads.landscapes import LANDSCAPES
from optbench.report.tables import Evidence
from optbench.stats import bootstrap_band, bootstrap_interval
from optbench.tables.evidence import write_evidence
from optbench.tables.rates import (
    CURVATURES,
    exact_rate,
    largest_stable_lr,
    measured_rate,
    rate_rows,
    spectral_radius,
)
from optbench.tables.ratios import profile_rows, ratio_rows
from optbench.tables.time_to_target import (
    TARGETS,
    share_band,
    study_targets,
    survival_rows,
    targets_reached_rows,
)
from optbench.tables.tradeoffs import pareto_front, tradeoff_rows


def runs_of(rows, **columns):
    """A run table from (optimizer, seed, steps to target, final loss); NaN for what was not reached."""
    table = pd.DataFrame(rows, columns=["optimizer", "seed", "steps_to_target", "final_val_loss"])
    table = table.assign(workload="w", schedule="constant", status="ok", steps=100, **columns)
    names = table["workload"] + "/" + table["optimizer"] + "/constant/" + table["seed"].astype(str)
    return table.assign(cell=names)


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


# --- ratios and profiles ---------------------------------------------------------------------------------


def test_ratios_are_paired_by_seed_and_rank_failures_worst():
    runs = runs_of(
        [("sgd", 0, NAN, 2.0), ("sgd", 1, NAN, 4.0), ("sgd", 2, NAN, NAN), ("sgd", 3, NAN, 8.0),
         ("b", 0, NAN, 1.0), ("b", 1, NAN, 1.0), ("b", 2, NAN, NAN), ("b", 3, NAN, NAN), ("b", 4, NAN, 1)]
    )  # fmt: skip
    rows = {r.optimizer: r for r in ratio_rows(runs, "sgd")}
    assert (rows["sgd"].estimate, rows["sgd"].low, rows["sgd"].high) == (1, 1, 1)
    # Pairs 1/2, 1/4, a tie of two failures, a failure against 8; seed 4 has no partner.
    assert rows["b"].pairs == 4
    assert rows["b"].estimate == pytest.approx((0.5 + 1) / 2)
    assert (rows["b"].low, rows["b"].high) == (0.25, math.inf)
    assert rows["b"].coverage == pytest.approx(1 - 2**-3)


def test_ratios_need_positive_losses_and_two_pairs():
    assert list(ratio_rows(runs_of([("sgd", 0, NAN, -1.0), ("b", 0, NAN, 1.0)]), "sgd")) == []
    one = list(ratio_rows(runs_of([("sgd", 0, NAN, 2.0), ("b", 0, NAN, 1.0)]), "none"))
    assert [(r.against_optimizer, r.estimate) for r in one] == [("sgd", 1), ("sgd", 0.5)]
    assert all(math.isnan(r.low) for r in one)


def test_schedules_are_divided_by_the_first_one_of_the_same_optimizer():
    first = runs_of([("a", s, NAN, 2.0 + s) for s in range(3)])
    second = first.assign(schedule="cosine", final_val_loss=first["final_val_loss"] * [0.5, 0.25, 0.75])
    found = [r for r in ratio_rows(pd.concat([first, second]), "a") if r.kind == "schedule"]
    assert [(r.schedule, r.against_schedule, r.estimate) for r in found] == [("cosine", "constant", 0.5)]


def test_profile_counts_pairs_within_a_factor_of_the_reference():
    runs = runs_of(
        [("a", 0, 10, 1), ("a", 1, 10, 1), ("a", 2, NAN, 1), ("a", 3, NAN, 1),
         ("b", 0, 20, 1), ("b", 1, 5, 1), ("b", 2, 30, 1), ("b", 3, NAN, 1)]
    )  # fmt: skip
    # Factors of b: 2, 1/2, 0 (only the reference did not arrive), infinite (neither did).
    found = {(r.optimizer, r.factor): r.share for r in profile_rows(runs, "a")}
    assert found == {
        ("a", 0.5): 0, ("a", 1.0): 0.5, ("a", 2.0): 0.5,
        ("b", 0.5): 0.5, ("b", 1.0): 0.5, ("b", 2.0): 0.75,
    }  # fmt: skip
    assert {(r.seeds, r.workloads, r.workloads_in_all) for r in profile_rows(runs, "a")} == {(4, 1, 1)}
    with_third = pd.concat([runs, runs_of([("c", s, 1, 1) for s in range(4)])], ignore_index=True)
    again = {(r.optimizer, r.factor): r.share for r in profile_rows(with_third, "a")}
    assert {key: again[key] for key in found} == found
    assert list(profile_rows(runs.assign(steps_to_target=NAN), "a")) == []


# --- trade-offs ------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=9))
def test_front_is_what_nobody_beats(points):
    x, y = [p[0] for p in points], [p[1] for p in points]
    slow = [
        not any(a <= c and b <= d and (a, b) != (c, d) for a, b in points) for c, d in points
    ]  # fmt: skip
    assert pareto_front(x, y).tolist() == slow


def test_front_ignores_what_did_not_arrive():
    assert pareto_front([1, 2, math.inf], [NAN, 5, 0]).tolist() == [False, True, False]


def test_tradeoffs_hold_medians_and_seconds_of_the_whole_budget():
    row = {"workload": "w", "schedule": "c", "n": 4, "n_ok": 4, "low": 0.5, "high": 2.0}
    summary = pd.DataFrame(
        [{**row, "optimizer": o, "metric": m, "estimate": e}
         for (o, loss, steps, path) in (("a", 1.0, 10, 3), ("b", 2.0, 5, 4), ("c", 3.0, math.inf, 5))
         for m, e in (("final_val_loss", loss), ("steps_to_target", steps), ("tortuosity", path))]
    )  # fmt: skip
    timing = pd.DataFrame({"workload": "w", "optimizer": ["a", "b"], "step_time_us": [10.0, 20.0]})
    found = {(r.kind, r.optimizer): r for r in tradeoff_rows(summary, timing, {"w": 1000})}
    assert found["cost", "a"].x == pytest.approx(0.01)
    assert (found["cost", "a"].front, found["cost", "b"].front) == (True, False)
    assert math.isnan(found["cost", "c"].x)
    assert [found["oscillation", o].front for o in "abc"] == [True, True, False]
    assert {k for k, _ in (key for key in found)} == {"cost", "oscillation"}
    only = tradeoff_rows(summary[summary["metric"] != "tortuosity"], None, {})
    assert list(only) == []


# --- the heavy ball --------------------------------------------------------------------------------------


def test_spectral_radius_is_the_largest_eigenvalue_of_the_iteration():
    for lr, b, h in itertools.product([0.01, 0.1, 0.3], [0.0, 0.3, 0.9, 0.99], [0.125, 1.0, 18.0]):
        matrix = np.array([[1 + b - lr * h, -b], [1, 0]])
        wanted = np.abs(np.linalg.eigvals(matrix)).max()
        assert float(spectral_radius(lr, b, h)) == pytest.approx(wanted, rel=1e-9)


def test_best_rate_is_polyaks():
    low, high = CURVATURES["ravine"]
    lr = 4 / (math.sqrt(low) + math.sqrt(high)) ** 2
    b = ((math.sqrt(high) - math.sqrt(low)) / (math.sqrt(high) + math.sqrt(low))) ** 2
    assert math.sqrt(b) == pytest.approx(11 / 13)
    assert float(exact_rate(lr, b, (low, high))) == pytest.approx(11 / 13, abs=1e-6)
    for momentum in (0.0, 0.5, 0.9):
        edge = float(largest_stable_lr(momentum, (low, high)))
        assert float(exact_rate(edge * 0.999, momentum, (low, high))) < 1
        assert float(exact_rate(edge * 1.001, momentum, (low, high))) > 1


def test_curvatures_are_those_of_the_landscape():
    ravine, step = LANDSCAPES["ravine"].function, 1e-3
    across = (ravine(step, 0.0) - 2 * ravine(0.0, 0.0) + ravine(-step, 0.0)) / step**2
    up = (ravine(0.0, step) - 2 * ravine(0.0, 0.0) + ravine(0.0, -step)) / step**2
    assert (across, up) == pytest.approx(CURVATURES["ravine"])


@pytest.mark.parametrize(("momentum", "lr"), [(0.0, 0.1), (0.5, 0.05), (0.9, 0.1), (0.0, 0.12)])
def test_a_run_shows_the_rate_that_is_computed(momentum, lr):
    path = ravine_path(momentum, lr, 600)
    losses = path[:, 0] ** 2 / 16 + 9 * path[:, 1] ** 2
    predicted = float(exact_rate(lr, momentum, CURVATURES["ravine"]))
    assert measured_rate(np.arange(601), losses) == pytest.approx(predicted, abs=2e-3)
    assert math.isnan(measured_rate([0, 1], [1.0, NAN]))


def test_rates_are_of_plain_heavy_balls_at_a_constant_rate():
    ball = {
        "factory": "optbench.catalogue.optimizers.momentum:HeavyBallAveraged",
        "settings": {"momentum": 0.9},
    }
    facts = {
        "workloads": {"w": {"landscape": "ravine"}, "v": {"landscape": ""}},
        "optimizers": {
            "sgd": {"factory": "torch.optim:SGD", "settings": {}},
            "averaged": ball,
            "nesterov": {"factory": "torch.optim:SGD", "settings": {"momentum": 0.9, "nesterov": True}},
            "adam": {"factory": "torch.optim:Adam", "settings": {}},
        },
        "schedules": {"constant": {"factory": ""}, "cosine": {"factory": "any:Cosine"}},
    }
    runs = pd.concat(
        [
            runs_of([(o, 0, NAN, 1) for o in facts["optimizers"]]).assign(lr=0.1),
            runs_of([("sgd", 1, NAN, 1)]).assign(lr=0.1, schedule="cosine"),
            runs_of([("sgd", 2, NAN, 1)]).assign(lr=0.1, workload="v"),
        ]
    )
    none = pd.DataFrame({"cell": [], "step": [], "value": []})
    found = {r.optimizer: r for r in rate_rows(runs, none, facts)}
    assert set(found) == {"sgd", "averaged"}
    assert (found["sgd"].lr, found["sgd"].momentum) == (0.1, 0)
    assert (found["averaged"].lr, found["averaged"].momentum) == (pytest.approx(0.01), 0.9)


# --- all of it -------------------------------------------------------------------------------------------


def test_written_tables_repeat_and_bear_failures(tmp_path):
    statuses = {"digits/sgd/constant/0": "diverged", "ravine/adam/cosine/1": "missing"}
    tables = fabricate(tmp_path / "demo", Fake(statuses=statuses, timed=True)) / "tables"
    files = [tables / f"{field.name}.{kind}" for field in fields(Evidence) for kind in ("parquet", "csv")]
    before = [file.read_bytes() for file in files]
    write_evidence(tables)
    assert [file.read_bytes() for file in files] == before
    profile = pd.read_parquet(tables / "profile.parquet")
    assert profile["share"].between(0, 1).all()
    assert (profile["low"] <= profile["share"]).all()
    rates = pd.read_parquet(tables / "rates.parquet")
    assert set(rates["workload"]) == {"ravine"}


@pytest.mark.parametrize("status", ["missing", "error", "diverged"])
def test_tables_of_a_study_in_which_nothing_worked(tmp_path, status):
    tables = fabricate(tmp_path / "demo", Fake(status=status, seeds=2)) / "tables"
    assert pd.read_parquet(tables / "ratios.parquet").empty
