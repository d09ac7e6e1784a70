"""Intervals against published examples, scipy and brute force; how often they cover the truth."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from optbench import stats

INF = math.inf
finite = st.floats(-100, 100).map(lambda x: round(x, 3))
samples = st.lists(finite, min_size=2, max_size=9)
quick = settings(deadline=None, max_examples=40)

# Hollander and Wolfe, Nonparametric Statistical Methods, table 3.1: Hamilton depression scale.
BEFORE = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
AFTER = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])


def ends(interval: stats.Interval) -> tuple[float, float]:
    return (interval.low, interval.high)


# --- intervals of means, medians, shares --------------------------------------------------------------------


def test_mean_interval_of_students_sleep_data():
    # Student 1908: extra hours of sleep, paired; R prints mean 1.58, interval 0.7001142 to 2.4598858.
    gains = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    interval = stats.mean_interval(gains)
    assert interval.estimate == pytest.approx(1.58)
    assert ends(interval) == pytest.approx((0.7001142, 2.4598858), abs=1e-6)
    expected = scipy.stats.ttest_1samp(gains, 0).confidence_interval(0.9)
    assert ends(stats.mean_interval(gains, confidence=0.9)) == pytest.approx((expected.low, expected.high))


def test_median_interval_interpolates_as_scipy_does():
    # Survival times in Altman et al. 2000, Statistics with Confidence, p. 38.
    days = [66, 71.2, 83, 83.6, 101, 107.6, 122, 143, 160, 177, 414]
    interval = stats.median_interval(days)
    # By hand: c_2 = 1 - 24/2048, c_3 = 1 - 134/2048, I = (c_2 - 0.95)/(c_2 - c_3), lambda = 9 I/(2 + 7 I).
    c2, c3 = 1 - 24 / 2048, 1 - 134 / 2048
    share = (c2 - 0.95) / (c2 - c3)
    weight = 9 * share / (2 + 7 * share)
    assert interval.estimate == 107.6
    assert ends(interval) == pytest.approx((71.2 + weight * (83 - 71.2), 177 - weight * (177 - 160)))
    assert ends(interval) == pytest.approx(tuple(scipy.stats.mstats.median_cihs(days, 0.05)))
    assert interval.coverage == 0.95


@pytest.mark.parametrize("n", range(1, 6))
def test_median_interval_of_few_values_is_their_range_with_its_true_coverage(n):
    interval = stats.median_interval(range(n))
    assert (*ends(interval), interval.coverage, interval.n) == (0, n - 1, 1 - 2 ** (1 - n), n)


def test_median_interval_reaches_95_percent_from_6_values():
    interval = stats.median_interval([1, 2, 3, 4, 5, 6])
    assert interval.coverage == 0.95
    assert 1 < interval.low < 2
    assert 5 < interval.high < 6


def test_median_interval_keeps_diverged_runs():
    assert stats.median_interval([1, 2, 3, INF, INF]).high == INF
    ten = [*range(1, 9), INF, INF]
    assert stats.median_interval(ten).estimate == 5.5
    assert stats.median_interval(ten).high == INF  # the ninth value bounds it, and that run diverged
    assert stats.median_interval([1, 2, *[INF] * 8]).low == 2  # not interpolated towards an infinity
    assert stats.median_interval([INF] * 7) == stats.Interval(INF, INF, INF, 0.95, 7)
    with pytest.raises(ValueError, match="no median"):
        stats.median_interval([-INF, INF])


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval_of_newcombes_examples(successes, trials, low, high):
    interval = stats.wilson_interval(successes, trials)
    assert ends(interval) == pytest.approx((low, high), abs=5e-5)
    expected = scipy.stats.binomtest(successes, trials).proportion_ci(method="wilson")
    assert ends(interval) == pytest.approx((expected.low, expected.high), abs=1e-12)
    mirrored = stats.wilson_interval(trials - successes, trials)
    assert ends(mirrored) == pytest.approx((1 - interval.high, 1 - interval.low))


def test_hodges_lehmann_of_hollander_and_wolfes_example():
    # Their section 3.2 and 3.3: estimate -0.46, interval (-0.786, -0.010) at 96.1%.
    interval = stats.hodges_lehmann(AFTER - BEFORE)
    assert (interval.estimate, *ends(interval)) == pytest.approx((-0.46, -0.786, -0.010))
    assert interval.coverage == pytest.approx(0.961, abs=5e-4)
    assert interval.coverage == 1 - 2 * 10 / 2**9  # ten subsets of the ranks 1..9 sum to 5 or less


@pytest.mark.parametrize("seed", range(30))
def test_hodges_lehmann_interval_leaves_out_0_exactly_where_wilcoxon_rejects(seed):
    rng = np.random.default_rng(seed)
    d = rng.normal(0.7, 1, size=rng.integers(6, 15))
    interval = stats.hodges_lehmann(d)
    rejected = scipy.stats.wilcoxon(d, method="exact").pvalue <= 0.05
    assert (interval.low > 0 or interval.high < 0) == rejected
    assert interval.coverage >= 0.95


@pytest.mark.parametrize(
    ("n", "critical"),  # Wilcoxon's table: the largest rank sum that is significant at 5%, two-sided
    [(6, 0), (7, 2), (8, 3), (9, 5), (10, 8), (11, 10), (12, 13), (13, 17), (14, 21), (15, 25), (20, 52)],
)
def test_hodges_lehmann_ends_at_the_tabled_walsh_averages(n, critical):
    d = np.random.default_rng(n).normal(size=n)
    walsh = sorted((a + b) / 2 for a, b in itertools.combinations_with_replacement(d, 2))
    assert ends(stats.hodges_lehmann(d)) == pytest.approx((walsh[critical], walsh[-1 - critical]))


@quick
@given(samples, st.randoms())
def test_hodges_lehmann_turns_with_the_sign_and_ignores_the_order(values, random):
    interval = stats.hodges_lehmann(values)
    turned = stats.hodges_lehmann([-v for v in random.sample(values, len(values))])
    assert (-turned.estimate, -turned.high, -turned.low) == pytest.approx(
        (interval.estimate, *ends(interval))
    )
    assert interval.estimate == pytest.approx(
        np.median([(a + b) / 2 for a, b in itertools.combinations_with_replacement(values, 2)]), abs=1e-9
    )


def test_hodges_lehmann_with_few_pairs_or_diverged_runs():
    assert stats.hodges_lehmann([1, 2, 4]) == stats.Interval(2.25, 1, 4, 0.75, 3)
    one = stats.hodges_lehmann([0, 1, 2, 3, 4, 5, 6, 7, 8, INF])
    assert math.isfinite(one.estimate)
    assert one.high == INF
    assert stats.hodges_lehmann([INF] * 6).low == INF
    assert stats.hodges_lehmann([INF, -INF]).estimate == 0


# --- simulations: what the intervals and the tests promise --------------------------------------------------

REPLICATES = 4000


def covered(intervals: list[stats.Interval], truth: float) -> float:
    return float(np.mean([i.low <= truth <= i.high for i in intervals]))


@pytest.mark.parametrize("interval", [stats.mean_interval, stats.median_interval, stats.hodges_lehmann])
@pytest.mark.parametrize("scale", ["gaussian", "log10 of log-normal"])
def test_nominal_95_percent_intervals_cover_93_to_97_percent_at_10_seeds(interval, scale):
    rng = np.random.default_rng(20240)
    if scale == "gaussian":
        values, truth = rng.normal(3, 2, size=(REPLICATES, 10)), 3.0
    else:  # losses around 0.02; their geometric mean and their median are exp(mu)
        losses = rng.lognormal(math.log(0.02), 0.8, size=(REPLICATES, 10))
        values, truth = np.log10(losses), math.log10(0.02)
    assert 0.93 <= covered([interval(row) for row in values], truth) <= 0.97


def test_median_band_is_the_interval_of_every_column():
    by_hand = stats.median_band(
        [[1, 4], [3, INF], [2, 5]]
    )  # three runs at two points: medians, and the ranges
    assert by_hand.estimate.tolist() == [2, 5]
    assert by_hand.low.tolist() == [1, 4]
    assert by_hand.high.tolist() == [3, INF]
    assert by_hand.coverage == 0.75
    days = np.array([1.0, 5.5, 2.0, 9.0, 3.0, 4.0, 8.0, INF])
    band = stats.median_band(np.stack([days, days[::-1] * 2], axis=1))
    alone = stats.median_interval(days)
    assert (band.low * [1, 0.5]).tolist() == [alone.low] * 2
    assert (band.high * [1, 0.5]).tolist() == [alone.high] * 2
    with pytest.raises(ValueError, match=r"2 dimension\(s\)"):
        stats.median_band([1, 2])
    with pytest.raises(ValueError, match="no median"):
        stats.median_band([[1, -INF], [2, INF]])


def test_median_interval_covers_the_median_of_raw_log_normal_losses():
    losses = np.random.default_rng(77).lognormal(math.log(0.02), 0.8, size=(REPLICATES, 10))
    assert 0.93 <= covered([stats.median_interval(row) for row in losses], 0.02) <= 0.97


def test_a_median_between_both_infinities_is_none_within_them():
    found = stats.intervals.median_or_nothing([INF, -INF, -INF, INF])
    assert math.isnan(found.estimate)
    assert (found.low, found.high, found.n) == (-INF, INF, 4)
    assert stats.intervals.median_or_nothing([INF, -INF, 3.0]) == stats.median_interval([INF, -INF, 3.0])
    with pytest.raises(ValueError, match="between -inf"):
        stats.median_interval([INF, -INF])
