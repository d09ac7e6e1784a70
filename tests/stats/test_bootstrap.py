"""The bootstrap against scipy and closed forms: order, strata, diverged runs, coverage."""

import math
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from optbench import stats

INF = math.inf
finite = st.floats(-100, 100).map(lambda x: round(x, 3))
quick = settings(deadline=None, max_examples=40)


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


def covered(intervals: list[stats.Interval], truth: float) -> float:
    return float(np.mean([i.low <= truth <= i.high for i in intervals]))


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
