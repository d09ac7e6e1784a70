"""Rates of heavy ball on a quadratic, against eigenvalues and Polyak."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from lab.fabricate import ravine_path
from lab.runs import runs_of
from optbench.catalogue.workloads.landscapes import LANDSCAPES
from optbench.tables.heavy_ball import (
    CURVATURES,
    exact_rate,
    largest_stable_lr,
    measured_rate,
    rate_rows,
    spectral_radius,
)

NAN = float("nan")


# --- the heavy ball --------------------------------------------------------------------------------------


def test_spectral_radius_is_the_largest_eigenvalue_of_the_iteration():
    for lr, b, h in itertools.product([0.01, 0.1, 0.3], [0.0, 0.3, 0.9, 0.99], [0.125, 1.0, 18.0]):
        matrix = np.array([[1 + b - lr * h, -b], [1, 0]])
        wanted = np.abs(np.linalg.eigvals(matrix)).max()
        assert float(spectral_radius(lr, b, h)) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize(
    ("lr", "wanted"),
    [
        (1e-308, 1.0),
        (1e150, 1.8e151),
        (1e300, math.inf),
        (1.7e308, math.inf),
    ],  # the square of 1.8e301 is none
)
def test_a_rate_at_the_end_of_a_float_has_a_radius(lr, wanted):
    assert float(spectral_radius(lr, 0.9, 18.0)) == pytest.approx(wanted)
    assert float(exact_rate(lr, 0.9, (1 / 8, 18.0))) == pytest.approx(wanted)


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
