"""The moderated t: against Student's, against hand-worked numbers, and as often wrong as it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats

from optbench.stats import joint_sign_flip_test, moderated_t


def test_few_rows_are_students_t() -> None:
    d = np.random.default_rng(0).normal(0.3, 1, size=(9, 7))
    found = moderated_t(d)
    wanted = stats.ttest_1samp(d, 0, axis=1)
    assert found.prior_df == 0
    np.testing.assert_allclose(found.p, wanted.pvalue)
    np.testing.assert_allclose(found.mean / found.error, wanted.statistic)
    np.testing.assert_array_equal(found.df, 6)


def test_the_fit_is_the_one_of_the_paper() -> None:
    """Equations of section 6.2, solved by bisection instead of Newton's method, and the t of section 6.1."""
    rng = np.random.default_rng(1)
    sds = np.sqrt(0.02**2 * 8 / rng.chisquare(8, size=60))
    d = rng.normal(0, sds[:, None], size=(60, 6))
    s2 = d.var(axis=1, ddof=1)
    e = np.log(s2) - special.digamma(2.5) + math.log(2.5)
    excess = e.var(ddof=1) - special.polygamma(1, 2.5)
    low, high = 1e-3, 1e3
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if special.polygamma(1, middle) > excess else (low, middle)
    d0 = 2 * low
    s02 = math.exp(e.mean() + special.digamma(low) - math.log(low))
    found = moderated_t(d)
    assert found.prior_df == pytest.approx(d0, rel=1e-6)
    assert found.prior_variance == pytest.approx(s02, rel=1e-6)
    variance = (d0 * s02 + 5 * s2) / (d0 + 5)
    t = d.mean(axis=1) / np.sqrt(variance / 6)
    np.testing.assert_allclose(found.p, 2 * stats.t.sf(np.abs(t), d0 + 5), rtol=1e-6)
    np.testing.assert_allclose(moderated_t(d, most_df=7).df, 7)


def test_rows_of_one_spread_share_it_as_far_as_is_allowed() -> None:
    d = np.random.default_rng(3).normal(size=(400, 6))
    found = moderated_t(d)
    assert found.prior_df > 50
    assert found.prior_variance == pytest.approx(1, rel=0.1)


def test_rows_that_are_told_to_stay_alone_neither_lend_nor_borrow() -> None:
    d = np.random.default_rng(4).normal(size=(20, 6))
    odd = np.vstack([d, 1000 + 100 * d[:1]])
    alone = np.arange(21) == 20
    found, without = moderated_t(odd, alone=alone), moderated_t(d)
    np.testing.assert_allclose(found.p[:20], without.p)
    assert found.p[20] == pytest.approx(stats.ttest_1samp(odd[20], 0).pvalue)
    flat = np.vstack([d, np.full((1, 6), 10.0)])
    # t = 10 / (2 / sqrt(6)) with five degrees of freedom.
    wanted = 2 * stats.t.sf(10 * math.sqrt(6) / 2, 5)
    assert moderated_t(flat, alone=alone, least_spread=2.0).p[20] == pytest.approx(wanted)


def test_rows_without_a_difference_and_missing_pairs() -> None:
    d = np.array([[0.0] * 6, [1.0, 2.0, 3.0, 4.0, 5.0, math.nan], [math.nan] * 6])
    found = moderated_t(d)
    assert found.p[0] == 1
    assert found.p[1] == pytest.approx(stats.ttest_1samp(d[1, :5], 0).pvalue)
    assert math.isnan(found.p[2])
    huge = moderated_t(1e300 * d[1:2])
    assert huge.p[0] == pytest.approx(found.p[1])
    many = np.random.default_rng(0).normal(size=(12, 6))
    np.testing.assert_allclose(moderated_t(1e300 * many).p, moderated_t(many).p)
    with pytest.raises(ValueError, match="finite"):
        moderated_t([[math.inf, 1.0]])
    with pytest.raises(ValueError, match="shape"):
        moderated_t([1.0, 2.0])


def test_its_p_values_are_as_often_small_as_they_say() -> None:
    """Rows with spreads as the model has them, and as it has not (two sizes): 5% below 0.05."""
    rng = np.random.default_rng(5)
    for spreads in (np.sqrt(6 / rng.chisquare(6, size=120)), np.repeat([1.0, 3.0], 60)):
        p = np.concatenate([moderated_t(rng.normal(size=(120, 6)) * spreads[:, None]).p for _ in range(80)])
        assert (p <= 0.05).mean() == pytest.approx(0.05, abs=0.01)
        assert (p <= 0.001).mean() <= 0.003


def test_with_six_pairs_it_sees_what_sign_flips_cannot() -> None:
    rng = np.random.default_rng(6)
    d = rng.normal(size=(60, 6))
    d[:20] += 4
    moderated = np.minimum(moderated_t(d).p * 60, 1)
    flips = joint_sign_flip_test(d, seed=0).p_adjusted
    assert (moderated[:20] <= 0.05).mean() > 0.9 > (flips[:20] <= 0.05).mean()
