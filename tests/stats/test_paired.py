"""The statistics against published examples, scipy, closed forms and brute force."""

import itertools
import math
import subprocess
import sys
from typing import Any

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

# Freireich et al. 1963, Blood 21:699: weeks in remission under 6-MP (0: still in remission) and placebo.
SIX_MP = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
SIX_MP_RELAPSED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]

# Fisher 1935, The Design of Experiments, section 17: Darwin's maize, crossed minus self-fertilised, 1/8 inch.
DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]

# Hollander and Wolfe, Nonparametric Statistical Methods, table 3.1: Hamilton depression scale.
BEFORE = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
AFTER = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])

# Demsar 2006, table 6: ranks of four variants of C4.5 on 14 data sets.
DEMSAR_RANKS = np.array(
    [
        [4, 3, 2, 1],
        [1, 2, 3, 4],
        [4, 1, 2, 3],
        [4, 1, 3, 2],
        [4, 2, 3, 1],
        [1, 2.5, 4, 2.5],
        [3, 2, 4, 1],
        [2.5, 2.5, 4, 1],
        [4, 3, 2, 1],
        [2.5, 2.5, 2.5, 2.5],
        [4, 2.5, 1, 2.5],
        [3, 2, 4, 1],
        [4, 1, 2, 3],
        [3, 1, 4, 2],
    ]
)


def ends(interval: stats.Interval) -> tuple[float, float]:
    return (interval.low, interval.high)


# --- interquartile mean -------------------------------------------------------------------------------------


def test_interquartile_mean_of_a_textbook_sample():
    # 1 3 4 | 5 6 6 7 7 8 | 8 9 38: three left out on each side, 39/6 remain.
    assert stats.interquartile_mean([5, 8, 4, 38, 8, 6, 9, 7, 7, 3, 1, 6]) == 6.5


@quick
@given(st.lists(finite, min_size=1, max_size=30), st.randoms())
def test_interquartile_mean_is_scipys_trimmed_mean_in_any_order(values, random):
    shuffled = random.sample(values, len(values))
    expected = scipy.stats.trim_mean(values, 0.25)
    assert stats.interquartile_mean(shuffled) == pytest.approx(expected, abs=1e-10)


def test_interquartile_mean_pools_axes():
    block = np.random.default_rng(0).normal(size=(3, 5, 4))
    pooled = stats.interquartile_mean(block, axis=(-2, -1))
    assert pooled == pytest.approx([scipy.stats.trim_mean(b.ravel(), 0.25) for b in block])
    assert stats.interquartile_mean(block, axis=0) == pytest.approx(
        scipy.stats.trim_mean(block, 0.25, axis=0)
    )


def test_interquartile_mean_bears_a_quarter_of_diverged_runs():
    assert stats.interquartile_mean([1, 2, 3, INF]) == 2.5
    assert stats.interquartile_mean([1, 2, INF, INF]) == INF
    with pytest.raises(ValueError, match=r"both \+inf and -inf"):
        stats.interquartile_mean([INF, -INF])


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


# --- paired differences -------------------------------------------------------------------------------------


def test_sign_flip_test_of_darwins_maize():
    # Fisher counts 863 of 32,768 sign assignments with a total of 314 or more.
    assert stats.sign_flip_test(DARWIN, seed=0) == 2 * 863 / 32768


@quick
@given(samples, st.randoms(), st.booleans())
def test_sign_flip_test_equals_brute_force_in_any_order_with_either_sign(values, random, flip):
    p = stats.sign_flip_test(values, seed=0)
    shuffled = [(-v if flip else v) for v in random.sample(values, len(values))]
    assert stats.sign_flip_test(shuffled, seed=1) == p
    signs = np.array(list(itertools.product([-1, 1], repeat=len(values))))
    totals = np.abs(signs @ np.array(values))
    assert p == pytest.approx((totals >= abs(sum(values)) - 1e-9).mean())


def test_sign_flip_test_agrees_with_scipys_permutation_test():
    a, b = np.random.default_rng(4).normal([[0.6], [0.0]], 1, size=(2, 9))
    expected = scipy.stats.permutation_test(
        (a, b), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=INF
    )
    assert stats.sign_flip_test(a - b, seed=0) == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("seed", range(8))
