"""Spending an error over looks, and predictive power, against the papers' formulas and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from optbench.stats import predictive_power, spent_error


def test_the_looks_spend_the_whole_error() -> None:
    levels = spent_error([8, 12, 18, 30], 0.05)
    assert levels.sum() == pytest.approx(0.05)
    # .05 (8/30)^1.5, worked by hand: .266667^1.5 = .266667 x .516398 = .137706
    assert levels[0] == pytest.approx(0.05 * 0.137706, rel=1e-5)
    # .4^1.5 = .252982, .6^1.5 = .464758
    assert levels == pytest.approx([0.006885, 0.005764, 0.010589, 0.026762], abs=2e-6)


def test_a_power_of_one_spends_evenly() -> None:
    assert spent_error([5, 10, 20], 0.04, power=1) == pytest.approx([0.01, 0.01, 0.02])


def test_one_look_spends_all() -> None:
    assert spent_error([10], 0.02) == pytest.approx([0.02])


@pytest.mark.parametrize(
    ("looks", "error", "problem"),
    [([], 0.05, "looks"), ([0, 3], 0.05, "ascend"), ([8, 8], 0.05, "ascend"), ([8, 9], 1.0, "error must")],
)
def test_what_cannot_be_spent(looks: list[int], error: float, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        spent_error(looks, error)


@pytest.mark.parametrize("of_effects", [0.0, 0.5, 1.0])
def test_predictive_power_is_the_share_of_futures_that_reject(of_effects: float) -> None:
    """The drift is drawn from its posterior and the motion goes on from where it is."""
    rng = np.random.default_rng(1)
    share, z, level = 0.4, 2.2, 0.01
    p = 2 * scipy_stats.norm.sf(z)
    drift = of_effects * z / math.sqrt(share) + math.sqrt(of_effects / share) * rng.standard_normal(200_000)
    end = z * math.sqrt(share) + drift * (1 - share) + math.sqrt(1 - share) * rng.standard_normal(200_000)
    simulated = (end >= scipy_stats.norm.isf(level / 2)).mean()
    found = predictive_power([p], share, level, of_effects=of_effects)
    assert found == pytest.approx([simulated], abs=0.005)


def test_at_the_end_it_is_known() -> None:
    assert predictive_power([0.001, 0.01, 0.011], 1, 0.01).tolist() == [1, 1, 0]


def test_a_p_value_of_nothing_has_no_infinity() -> None:
    assert predictive_power([0.0, 1.0], 0.5, 0.05).tolist() == pytest.approx([1, 0.0223], abs=0.05)


@pytest.mark.parametrize(
    ("p", "share", "level", "of_effects"),
    [
        ([1.1], 0.5, 0.05, 1),
        ([0.5], 0, 0.05, 1),
        ([0.5], 0.5, 1, 1),
        ([0.5], 0.5, 0.05, 1.5),
        ([], 0.5, 0.05, 1),
    ],
)
def test_out_of_range(p: list[float], share: float, level: float, of_effects: float) -> None:
    with pytest.raises(ValueError, match=r"."):
        predictive_power(p, share, level, of_effects=of_effects)
