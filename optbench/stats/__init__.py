"""Statistics of runs on plain arrays, seeded where they resample; import them from here.

Each function says what it computes, from which paper, and what it raises where it is written.
"""

from __future__ import annotations

from optbench.stats.bootstrap import bootstrap_band, bootstrap_interval, interquartile_mean
from optbench.stats.intervals import (
    Band,
    Interval,
    hodges_lehmann,
    mean_interval,
    median_band,
    median_interval,
    wilson_interval,
)
from optbench.stats.moderated import ModeratedT, moderated_t
from optbench.stats.paired import (
    FEWEST_PAIRS,
    JointTest,
    holm,
    joint_sign_flip_test,
    probability_of_improvement,
    seeds_needed,
    sign_flip_test,
)
from optbench.stats.products import product_interval
from optbench.stats.ranks import FriedmanResult, critical_difference, friedman, performance_profile
from optbench.stats.regret import (
    Moments,
    Regret,
    contrast,
    independent_sum,
    interquartile_weights,
    regret_of_choice,
    resampled_counts,
    share_of_width,
    widened,
)
from optbench.stats.sequential import predictive_power, spent_error
from optbench.stats.survival import (
    KaplanMeier,
    average_runtime,
    expected_best_of_k,
    kaplan_meier,
    median_time,
)

__all__ = [
    "FEWEST_PAIRS",
    "Band",
    "FriedmanResult",
    "Interval",
    "JointTest",
    "KaplanMeier",
    "ModeratedT",
    "Moments",
    "Regret",
    "average_runtime",
    "bootstrap_band",
    "bootstrap_interval",
    "contrast",
    "critical_difference",
    "expected_best_of_k",
    "friedman",
    "hodges_lehmann",
    "holm",
    "independent_sum",
    "interquartile_mean",
    "interquartile_weights",
    "joint_sign_flip_test",
    "kaplan_meier",
    "mean_interval",
    "median_band",
    "median_interval",
    "median_time",
    "moderated_t",
    "performance_profile",
    "predictive_power",
    "probability_of_improvement",
    "product_interval",
    "regret_of_choice",
    "resampled_counts",
    "seeds_needed",
    "share_of_width",
    "sign_flip_test",
    "spent_error",
    "widened",
    "wilson_interval",
]
