"""Regret of a chosen rate: hand-worked numbers, the rule of the search, moments against brute force."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optbench import stats
from optbench.cells.search import best_of

INF = math.inf
TWO = math.log10(2)
quick = settings(deadline=None, max_examples=60)

BY_HAND = [[1, 8], [2, 2], [32, 1]]
"""Two seeds. The middle rate has the lowest mean; seed 0 alone chooses the first, seed 1 alone the last."""


def every(k: int) -> np.ndarray:
    return stats.resampled_counts(k, seed=0)


# --- resamples ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("k", "number"), [(2, 4), (3, 27), (4, 256)])
def test_up_to_four_seeds_every_resample_is_taken(k, number):
    counts = every(k)
    assert counts.shape == (number, k)
    expected = sorted(
        [row.count(s) for s in range(k)] for row in map(list, itertools.product(range(k), repeat=k))
    )
    assert sorted(counts.tolist()) == expected
    assert (counts == stats.resampled_counts(k, seed=1)).all()


def test_beyond_four_seeds_resamples_are_seeded():
    counts = stats.resampled_counts(5, seed=3, draws=20_000)
    assert (counts == stats.resampled_counts(5, seed=3, draws=20_000)).all()
    assert (counts != stats.resampled_counts(5, seed=4, draws=20_000)).any()
    assert (counts.sum(axis=1) == 5).all()
    # Binomial(5, 1/5): mean 1, variance 0.8.
    assert counts.mean(axis=0) == pytest.approx(np.ones(5), abs=0.03)
    assert counts.var(axis=0) == pytest.approx(np.full(5, 0.8), abs=0.03)


# --- regret -------------------------------------------------------------------------------------------------


def test_regret_by_hand():
    # Seed 0 twice: the first rate, log10(1/2) and log10(8/2), on average half a doubling. Each once: the
    # chosen one. Seed 1 twice: the last, log10(32/2) and log10(1/2), on average one and a half.
    found = stats.regret_of_choice(BY_HAND, 1, [[2, 0], [1, 1], [1, 1], [0, 2]])
    assert found.draws == pytest.approx([0.5 * TWO, 0, 0, 1.5 * TWO])
    assert found.changed == 0.5
    assert found.failing == 0
    square = stats.contrast([found], [1]).square
    assert square == pytest.approx((0.25 + 2.25) / 4 * TWO**2)


def test_differences_instead_of_ratios():
    # (1-2 + 8-2)/2 = 2.5 and (32-2 + 1-2)/2 = 14.5; losses below 0 are differences like any other.
    found = stats.regret_of_choice(np.array(BY_HAND) - 10, 1, every(2), ratio=False)
    assert found.draws == pytest.approx([2.5, 0, 0, 14.5])


def test_a_rate_that_failed_is_chosen_by_no_resample():
    trials = [[1, INF], [2, 2], [32, 1]]
    found = stats.regret_of_choice(trials, 1, every(2))
    # Seed 0 twice would take the first rate if its other trial were not known to have failed.
    assert found.draws == pytest.approx([0, 0, 0, 1.5 * TWO])
    assert found.changed == 0.25
    assert found.failing == 0.25


def test_the_same_in_every_seed_leaves_nothing_open():
    found = stats.regret_of_choice([[3, 3, 3], [1, 1, 1], [1, 1, 1]], 1, every(3))
    assert (found.draws == 0).all()
    assert found.changed == 0


def test_losses_of_zero_are_ties_or_have_no_ratio():
    both = stats.regret_of_choice([[0, 0], [0, 0]], 0, every(2))
    assert (both.draws == 0).all()
    one = stats.regret_of_choice([[0, 3], [1, 1]], 1, every(2))
    assert stats.contrast([one], [1]).square == INF


@pytest.mark.parametrize("unit", [1e-320, 1e-300, 1.0, 1e306])
def test_losses_of_any_size(unit):
    found = stats.regret_of_choice(np.array(BY_HAND) * unit, 1, every(2))
    assert found.draws == pytest.approx([0.5 * TWO, 0, 0, 1.5 * TWO], abs=1e-3)


def test_equal_means_take_the_smaller_rate():
    # Seed 0 twice and seed 1 once: 7/3 for either.
    found = stats.regret_of_choice([[3, 1, 0.5], [2, 3, 0.5]], 0, [[2, 1, 0]])
    assert found.draws == [0]


losses = st.lists(
    st.lists(st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.0, 7.0, INF]), min_size=3, max_size=3),
    min_size=1,
    max_size=5,
).filter(lambda table: any(all(map(math.isfinite, row)) for row in table))


@quick
@given(losses)
def test_choices_follow_the_rule_of_the_search(table):
    chosen = best_of(dict(enumerate(table)))
    found = stats.regret_of_choice(table, chosen, every(3))
    sound = {place: row for place, row in enumerate(table) if all(map(math.isfinite, row))}
    expected, changed, failing = [], 0, 0
    for seeds in itertools.product(range(3), repeat=3):
        again = best_of({place: [row[s] for s in seeds] for place, row in sound.items()})
        changed += again != chosen
        expected.append(sum(math.log10(table[again][s] / table[chosen][s]) for s in range(3)) / 3)
        failing += best_of({place: [row[s] for s in seeds] for place, row in enumerate(table)}) not in sound
    assert found.draws == pytest.approx(expected)
    assert (found.changed, found.failing) == pytest.approx((changed / 27, failing / 27))


# --- contrasts and their moments ----------------------------------------------------------------------------


def regret(*draws: float) -> stats.Regret:
    return stats.Regret(np.array(draws, float), 0.0, 0.0)


def test_a_pair_shares_its_resamples():
    one, other = regret(0, 1, 2, 3), regret(0, 1, 2, 5)
    found = stats.contrast([one, other], [1, -1])
    assert (found.mean, found.variance, found.square) == pytest.approx((-0.5, 0.75, 1.0))
    assert stats.contrast([one, one], [1, -1]).square == 0


def test_what_is_not_known_stays_unknown():
    assert math.isnan(stats.contrast([regret(0, 1), None], [1, -1]).square)
    assert stats.contrast([regret(0, 1), None], [1, 0]).square == 0.5
    assert stats.contrast([], []).square == 0
    assert math.isnan(stats.independent_sum([stats.Moments(math.nan, math.nan), stats.Moments(0, 1)]).square)


def test_workloads_add_up_as_all_their_resamples_together_do():
    rng = np.random.default_rng(0)
    draws = [rng.exponential(size=5), rng.normal(1, 2, size=4), np.zeros(3)]
    weights = [0.5, 0.3, 0.2]
    together = [
        sum(w * x for w, x in zip(weights, combination, strict=True))
        for combination in itertools.product(*draws)
    ]
    found = stats.independent_sum([stats.contrast([regret(*one)], [1]) for one in draws], weights)
    assert found.square == pytest.approx(np.mean(np.square(together)))


def test_workloads_without_a_common_direction_share_the_mean_square():
    # Regrets around 0 on each of 4: a quarter of one's; the same regret on each: all of it.
    assert stats.independent_sum([stats.Moments(0, 1)] * 4).square == 0.25
    assert stats.independent_sum([stats.Moments(1, 0)] * 4).square == 1


def test_interquartile_weights():
    # Of 4 the outer two are left out; of 3 they count a quarter each (0.25, 1, 0.25 of 1.5).
    rows = np.array([[1.0, 9.0], [2.0, 1.0], [3.0, 3.0], [9.0, 2.0]])
    assert stats.interquartile_weights(rows) == pytest.approx([0, 0.25, 0.5, 0.25])
    assert stats.interquartile_weights(rows[:, :1]) == pytest.approx([0, 0.5, 0.5, 0])
    assert stats.interquartile_weights([[1], [5], [3]]) == pytest.approx([1 / 6, 1 / 6, 2 / 3])
    assert stats.interquartile_weights([[2], [2], [2], [INF]]) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])


@quick
@given(st.integers(2, 9), st.integers(0, 1000))
def test_interquartile_weights_are_the_slope_of_the_middle(workloads, seed):
    rows = np.random.default_rng(seed).normal(size=(workloads, 3))

    def middle(array: np.ndarray) -> float:
        quarter = len(array) / 4
        total = 0.0
        for column in np.sort(array, axis=0).T:
            for rank, value in enumerate(column):
                total += value * max(0.0, min(rank + 1, len(array) - quarter) - max(rank, quarter))
        return total / (len(array) - 2 * quarter) / array.shape[1]

    step = 1e-9
    slopes = []
    for place in range(workloads):
        moved = rows.copy()
        moved[place] += step
        slopes.append((middle(moved) - middle(rows)) / step)
    assert stats.interquartile_weights(rows) == pytest.approx(slopes, abs=1e-5)


# --- intervals ----------------------------------------------------------------------------------------------


def test_widened_is_students_interval_with_both_errors():
    x = [0.1, 0.3, -0.2, 0.4, 0.0, 0.2]
    se, t = float(np.std(x, ddof=1)) / math.sqrt(6), 2.5705818
    found = stats.widened(stats.mean_interval(x), 0.01, t)
    half = t * math.sqrt(se**2 + 0.01)
    assert (found.low, found.high) == pytest.approx((np.mean(x) - half, np.mean(x) + half))
    assert stats.share_of_width(stats.mean_interval(x), found) == pytest.approx(
        1 - se / math.sqrt(se**2 + 0.01)
    )


def test_widened_keeps_what_it_cannot_widen():
    interval = stats.Interval(1, 0, INF, 0.95, 6)
    assert stats.widened(interval, math.nan, 2) == interval
    assert stats.widened(interval, 0, 2) == interval
    assert stats.widened(interval, 4, 2).high == INF
    for estimate in (INF, -INF, math.nan):
        diverged = stats.Interval(estimate, -INF, INF, 0.95, 6)
        assert stats.widened(diverged, 4, 2) is diverged
    both = stats.widened(stats.Interval(1, 0, 3, 0.95, 6), INF, 2)
    assert (both.low, both.high) == (-INF, INF)
    assert stats.share_of_width(stats.Interval(1, 0, 3, 0.95, 6), both) == 1
    assert math.isnan(stats.share_of_width(interval, interval))
    exact = stats.Interval(1, 1, 1, 1.0, 6)
    assert stats.share_of_width(exact, exact) == 0


# --- coverage -----------------------------------------------------------------------------------------------


def test_intervals_of_tuned_optimizers_hold_with_the_tunings_share():
    """Two optimizers on a curve of five rates, 3 tuning seeds, 20 evaluation seeds; the true ratio is 1."""
    rng = np.random.default_rng(5)
    curve = np.array([0.2, 0.03, 0.0, 0.05, 0.3])
    noise = 0.1
    held = np.zeros(2)
    studies = 400
    for _ in range(studies):
        runs, found = [], []
        for _side in range(2):
            trials = 10 ** (curve[:, None] + noise * rng.normal(size=(5, 3)))
            chosen = int(trials.mean(axis=1).argmin())
            runs.append(curve[chosen] + noise * rng.normal(size=20))
            # Tuned with seeds of their own: not the same resamples.
            found.append(stats.contrast([stats.regret_of_choice(trials, chosen, every(3))], [1]))
        plain = stats.mean_interval(runs[0] - runs[1])
        wide = stats.widened(plain, stats.independent_sum(found, [1, -1]).square, 2.093)
        held += [plain.low <= 0 <= plain.high, wide.low <= 0 <= wide.high]
    assert held[0] / studies < 0.9
    assert held[1] / studies >= 0.93