def test_sign_flip_test_on_ranks_is_wilcoxons(seed):
    d = np.random.default_rng(seed).normal(0.4, 1, size=12)
    expected = scipy.stats.wilcoxon(d, method="exact").pvalue
    assert stats.sign_flip_test(d, seed=0, statistic="rank") == pytest.approx(expected)


def test_sign_flip_test_samples_signs_above_16_pairs():
    d = np.array([3, -1, 4, 1, -5, 9, 2, 6, -5, 3, 5, 8, -9, 7, 9, 3, 2, -3, 8, 4])
    counts = {0: 1}  # exact: how many of the 2^20 sign assignments give each total
    for step in d:
        totals: dict[int, int] = {}
        for total, count in counts.items():
            for sign in (-1, 1):
                totals[total + sign * step] = totals.get(total + sign * step, 0) + count
        counts = totals
    exact = sum(c for t, c in counts.items() if abs(t) >= d.sum()) / 2**20
    p = stats.sign_flip_test(d, seed=7)
    assert abs(p - exact) < 4 * math.sqrt(exact * (1 - exact) / 99_999)
    assert p == stats.sign_flip_test(d[::-1], seed=7)
    assert p != stats.sign_flip_test(d, seed=8)


def test_sign_flip_test_never_gives_0():
    assert stats.sign_flip_test(np.arange(1.0, 21), seed=0, resamples=99) == 0.01
    assert stats.sign_flip_test([1, 2, 3, 4, 5], seed=0) == 0.0625  # why 5 pairs are insufficient
    assert stats.sign_flip_test([1, 2, 3, 4, 5, 6], seed=0) == 0.03125


def test_sign_flip_test_of_ties_and_copies():
    assert stats.sign_flip_test([0, 0, 0, 0], seed=0) == 1
    assert stats.sign_flip_test([0, *DARWIN, 0, 0], seed=0) == stats.sign_flip_test(DARWIN, seed=0)


def test_sign_flip_test_with_diverged_runs():
    assert stats.sign_flip_test([INF] * 6, seed=0) == 0.03125
    assert stats.sign_flip_test([INF, 1, 2, 3, 4, 5], seed=0) == 0.03125
    # Against the infinite difference all the others pull it back: every assignment is at least as extreme.
    assert stats.sign_flip_test([INF, -1, -2, -3, -4, -5], seed=0) == 1
    assert stats.sign_flip_test([INF, -1, -2, -3, -4, -5, -6, -7], seed=0, statistic="rank") == pytest.approx(
        scipy.stats.wilcoxon([8, -1, -2, -3, -4, -5, -6, -7], method="exact").pvalue
    )
    huge = 1.7e308  # sums of these overflow
    assert stats.sign_flip_test([huge] * 6, seed=0) == 0.03125


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


def test_holm_of_demsars_example():
    # Demsar 2006, section 3.2.2: at 5% the first two hypotheses are rejected, the third isn't.
    assert stats.holm([0.607, 0.016, 0.019]) == pytest.approx([0.607, 0.048, 0.048])
    # By hand: 4 * 0.01, 3 * 0.02, then 2 * 0.03 and 0.04, which may not fall below.
    assert stats.holm([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04, 0.06, 0.06, 0.06])


@quick
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.01, 0.5))
def test_holm_rejects_what_the_step_down_procedure_rejects(p_values, level):
    adjusted = stats.holm(p_values)
    rejected = np.zeros(len(p_values), dtype=bool)
    for i, index in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[index] * (len(p_values) - i) > level:
            break
        rejected[index] = True
    assert ((adjusted <= level) == rejected).all()


# --- comparisons over workloads -----------------------------------------------------------------------------

PAIN_X = [1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 1, 1]
PAIN_Y = [3, 3, 4, 3, 1, 2, 3, 1, 1, 5, 4]


def test_probability_of_improvement_of_brunner_and_munzels_pain_scores():
    # Brunner and Munzel 2000, section 5: P(X < Y) + P(X = Y)/2 = 0.789.
    result = stats.probability_of_improvement(PAIN_X, PAIN_Y, paired=False)
    assert result.estimate == pytest.approx(0.789, abs=5e-4)
    # scipy's statistic is (p - 1/2)/se of the same variance: rebuild the logit interval from it.
    p = scipy.stats.mannwhitneyu(PAIN_Y, PAIN_X).statistic / (14 * 11)
    se = (p - 0.5) / scipy.stats.brunnermunzel(PAIN_X, PAIN_Y).statistic
    half = scipy.stats.t.ppf(0.975, 10) * abs(se) / (p * (1 - p))
    centre = math.log(p / (1 - p))
    expected = [1 / (1 + math.exp(-(centre + side * half))) for side in (-1, 1)]
    assert ends(result) == pytest.approx(expected)


