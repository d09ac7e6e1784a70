"""The package as a whole: mistakes are one sentence, and nothing heavy is imported."""

import math
import subprocess
import sys
from typing import Any

import pytest

from optbench import stats

INF = math.inf


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
        (lambda: stats.resampled_counts(1, seed=0), "at least 2 of them; got 1"),
        (lambda: stats.resampled_counts(5, seed=0, draws=9), "at least 100; got 9"),
        (lambda: stats.regret_of_choice([[1, 2]], 1, [[1, 1]]), r"chosen must be in 0..0; got 1"),
        (lambda: stats.regret_of_choice([[1, 2]], 0, [[1, 1, 1]]), "each of 2 tuning seeds; got 3"),
        (lambda: stats.regret_of_choice([[1, INF]], 0, [[1, 1]]), "chosen candidate failed"),
        (lambda: stats.regret_of_choice([[1, -2]], 0, [[1, 1]]), "must not be negative"),
        (lambda: stats.regret_of_choice([[1, math.nan]], 0, [[1, 1]]), "must not contain NaN"),
        (lambda: stats.contrast([], [1]), "one a regret; got 1 and 0"),
        (lambda: stats.independent_sum([]), "at least one workload"),
        (lambda: stats.independent_sum([stats.Moments(0, 1)], [1, 1]), "one a workload; got 2 and 1"),
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
