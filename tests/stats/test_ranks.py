"""Ranks over workloads against Demsar's example, scipy and scikit-posthocs."""

import math

import numpy as np
import pytest
import scipy.stats

from optbench import stats

INF = math.inf

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