@quick
@given(st.lists(st.tuples(finite, finite), min_size=2, max_size=8), st.booleans())
def test_probability_of_improvement_mirrors(pairs, paired):
    a, b = np.array(pairs).T
    one, other = (stats.probability_of_improvement(x, y, paired=paired) for x, y in ((a, b), (b, a)))
    assert one.estimate == pytest.approx(1 - other.estimate)
    assert ends(one) == pytest.approx((1 - other.high, 1 - other.low))
    higher = stats.probability_of_improvement(-a, -b, paired=paired, higher_is_better=True)
    assert (higher.estimate, *ends(higher)) == pytest.approx((one.estimate, *ends(one)))
    assert 0 <= one.low <= one.estimate <= one.high <= 1


def test_probability_of_improvement_without_variance_keeps_an_interval():
    ten = np.arange(10.0)
    separated = stats.probability_of_improvement(ten, ten + 100)
    assert separated.estimate == 1
    assert separated.low == pytest.approx(stats.wilson_interval(10, 10).low)
    copies = stats.probability_of_improvement(ten, ten)
    assert copies.estimate == 0.5
    assert copies.low < 0.3
    assert copies.high > 0.7


def test_probability_of_improvement_averages_workloads_and_ranks_diverged_runs_last():
    a, b = np.array([[1.0, INF], [2, INF]]), np.array([[3.0, INF], [4, 0]])
    # First workload: 4 of 4 pairs. Second: A diverged always, B once: (1/2 + 0 + 1/2 + 0) / 4.
    assert stats.probability_of_improvement(a, b).estimate == pytest.approx((1 + 0.25) / 2)


def test_performance_profile_by_hand():
    ratios = [[0.5, 1.0], [2.0, INF]]
    assert stats.performance_profile(ratios, [0.4, 0.5, 1, 1.9, 2, 1e9]).tolist() == [
        0,
        0.25,
        0.5,
        0.5,
        0.75,
        0.75,
    ]


def test_friedman_of_demsars_example():
    # Section 3.2.4 prints these ranks, a chi-square of 9.28 and F 3.69, all without a correction for ties.
    plain = stats.friedman(DEMSAR_RANKS, correct_ties=False)
    assert plain.average_ranks == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    assert plain.statistic == pytest.approx(9.28, abs=5e-3)
    assert plain.f_statistic == pytest.approx(3.69, abs=5e-3)
    assert plain.f_p_value < 0.05  # its critical value F(3, 39) is 2.85
    # Ties: three pairs (2^3 - 2 each) and one foursome (4^3 - 4) over 14 * 4 * 15.
    corrected = stats.friedman(DEMSAR_RANKS)
    assert corrected.statistic == pytest.approx(plain.statistic / (1 - 78 / 840))


@pytest.mark.parametrize("seed", range(5))
def test_friedman_agrees_with_scipy_and_with_analysis_of_variance_on_ranks(seed):
    scores = np.random.default_rng(seed).integers(0, 5, size=(8, 4)).astype(float)
    result = stats.friedman(scores)
    expected = scipy.stats.friedmanchisquare(*scores.T)
    assert (result.statistic, result.p_value) == pytest.approx((expected.statistic, expected.pvalue))
    ranks = scipy.stats.rankdata(scores, axis=1)
    between = 8 * ((ranks.mean(axis=0) - 2.5) ** 2).sum()
    within = ((ranks - 2.5) ** 2).sum() - between
    f = (between / 3) / (within / 21)
    assert result.f_statistic == pytest.approx(f)
    assert result.f_p_value == pytest.approx(scipy.stats.f.sf(f, 3, 21))


