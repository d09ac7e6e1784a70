"""Closed forms against eigenvalues, the Lyapunov equation and sums."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov
from scipy.optimize import brentq, minimize_scalar

from lab.oracle_twin import schedule_factors
from optbench.theory.oracle import forms

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
