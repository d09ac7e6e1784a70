"""What the lesson computes: against the textbook's numbers, closed forms and runs that are drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest

from optbench.tables.heavy_ball import CURVATURES
from optbench.theory.lesson import (
    NOISY,
    SCHEDULES,
    directions,
    even_start,
    expected,
    heavy_ball,
    parts_of_loss,
    rates_of,
)
from optbench.theory.oracle import forms

RAVINE = CURVATURES["ravine"]


@pytest.mark.parametrize(("momentum", "loss"), [(0.0, 0.102332), (0.8, 2.86818e-5), (0.9, 3.63627e-4)])
def test_the_ball_ends_where_the_textbook_says(momentum: float, loss: float) -> None:
    """x^2/16 + 9 y^2 from (-2.4, 0.2), lr 0.1, 50 steps."""
    places = heavy_ball(0.1, momentum, RAVINE, (-2.4, 0.2), 50)
    assert parts_of_loss(places, RAVINE)[-1].sum() == pytest.approx(loss, rel=1e-5)


def test_each_direction_decays_on_its_own() -> None:
    curvatures = directions(100.0)
    assert curvatures == pytest.approx([0.01, 10**-1.5, 0.1, 10**-0.5, 1.0])
    start = even_start(curvatures)
    assert parts_of_loss([start], curvatures)[0] == pytest.approx([0.2] * 5)
    best = forms.gd_optimal(curvatures[0], curvatures[-1])
    places = heavy_ball(best.lr, 0.0, curvatures, start, 30)
    by_hand = np.array(start) * (1 - best.lr * np.array(curvatures)) ** 30
    np.testing.assert_allclose(places[-1], by_hand, rtol=1e-10)
    assert abs(places[-1] / places[-2])[[0, -1]] == pytest.approx([best.rate] * 2)  # both ends shrink alike


def test_the_loss_to_expect_is_the_mean_of_runs() -> None:
    """20,000 runs drawn by plain iteration, under a rate that changes."""
    rng = np.random.default_rng(0)
    runs, h, b, noise, start = 20_000, np.array(NOISY), 0.8, 0.3, np.array([2.0, -1.0])
    rates = np.concatenate([np.full(30, 0.3), np.full(30, 0.05)])
    w, v = np.tile(start, (runs, 1)), np.zeros((runs, 2))
    losses = [(h * w**2 / 2).sum(axis=1)]
    for lr in rates:
        v = b * v + h * w + noise * rng.standard_normal((runs, 2))
        w = w - lr * v
        losses.append((h * w**2 / 2).sum(axis=1))
    drawn = np.array(losses)
    found = expected(rates, b, NOISY, start, noise).loss
    error = drawn.std(axis=1) / math.sqrt(runs)
    assert found[0] == pytest.approx(drawn[0].mean())
    assert (abs(found - drawn.mean(axis=1))[1:] < 5 * error[1:]).all()


@pytest.mark.parametrize(("lr", "b"), [(0.5, 0.0), (0.05, 0.9), (1.0, 0.5)])
def test_noise_leads_to_the_floor_that_the_oracle_knows(lr: float, b: float) -> None:
    found = expected(np.full(4000, lr), b, NOISY, (1.0, 1.0), 0.3)
    floor = sum(h * forms.stationary_variance(lr, b, h, 0.3) / 2 for h in NOISY)
    assert found.noise[-1] == pytest.approx(floor, rel=1e-6)
    assert found.start[-1] < 1e-6 * floor
    quarter = 0.3**2 * lr / (1 - b) / 4 * len(NOISY)
    assert floor == pytest.approx(
        quarter, rel=0.25 if lr < 0.6 else 0.6
    )  # what the lesson says of small steps


def test_without_noise_it_is_the_run() -> None:
    places = heavy_ball(0.1, 0.8, RAVINE, (-2.4, 0.2), 50)
    found = expected(np.full(50, 0.1), 0.8, RAVINE, (-2.4, 0.2), 0.0)
    np.testing.assert_allclose(found.loss, parts_of_loss(places, RAVINE).sum(axis=1), rtol=1e-9)
    assert not found.noise.any()


def test_schedules_sum_up_to_what_the_oracle_knows() -> None:
    assert rates_of("cosine", 2.0, 100).sum() == pytest.approx(2 * forms.cosine_sum(100))
    assert rates_of("step", 1.0, 100).sum() == pytest.approx(forms.staircase_sum((50, 50), 0.1))
    assert rates_of("constant", 0.3, 7).tolist() == [0.3] * 7
    rising = rates_of("warmup_cosine", 1.0, 100)
    assert rising[:10] == pytest.approx(np.arange(10) / 10)
    assert rising[10:].sum() == pytest.approx(forms.cosine_sum(90))
    assert set(SCHEDULES) == {"constant", "step", "cosine", "warmup_cosine"}


def test_what_the_lesson_says_of_the_ravine() -> None:
    """The numbers in its sentences."""
    low, high = RAVINE
    k = high / low
    assert k == 144

    def steps(rate: float) -> float:
        return math.log(10) / -math.log(rate)

    assert (1 - 0.1 * high, 1 - 0.1 * low) == pytest.approx((-0.8, 0.9875))
    assert round(steps(0.9875)) == 183
    assert round(forms.gd_limit(high), 3) == 0.111
    assert round(steps(forms.gd_optimal(low, high).rate)) == 166
    best = forms.heavy_ball_optimal(low, high)
    assert round(steps(best.rate)) == 14
    assert best.rate == pytest.approx((math.sqrt(k) - 1) / (math.sqrt(k) + 1))
    for condition in (50.0, 1000.0):
        assert steps(forms.gd_optimal(1, condition).rate) / condition == pytest.approx(1.15, rel=0.01)
        assert steps(forms.heavy_ball_optimal(1, condition).rate) / math.sqrt(condition) == pytest.approx(
            1.15, rel=0.01
        )