def test_friedman_at_its_ends():
    agreed = stats.friedman(np.tile([1.0, 2, INF], (5, 1)))
    assert agreed.statistic == pytest.approx(10)
    assert agreed.f_statistic == INF
    assert agreed.f_p_value == pytest.approx(6**-4)
    tied = stats.friedman(np.full((5, 3), INF))
    assert (tied.statistic, tied.p_value, tied.f_p_value) == (0, 1, 1)
    accuracies = stats.friedman([[0.9, 0.8, 0.1], [0.9, 0.7, 0.2]], higher_is_better=True)
    assert accuracies.average_ranks.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("k", "q"),  # Demsar 2006, table 5(a), alpha = 0.05
    [
        (2, 1.960),
        (3, 2.343),
        (4, 2.569),
        (5, 2.728),
        (6, 2.850),
        (7, 2.949),
        (8, 3.031),
        (9, 3.102),
        (10, 3.164),
    ],
)
def test_critical_difference_of_demsars_table(k, q):
    assert stats.critical_difference(k, 6) == pytest.approx(q * math.sqrt(k * (k + 1) / 36), rel=4e-4)


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.5])
def test_critical_difference_has_scipys_quantile(alpha):
    for k in (2, 7, 40, 300):
        quantile = scipy.stats.studentized_range.ppf(1 - alpha, k, INF) / math.sqrt(2)
        wanted = quantile * math.sqrt(k * (k + 1) / 60)
        assert stats.critical_difference(k, 10, alpha=alpha) == pytest.approx(wanted, rel=1e-10)


def test_critical_difference_of_demsars_example():
    assert stats.critical_difference(4, 14) == pytest.approx(1.25, abs=5e-3)
    assert stats.critical_difference(4, 14, alpha=0.1) == pytest.approx(1.12, abs=5e-3)


def test_critical_difference_parts_what_scikit_posthocs_parts():
    posthocs = pytest.importorskip("scikit_posthocs")
    scores = np.random.default_rng(3).normal(size=(12, 5)) + np.arange(5) * 0.8
    p = posthocs.posthoc_nemenyi_friedman(scores).to_numpy()
    ranks = stats.friedman(scores).average_ranks
    gaps = np.abs(ranks[:, None] - ranks[None, :])
    apart = gaps > stats.critical_difference(5, 12)
    assert (apart == (p < 0.05)).all()
    assert 0 < apart.sum() < 20


# --- bootstrap ----------------------------------------------------------------------------------------------


def test_bootstrap_interval_of_a_mean_is_near_students():
    x = np.random.default_rng(1).normal(size=40)
    t = stats.mean_interval(x)
    for method in ("expanded", "bca"):
        interval = stats.bootstrap_interval(x, np.mean, seed=5, resamples=20_000, method=method)
        assert ends(interval) == pytest.approx(ends(t), abs=0.06 * (t.high - t.low))


def test_bootstrap_interval_by_percentile_is_scipys():
    x = np.random.default_rng(2).normal(size=15)
    expected = scipy.stats.bootstrap(
        (x,), np.mean, n_resamples=50_000, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    interval = stats.bootstrap_interval(x, np.mean, seed=0, resamples=50_000, method="percentile")
    assert ends(interval) == pytest.approx((expected.low, expected.high), abs=0.02)


def test_bca_moves_towards_the_tail_of_skewed_values():
    x = np.random.default_rng(3).exponential(size=15)
    expanded = stats.bootstrap_interval(x, np.mean, seed=0)
    bca = stats.bootstrap_interval(x, np.mean, seed=0, method="bca")
    assert bca.low > expanded.low
    assert bca.high > expanded.high


def test_bootstrap_interval_of_ones_and_zeros_has_binomial_quantiles():
    # A resampled mean of five 1s and five 0s is Binomial(10, 1/2)/10: P(<= 0.1) = 0.0107, P(<= 0.2) = 0.0547.
    # Lower levels: 0.025 plain; expanded Phi(-2.2622 sqrt(10/9)) = 0.0085 (without the root it were 0.0118).
    coins = [0, 1] * 5
    plain = stats.bootstrap_interval(coins, np.mean, seed=0, resamples=20_000, method="percentile")
    assert ends(plain) == pytest.approx((0.2, 0.8))
    expanded = stats.bootstrap_interval(coins, np.mean, seed=0, resamples=20_000)
    assert ends(expanded) == pytest.approx((0.1, 0.9))


def test_bootstrap_interval_resamples_seeds_jointly():
    seeds = np.arange(8.0)
    mirrored = np.column_stack([seeds, -seeds])  # cancels only if both workloads draw the same seeds
    assert stats.bootstrap_interval(mirrored, np.mean, seed=0) == stats.Interval(0, 0, 0, 0.95, 8)


def test_bootstrap_interval_keeps_strata():
    levels = np.tile([0.0, 1000.0], (8, 1))  # every resample holds both workloads equally often
    assert ends(stats.bootstrap_interval(levels, np.mean, seed=0)) == (500, 500)


def test_bootstrap_interval_depends_on_the_seed_not_on_the_order():
    x = np.random.default_rng(0).normal(size=(10, 3))
    first = stats.bootstrap_interval(x, seed=1)
    assert first == stats.bootstrap_interval(x[::-1], seed=1)
    assert first != stats.bootstrap_interval(x, seed=2)
    assert first.estimate == pytest.approx(scipy.stats.trim_mean(x.ravel(), 0.25))


@pytest.mark.parametrize("method", ["expanded", "bca", "percentile"])
def test_bootstrap_interval_with_diverged_runs(method):
    interval = stats.bootstrap_interval([1, 2, 3, 4, 5, 6, 7, INF, INF], seed=0, method=method)
    assert math.isfinite(interval.estimate)
    assert math.isfinite(interval.low)
    assert interval.high == INF


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


@pytest.mark.parametrize(("effect", "pairs"), [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10)])
def test_seeds_needed_for_cohens_effects(effect, pairs):
    # As G*Power and R's power.t.test(type = "paired") give them for 5%, two-sided, power 0.8.
    assert stats.seeds_needed(-3 * effect, 3) == pairs


