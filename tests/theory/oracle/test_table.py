"""The oracle: its closed forms against independent derivations, and that each of its verdicts can turn."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from lab.checkout import ROOT
from lab.oracle_twin import schedule_factors, write_twin
from scipy.linalg import solve_discrete_lyapunov
from scipy.optimize import brentq, minimize_scalar

from optbench.cells.matrix import cells_of
from optbench.cli import cli
from optbench.study.resolve import read_study
from optbench.theory.oracle import forms
from optbench.theory.oracle.runs import read_runs
from optbench.theory.oracle.table import AGREES, DIFFERS, FACTS, NOT_MEASURED, judge, write_oracle

STUDY = ROOT / "config/oracle.yaml"
NAMES = [fact.id for fact in FACTS]


# --- closed forms against the iteration's matrix ----------------------------------------------------------


def matrix(method, lr, b, h):
    """The linear map of (w, v) in one step on h w^2 / 2, written down from the update itself."""
    g = np.array([h, 0.0])
    w, v = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    if method == "averaged":
        v = b * v + (1 - b) * g
        return np.array([w - lr * v, v])
    v = b * v + g
    step = g + b * v if method == "nesterov" else v
    return np.array([w - lr * step, v])


def radius(method, lr, b, h):
    return float(np.abs(np.linalg.eigvals(matrix(method, lr, b, h))).max())


RATES = {
    "heavy_ball": forms.heavy_ball_rate,
    "nesterov": forms.nesterov_rate,
    "averaged": forms.averaged_rate,
}
LIMITS = {
    "heavy_ball": forms.heavy_ball_limit,
    "nesterov": forms.nesterov_limit,
    "averaged": forms.averaged_limit,
}


@pytest.mark.parametrize("method", RATES)
@pytest.mark.parametrize("b", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("lr", [0.01, 0.4, 1.3])
def test_rates_are_spectral_radii(method, b, lr):
    for h in (0.2, 1.7):
        assert RATES[method](lr, b, h) == pytest.approx(radius(method, lr, b, h), rel=1e-6)
    assert forms.gd_rate(lr, 1.7) == pytest.approx(radius("heavy_ball", lr, 0.0, 1.7))
    assert forms.frozen_adam_rate(lr, b, 1.7, 5.0) == pytest.approx(
        radius("averaged", lr / 5, b, 1.7), rel=1e-6
    )


@pytest.mark.parametrize("method", LIMITS)
@pytest.mark.parametrize("b", [0.0, 0.5, 0.9])
def test_limits_are_where_the_radius_passes_one(method, b):
    h = 1.7
    limit = LIMITS[method](b, h)
    found = brentq(lambda lr: radius(method, lr, b, h) - 1, 0.9999 * limit, 1.3 * limit, xtol=1e-12)
    assert found == pytest.approx(limit, rel=1e-9)
    assert radius(method, 0.999 * limit, b, h) < 1 < radius(method, 1.001 * limit, b, h)
    assert forms.gd_limit(h) == forms.heavy_ball_limit(0.0, h)
    assert forms.frozen_adam_limit(0.9, 1.0, 1.0) == pytest.approx(38)


@pytest.mark.parametrize(
    ("method", "best"),
    [
        ("gd", forms.gd_optimal),
        ("heavy_ball", forms.heavy_ball_optimal),
        ("nesterov", forms.nesterov_optimal),
        ("nesterov", forms.nesterov_standard),
    ],
)
def test_best_settings_have_their_rates(method, best):
    low, high = 0.7, 31.0
    lr, b, rate = best(low, high)
    kind = "heavy_ball" if method == "gd" else method

    def worst(lr, b):
        return max(radius(kind, lr, b, h) for h in np.linspace(low, high, 60))

    # A double root feels the square root of rounding.
    assert worst(lr, b) == pytest.approx(rate, rel=1e-6)
    if best is not forms.nesterov_standard:
        # No other lr at this momentum does better, and no other momentum at its own best lr.
        assert all(worst(lr * f, b) > rate for f in (0.98, 1.02))
        if method != "gd":
            for other in (b - 0.02, b + 0.02):
                at = minimize_scalar(
                    lambda x, o=other: worst(x, o), bounds=(lr / 3, lr * 3), method="bounded"
                )
                assert at.fun > rate


@pytest.mark.parametrize(("lr", "b", "h"), [(0.25, 0.0, 2.0), (0.05, 0.9, 2.0), (0.4, 0.5, 0.7)])
def test_stationary_noise_solves_the_lyapunov_equation(lr, b, h):
    noise = 0.3
    a = matrix("heavy_ball", lr, b, h)
    kick = noise * np.array([-lr, 1.0])
    stationary = solve_discrete_lyapunov(a, np.outer(kick, kick))
    assert forms.stationary_variance(lr, b, h, noise) == pytest.approx(stationary[0, 0])
    # The step is -lr v after the update; the next one's covariance with it runs through the matrix.
    variance = stationary[1, 1]
    covariance = (a @ stationary)[1, 1]
    assert forms.update_correlation(lr, b, h) == pytest.approx(covariance / variance)
    rho = forms.update_correlation(lr, b, h)
    pairs = np.random.default_rng(0).multivariate_normal([0, 0], [[1, rho], [rho, 1]], 200_000)
    flips = (pairs[:, 0] * pairs[:, 1] < 0).mean()
    assert forms.flip_rate(rho) == pytest.approx(flips, abs=4 * 0.5 / math.sqrt(200_000))


@pytest.mark.parametrize(("lr", "h"), [(0.25, 2.0), (0.75, 2.0), (0.9, 2.0)])
def test_one_dimensional_descent(lr, h):
    w = [1.0]
    for _ in range(30):
        w.append(w[-1] - lr * h * w[-1])
    steps = np.diff(w)
    assert forms.gd_tortuosity(lr, h, 30) == pytest.approx(np.abs(steps).sum() / abs(w[-1] - w[0]))
    assert forms.gd_overshoot(lr, h) == pytest.approx(-(h * w[1] * steps[0]) / (h * w[0] * steps[0]))


def test_frequency_is_the_angle_of_the_roots():
    values = np.linalg.eigvals(matrix("heavy_ball", 0.05, 0.98, 2.0))
    assert forms.heavy_ball_frequency(0.05, 0.98, 2.0) == pytest.approx(
        abs(np.angle(values[0])) / (2 * math.pi)
    )
    with pytest.raises(ValueError, match="domain"):
        forms.heavy_ball_frequency(0.001, 0.5, 1.0)


@pytest.mark.parametrize("steps", [20, 100, 400])
def test_sums_of_schedules(steps):
    w, d = steps // 10, steps // 5
    expected = {
        "step": forms.staircase_sum((3 * steps // 10,) * 3 + (steps - 9 * steps // 10,), 0.1),
        "multi_step": forms.staircase_sum((steps // 2, steps // 4, steps // 4), 0.1),
        "exponential": forms.exponential_sum(steps, 0.01),
        "polynomial": forms.cosine_sum(steps),
        "cosine": forms.cosine_sum(steps),
        "one_cycle": forms.one_cycle_sum(steps, 0.3),
        "warmup_cosine": forms.warmup_cosine_sum(steps, w),
        "warmup_stable_decay": forms.warmup_stable_decay_sum(steps, steps // 20, d),
    }
    for name, value in expected.items():
        assert value == pytest.approx(schedule_factors(name, steps).sum()), name


# --- verdicts ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    """The study by an independent harness: right, and with lr or momentum 5% off what the tables say."""
    folder = tmp_path_factory.mktemp("twins")
    ways = {"right": (1.0, 1.0), "slow": (0.95, 1.0), "fast": (1.05, 1.0), "damped": (1.0, 0.95)}
    return {name: write_twin(folder / name / "tables", STUDY, *way) for name, way in ways.items()}


def test_there_are_enough_facts_each_of_its_own():
    assert len(FACTS) >= 30
    assert len(set(NAMES)) == len(NAMES)
    assert all(fact.reason and fact.source and fact.formula and fact.what for fact in FACTS)


def test_every_cell_of_the_study_serves_a_fact():
    cells = {cell.name.rpartition("/")[0] for cell in cells_of(read_study(STUDY))}
    assert cells == {name for fact in FACTS for name in fact.where}


def failing(tables):
    table = write_oracle(tables)
    return set(table.loc[table["verdict"] == DIFFERS, "fact"])


def test_a_harness_of_plain_recursions_agrees_and_one_with_steps_five_percent_off_does_not(twins):
    assert set(write_oracle(twins["right"])["verdict"]) == {AGREES}
    slow, fast, damped = (failing(twins[name]) for name in ("slow", "fast", "damped"))
    # Plain descent in one dimension creeps or zigzags by the sign of 1 - lr h alone.
    blunt = {"tortuosity_sgd_creeping", "loss_rise_sgd_creeping", "loss_rise_sgd_zigzag"}
    blunt |= {
        f"{name}_{how}"
        for name in ("sign_flip_rate", "gradient_cosine")
        for how in ("sgd_creeping", "sgd_zigzag")
    }
    assert set(NAMES) - (slow | fast | damped) == blunt
    assert {"diverged_below", "sgd_below", "limit_sgd", "sum_cosine", "variance_sgd"} <= fast
    assert {"update_cosine_heavy_ball", "terminal_heavy_ball", "alternating_heavy_ball"} <= damped


def test_a_measurement_five_percent_off_is_found_out(twins):
    runs = read_runs(twins["right"], dict.fromkeys(name for fact in FACTS for name in fact.where))
    for fact in FACTS:
        for by in (0.95, 1.05):

            def off(*found, fact=fact, by=by):
                value = fact.measure(*found)
                return value * by if value else by - 1

            assert judge(replace(fact, measure=off), runs).verdict == DIFFERS, fact.id


def test_what_was_not_measured_does_not_agree(twins, tmp_path):
    tables = shutil.copytree(twins["right"], tmp_path / "tables")
    runs = pd.read_parquet(tables / "runs.parquet")
    gone = runs["cell"].str.startswith("slope/adam/")
    runs.loc[gone, "status"] = "missing"
    curves = pd.read_parquet(tables / "curves.parquet")
    curves = curves[~((curves["cell"] == "parabola/sgd_below/constant/0") & (curves["split"] == "train"))]
    runs.to_parquet(tables / "runs.parquet")
    curves.to_parquet(tables / "curves.parquet")
    table = write_oracle(tables).set_index("fact")
    failed = table[table["verdict"] != AGREES]
    assert set(failed.index) == {"first_step_adam", "effective_lr_adam", "sgd_below", "limit_sgd"}
    assert set(failed["verdict"]) == {NOT_MEASURED}
    assert failed.loc["first_step_adam", "note"] == "the tables hold no run of slope/adam/constant"
    assert "no train loss" in failed.loc["sgd_below", "note"]


def test_the_table_is_written_and_says_what_was_compared(twins):
    table = write_oracle(twins["slow"])
    file = twins["slow"] / "oracle.parquet"
    pd.testing.assert_frame_equal(pd.read_parquet(file), table)
    assert file.with_suffix(".csv").exists()
    written = file.stat().st_mtime_ns
    write_oracle(twins["slow"])
    assert file.stat().st_mtime_ns == written
    row = table.set_index("fact").loc["limit_heavy_ball"]
    assert row["predicted"] == 1.5
    assert row["tolerance"] == pytest.approx(0.015)
    assert row["deviation"] == abs(row["measured"] - 1.5)


def oracle(folder, monkeypatch, *more):
    monkeypatch.setenv("COLUMNS", "140")
    return CliRunner().invoke(cli, ["oracle", str(folder), *more])


def test_the_verb_tells_and_ends_with_its_verdict(twins, monkeypatch):
    good = oracle(twins["right"].parent, monkeypatch)
    assert good.exit_code == 0, good.output
    assert f"{len(FACTS)} of {len(FACTS)} facts agree" in good.output
    for name in NAMES:
        assert name in good.output
    bad = oracle(twins["slow"].parent, monkeypatch)
    assert bad.exit_code == 1
    assert "differs" in bad.output
    assert "rate_gd" in bad.output.rpartition("; not: ")[2]
    silent = oracle(twins["slow"].parent, monkeypatch, "--write-only")
    assert (silent.exit_code, silent.output) == (0, "")


def test_a_study_that_asks_for_no_oracle_is_told_so(twins, tmp_path, monkeypatch):
    tables = shutil.copytree(twins["right"], tmp_path / "tables")
    facts = json.loads((tables / "study.json").read_text())
    (tables / "study.json").write_text(json.dumps({**facts, "oracle": False}))
    asked = oracle(tmp_path, monkeypatch)
    assert asked.exit_code != 0
    assert "oracle: true" in str(asked.exception)
