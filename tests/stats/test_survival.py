"""Survival against Freireich's trial, scipy and all draws there are."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from optbench import stats

INF = math.inf
quick = settings(deadline=None, max_examples=40)

# Freireich et al. 1963, Blood 21:699: weeks in remission under 6-MP (0: still in remission) and placebo.
SIX_MP = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
SIX_MP_RELAPSED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


# --- time to target and search budgets ----------------------------------------------------------------------


def test_kaplan_meier_of_freireichs_leukaemia_patients():
    curve = stats.kaplan_meier(SIX_MP, SIX_MP_RELAPSED)
    assert curve.times.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.at_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert curve.events.tolist() == [3, 1, 1, 1, 1, 1, 1]
    # Estimates and log-log limits as Stata's sts list prints them for these data.
    assert curve.survival == pytest.approx([0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482], abs=5e-5)
    assert curve.low == pytest.approx([0.6197, 0.5631, 0.5032, 0.4316, 0.3675, 0.2678, 0.1881], abs=5e-5)
    assert curve.high == pytest.approx([0.9516, 0.9228, 0.8894, 0.8491, 0.8049, 0.7468, 0.6801], abs=5e-5)
    assert (curve.median, curve.median_low, curve.median_high) == (23, 13, INF)
    assert curve.censored_times.tolist() == [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    placebo = stats.kaplan_meier(PLACEBO, np.ones(21))
    assert (placebo.median, placebo.median_low, placebo.median_high) == (8, 4, 11)


@pytest.mark.filterwarnings("ignore:The confidence interval is undefined")  # before the first event
@pytest.mark.parametrize("seed", range(6))
def test_kaplan_meier_agrees_with_scipy(seed):
    rng = np.random.default_rng(seed)
    times, observed = rng.integers(1, 15, size=25).astype(float), rng.random(25) < 0.6
    times[0], observed[0] = 20, False  # someone is left at the end, where scipy's interval is defined
    curve = stats.kaplan_meier(times, observed, confidence=0.9)
    sf = scipy.stats.ecdf(scipy.stats.CensoredData.right_censored(times, ~observed)).sf
    assert curve.survival == pytest.approx(sf.evaluate(curve.times))
    band = sf.confidence_interval(0.9, method="log-log")
    assert curve.low == pytest.approx(band.low.evaluate(curve.times))
    assert curve.high == pytest.approx(band.high.evaluate(curve.times))
    order = rng.permutation(25)
    assert stats.kaplan_meier(times[order], observed[order], confidence=0.9).low == pytest.approx(curve.low)


@quick
@given(st.lists(st.integers(1, 20), min_size=1, max_size=12))
def test_kaplan_meier_without_censoring_is_the_empirical_distribution(times):
    curve = stats.kaplan_meier(times, [True] * len(times))
    assert curve.survival == pytest.approx([np.mean(np.array(times) > t) for t in curve.times])
    assert curve.median == sorted(times)[math.ceil(len(times) / 2) - 1]
    assert ((curve.low <= curve.survival) & (curve.survival <= curve.high)).all()
    assert curve.median_low <= curve.median <= curve.median_high


def test_kaplan_meier_where_greenwoods_variance_vanishes():
    together = stats.kaplan_meier([500] * 10, [True] * 10)
    assert (together.median, together.median_low, together.median_high) == (500, 500, 500)
    assert together.high.tolist() == pytest.approx([1 - 0.025**0.1])
    assert stats.kaplan_meier([500] * 5, [True] * 5).median_high == INF  # 0.025^(1/5) < 1/2: too few
    never = stats.kaplan_meier([90, 100, 100, 100, 100, 100], [False] * 6)
    assert (never.median, never.median_low, never.median_high) == (INF, 90, INF)
    assert stats.kaplan_meier([100] * 5, [False] * 5).median_low == 0
    rare = stats.kaplan_meier([10, *[100] * 29], [True, *[False] * 29])
    assert (rare.median, rare.median_low) == (INF, 100)  # at least as long as the runs were followed
    assert stats.kaplan_meier([3, INF], [True, False]).survival.tolist() == [0.5]


def test_median_time_lies_between_order_statistics_where_all_have_one_budget():
    six = [40, 10, 60, 30, 50, 20]
    found = stats.median_time(six, [True] * 6)
    # n = 6: the range covers 1 - 2/64 = 0.96875, one rank further in 1 - 2 * 7/64 = 0.78125; the weight of
    # the inner one is (n-1) I / (1 + (n-2) I) with I = (0.96875 - 0.95) / 0.1875 = 0.1, so 0.5/1.4.
    assert (found.estimate, found.coverage, found.n) == (35, 0.95, 6)
    assert found.low == pytest.approx(10 + 10 * 0.5 / 1.4)
    assert found.high == pytest.approx(60 - 10 * 0.5 / 1.4)
    assert stats.kaplan_meier(six, [True] * 6).median_high == INF
    assert stats.median_time(six[::-1], [True] * 6) == found
    late = stats.median_time([*six[:2], 100, *six[3:]], [True, True, False, True, True, True])
    assert (late.estimate, late.low, late.high) == (35, found.low, INF)


def test_median_time_where_half_or_more_did_not_arrive():
    half = stats.median_time([10, 20, 30, 100, 100, 100], [True] * 3 + [False] * 3)
    assert (half.estimate, half.high) == (INF, INF)
    assert half.low == pytest.approx(10 + 10 * 0.5 / 1.4)
    never = stats.median_time([100] * 8, [False] * 8)
    assert (never.estimate, never.low, never.high) == (INF, 100, INF)  # later than they were followed
    few = stats.median_time([3, 1, 2], [True] * 3)
    assert (few.estimate, few.low, few.high, few.coverage) == (2, 1, 3, 0.75)
    forever = stats.median_time([3, INF, INF], [True, False, False])
    assert (forever.estimate, forever.low) == (INF, 3)


def test_median_time_is_kaplan_meiers_where_a_run_was_given_up_early():
    found = stats.median_time(SIX_MP, SIX_MP_RELAPSED)
    assert (found.estimate, found.low, found.high, found.n) == (23, 13, INF, 21)
    with pytest.raises(ValueError, match="finite time"):
        stats.median_time([1, INF], [1, 1])


def test_median_time_covers_the_median_with_finite_ends():
    for budget in (INF, math.log(5)):  # none censored, one in five
        times = np.random.default_rng(17).exponential(size=(2000, 8))
        found = [stats.median_time(np.minimum(row, budget), row < budget) for row in times]
        inside = np.mean([one.low <= math.log(2) <= one.high for one in found])
        assert 0.935 <= inside <= 0.97
        if budget == INF:
            assert all(math.isfinite(one.high) for one in found)


def test_average_runtime_counts_the_failures():
    assert stats.average_runtime([100, 200, 1000], [True, True, False]) == 650
    assert stats.average_runtime([1000, 1000], [False, False]) == INF


@pytest.mark.parametrize("k", [1, 2, 3, 5])
@pytest.mark.parametrize("higher_is_better", [False, True])
def test_expected_best_of_k_is_the_mean_over_all_draws(k, higher_is_better):
    losses = [0.3, 0.1, 0.7, 0.1, 0.2]
    best = max if higher_is_better else min
    subsets = [best(c) for c in itertools.combinations(losses, k)]
    draws = [best(c) for c in itertools.product(losses, repeat=k)]
    assert stats.expected_best_of_k(losses, k, higher_is_better=higher_is_better) == pytest.approx(
        np.mean(subsets)
    )
    assert stats.expected_best_of_k(
        losses, k, replacement=True, higher_is_better=higher_is_better
    ) == pytest.approx(np.mean(draws))


def test_expected_best_of_k_with_diverged_trials():
    losses = [1, 2, INF]
    assert stats.expected_best_of_k(losses, 2) == pytest.approx((1 + 1 + 2) / 3)
    assert stats.expected_best_of_k(losses, 1) == INF
    assert stats.expected_best_of_k(losses, 2, replacement=True) == INF


@pytest.mark.parametrize("budget", [INF, math.log(5)])  # none censored, one in five
def test_kaplan_meier_interval_covers_the_median(budget):
    times = np.random.default_rng(13).exponential(size=(1500, 10))
    curves = [stats.kaplan_meier(np.minimum(row, budget), row < budget) for row in times]
    share = np.mean([c.median_low <= math.log(2) <= c.median_high for c in curves])
    assert 0.92 <= share <= 0.97