@pytest.mark.parametrize(
    ("effect", "alpha"), [(0.3, 0.05), (0.5, 1e-6), (0.7, 1e-6), (1.0, 1e-6), (1.5, 1e-3)]
)
def test_seeds_needed_is_the_first_number_with_the_power(effect, alpha):
    def power(n):  # T = (Z + shift) / S with S^2 = chi^2 / (n - 1), integrated over S
        t, shift, spread = (
            scipy.stats.t.ppf(1 - alpha / 2, n - 1),
            effect * math.sqrt(n),
            scipy.stats.chi(n - 1),
        )
        s = np.linspace(*spread.ppf([1e-13, 1 - 1e-13]), 4001)
        scaled = t * s / math.sqrt(n - 1)
        found = scipy.stats.norm.sf(scaled - shift) + scipy.stats.norm.cdf(-scaled - shift)
        return (found * spread.pdf(s)).sum() * (s[1] - s[0])

    n = stats.seeds_needed(effect, 1, alpha=alpha)
    assert power(n - 1) < 0.8 <= power(n)


def test_seeds_needed_is_at_least_what_the_sign_flip_test_needs():
    assert stats.seeds_needed(1, 0) == stats.FEWEST_PAIRS == 6
    assert stats.seeds_needed(100, 1) == 6
    assert stats.seeds_needed(100, 1, at_least=2) <= 3


# --- what is refused ----------------------------------------------------------------------------------------


unknown: Any = "magic"


