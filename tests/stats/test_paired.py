"""Tests of paired runs against published examples, scipy and brute force."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.sign_flips import by_hand
from optbench import stats
from optbench.stats import holm, sign_flip_test
from optbench.stats.paired import joint_sign_flip_test

INF = math.inf
finite = st.floats(-100, 100).map(lambda x: round(x, 3))
samples = st.lists(finite, min_size=2, max_size=9)
quick = settings(deadline=None, max_examples=40)

# Fisher 1935, The Design of Experiments, section 17: Darwin's maize, crossed minus self-fertilised, 1/8 inch.
DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


def ends(interval: stats.Interval) -> tuple[float, float]:
    return (interval.low, interval.high)


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


def test_holm_of_demsars_example():
    # Demsar 2006, section 3.2.2: at 5% the first two hypotheses are rejected, the third isn't.
    assert stats.holm([0.607, 0.016, 0.019]) == pytest.approx([0.607, 0.048, 0.048])
    # By hand: 4 * 0.01, 3 * 0.02, then 2 * 0.03 and 0.04, which may not fall below.
    assert stats.holm([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04, 0.06, 0.06, 0.06])


def test_weighted_holm_by_hand():
    """Weights 2, 1, 1: p / w is .005, .02, .03; of p .01 x 4 / 2, then .02 x 2 and .03."""
    assert stats.holm([0.01, 0.02, 0.03], [2, 1, 1]) == pytest.approx([0.02, 0.04, 0.04])
    # The heavy one comes first although its p is not the lowest: .03 x 11 / 9, then .02 x 2, .04.
    assert stats.holm([0.03, 0.02, 0.04], [9, 1, 1]) == pytest.approx([0.11 / 3, 0.04, 0.04])
    with pytest.raises(ValueError, match="weights"):
        stats.holm([0.1, 0.2], [1])
    with pytest.raises(ValueError, match="weights"):
        stats.holm([0.1, 0.2], [1, 0])


@quick
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 9)), min_size=1, max_size=7), st.floats(0.01, 0.5))
def test_weighted_holm_is_the_closed_test_of_weighted_bonferroni(rows, level):
    """Rejected is what is of no set of hypotheses, all true, that the weighted Bonferroni test lets pass."""
    p, w = map(np.array, zip(*rows, strict=True))
    told = stats.holm(p, w) <= level
    members = [np.array(m) for n in range(len(p)) for m in itertools.combinations(range(len(p)), n + 1)]
    accepted = [m for m in members if (p[m] * w[m].sum() > level * w[m]).all()]
    for one in range(len(p)):
        at = [(p[m] * w[m].sum() / w[m]).min() for m in members if one in m]
        if np.isclose(at, level, rtol=1e-9).any():
            continue  # on the very edge either is right
        assert told[one] == all(one not in m for m in accepted)


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


def covered(intervals: list[stats.Interval], truth: float) -> float:
    return float(np.mean([i.low <= truth <= i.high for i in intervals]))


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


def test_the_joint_test_is_the_one_enumerated_by_hand() -> None:
    rng = np.random.default_rng(3)
    d = rng.normal(size=(5, 7)) + np.array([3, 0.8, 0, 0, -0.5])[:, None]
    d[3] = 0
    d[4, 2] = -np.inf
    d[4, 5] = 0
    found = joint_sign_flip_test(d, seed=0)
    p, adjusted = by_hand(d)
    np.testing.assert_allclose(found.p, p)
    np.testing.assert_allclose(found.p_adjusted, adjusted)
    assert found.assignments == 2**6
    assert found.p_adjusted[3] == 1


def test_one_row_is_the_single_test_and_a_family_is_never_surer_than_its_rows() -> None:
    rng = np.random.default_rng(4)
    d = rng.normal(0.4, 1, size=(6, 9))
    alone = [joint_sign_flip_test(row[None], seed=0) for row in d]
    family = joint_sign_flip_test(d, seed=0)
    for row, one, p in zip(d, alone, family.p, strict=True):
        assert one.p[0] == one.p_adjusted[0] == p == pytest.approx(sign_flip_test(row, seed=0))
    assert (family.p_adjusted >= family.p).all()
    assert (family.p_adjusted <= holm(family.p) + 1e-12).all()
    # Ranks take the place of differences where one is infinite.
    d[0, 0] = np.inf
    ranked = joint_sign_flip_test(d, seed=0)
    assert ranked.p[0] == pytest.approx(sign_flip_test(d[0], seed=0, statistic="rank"))


def test_rows_with_fewer_pairs_keep_their_own_p_and_order_of_size() -> None:
    rng = np.random.default_rng(5)
    d = rng.normal(size=(4, 10)) + np.array([4, 4, 0, 0])[:, None]
    d[1, 6:] = np.nan
    d[3, 8:] = np.nan
    found = joint_sign_flip_test(d, seed=0)
    for row, p in zip(d, found.p, strict=True):
        assert p == pytest.approx(sign_flip_test(row[~np.isnan(row)], seed=0))
    assert found.p[1] == pytest.approx(2 / 64)


def test_above_16_seeds_signs_are_drawn_from_the_seed() -> None:
    rng = np.random.default_rng(6)
    d = rng.normal(size=(3, 20)) + np.array([2, 0, 0.5])[:, None]
    one, same, other = (joint_sign_flip_test(d, seed=s, resamples=4999) for s in (1, 1, 2))
    assert (one.p_adjusted == same.p_adjusted).all()
    assert one.p[0] == 1 / 5000
    np.testing.assert_allclose(one.p, other.p, atol=0.03)
    np.testing.assert_allclose(one.p, [sign_flip_test(row, seed=3) for row in d], atol=0.03)
    for bad in (np.zeros(3), np.empty((0, 4))):
        with pytest.raises(ValueError, match="shape"):
            joint_sign_flip_test(bad, seed=0)