def grand_mean(blocks, axis):
    return blocks.mean()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: stats.interquartile_mean([]), "at least one value"),
        (lambda: stats.mean_interval([1.0]), "at least 2 values"),
        (lambda: stats.mean_interval([1, 2, INF]), "must be finite"),
        (lambda: stats.mean_interval([1, 2], confidence=95), r"confidence must be in \[0.5, 1\); got 95"),
        (lambda: stats.median_interval([1, math.nan]), "must not contain NaN"),
        (lambda: stats.median_interval([[1, 2]]), r"1 dimension\(s\); got shape \(1, 2\)"),
        (lambda: stats.wilson_interval(5, 4), "successes must be in 0..4; got 5"),
        (lambda: stats.wilson_interval(0, 0), "trials must be at least 1"),
        (lambda: stats.hodges_lehmann([INF, -INF, INF, -INF, math.nan]), "NaN"),
        (lambda: stats.sign_flip_test([1, math.nan], seed=0), "NaN"),
        (lambda: stats.sign_flip_test([1], seed=0, statistic=unknown), "mean or rank; got 'magic'"),
        (lambda: stats.sign_flip_test([1], seed=0, resamples=0), "at least 1"),
        (lambda: stats.holm([0.5, 1.2]), r"in \[0, 1\]"),
        (lambda: stats.probability_of_improvement([1], [2]), "at least 2 seeds"),
        (lambda: stats.probability_of_improvement([1, 2], [2, 3, 4]), "got 2 and 3"),
        (lambda: stats.probability_of_improvement([[1, 2], [2, 1]], [2, 3]), "same workloads"),
        (lambda: stats.performance_profile([-1], [1]), "not be negative"),
        (lambda: stats.friedman([[1, 2], [2, 3]]), "3 optimizers"),
        (lambda: stats.critical_difference(1, 5), "2 optimizers"),
        (lambda: stats.critical_difference(3, 5, alpha=5), r"alpha must be in \(0, 1\); got 5"),
        (lambda: stats.bootstrap_interval([1], seed=0), "at least 2 seeds"),
        (lambda: stats.bootstrap_interval([1, 2], seed=0, resamples=10), "at least 100"),
        (lambda: stats.bootstrap_interval([1, 2], seed=0, method=unknown), "got 'magic'"),
        (lambda: stats.bootstrap_interval([1, 2], grand_mean, seed=0), "one number a block"),
        (lambda: stats.kaplan_meier([1, 2], [1]), "one flag a run"),
        (lambda: stats.kaplan_meier([1, 2], [1, 2]), "true or false"),
        (lambda: stats.kaplan_meier([-1, 2], [1, 1]), "not be negative"),
        (lambda: stats.kaplan_meier([1, INF], [1, 1]), "finite time"),
        (lambda: stats.average_runtime([1, INF], [1, 0]), "must be finite"),
        (lambda: stats.average_runtime([-1], [1]), "not be negative"),
        (lambda: stats.expected_best_of_k([1, 2], 3), r"1..2, the number of trials; got 3"),
        (lambda: stats.expected_best_of_k([INF, -INF], 1), "does not exist"),
        (lambda: stats.seeds_needed(0, 1), "gap must be finite and not 0"),
        (lambda: stats.seeds_needed(1, -1), "spread must be"),
        (lambda: stats.seeds_needed(1, 1, power=1), "alpha must be"),
        (lambda: stats.seeds_needed(1e-9, 1), "too small"),
    ],
)
def test_mistakes_are_refused_in_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_nothing_heavy_is_imported():
    heavy = ("torch", "pandas", "scipy.stats")
    code = f"import sys, optbench.stats; sys.exit(any(m in sys.modules for m in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


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


def test_expanded_bootstrap_covers_where_the_percentile_one_does_not():
    values = np.random.default_rng(11).normal(size=(1500, 10))

    def coverage(method: Any) -> float:
        return covered(
            [
                stats.bootstrap_interval(r, np.mean, seed=i, resamples=999, method=method)
                for i, r in enumerate(values)
            ],
            0,
        )

    assert 0.93 <= coverage("expanded") <= 0.97
    assert coverage("percentile") < 0.93


@pytest.mark.parametrize("budget", [INF, math.log(5)])  # none censored, one in five
def test_kaplan_meier_interval_covers_the_median(budget):
    times = np.random.default_rng(13).exponential(size=(1500, 10))
    curves = [stats.kaplan_meier(np.minimum(row, budget), row < budget) for row in times]
    share = np.mean([c.median_low <= math.log(2) <= c.median_high for c in curves])
    assert 0.92 <= share <= 0.97


def test_probability_of_improvement_interval_covers():
    rng = np.random.default_rng(12)
    shift = math.sqrt(2) * scipy.stats.norm.ppf(0.7)  # P(A < B) = 0.7 for independent runs
    pairs = rng.normal([[0], [shift]], 1, size=(1500, 2, 10))
    assert covered([stats.probability_of_improvement(a, b) for a, b in pairs], 0.7) >= 0.94


def test_false_better_in_at_most_5_percent_of_studies_without_difference():
    studies, optimizers, seeds = 600, 4, 10
    rng = np.random.default_rng(2024)
    false_claims = 0
    for _ in range(studies):
        # Log losses: what a seed does to all optimizers alike, and what it does to each.
        losses = rng.normal(size=(seeds, 1)) + rng.normal(size=(seeds, optimizers))
        p = [
            stats.sign_flip_test(losses[:, i] - losses[:, j], seed=0)
            for i, j in itertools.combinations(range(optimizers), 2)
        ]
        false_claims += bool((stats.holm(p) <= 0.05).any())
    assert false_claims <= scipy.stats.binom.ppf(0.999, studies, 0.05)
    assert false_claims > 0  # a test that never rejects would pass too
