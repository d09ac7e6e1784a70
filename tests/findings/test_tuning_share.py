"""The tuning's share of a comparison, from tuning tables whose regrets are worked by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from optbench.findings.tuning_share import TuningShare, tuning_share, typical_change
from optbench.tables.rows import Combination
from optbench.tables.tuning import TUNING_COLUMNS

TWO = math.log10(2)
A, B, FIXED = Combination("a", "s"), Combination("b", "s"), Combination("f", "s")

FIRST = {0.1: [1, 8], 1.0: [2, 2], 10.0: [32, 1]}
"""Resamples (0, 0), (0, 1), (1, 0), (1, 1) of the two seeds have the regrets .5, 0, 0, 1.5 doublings."""

SECOND = {0.1: [4, 16], 1.0: [8, 8]}
"""Seed 0 drawn twice takes the first rate: one doubling less with that seed, one more with the other."""


def table(*searches: tuple[str, Combination, dict[float, list[float]]], **changed: Any) -> pd.DataFrame:
    """A tuning table of searches that chose the rate 1; a loss that is not finite diverged."""
    rows = [
        {
            "workload": workload,
            "optimizer": one.optimizer,
            "schedule": one.schedule,
            "lr": lr,
            "seed": 1000 + place,
            "status": "ok" if math.isfinite(loss) else "diverged",
            "val_loss": loss if math.isfinite(loss) else math.nan,
            "selected": lr == 1,
            "at_edge": False,
            "settings": "",
            "in_first_grid": True,
            "initial_val_loss": 99.0,
            "path": "",
        }
        for workload, one, losses in searches
        for lr, trials in losses.items()
        for place, loss in enumerate(trials)
    ]
    return pd.DataFrame(rows, columns=list(TUNING_COLUMNS)).assign(**changed).astype(TUNING_COLUMNS)


def share(*searches: tuple[str, Combination, dict[float, list[float]]], **changed: Any) -> TuningShare:
    return tuning_share(table(*searches, **changed), seed=0)


def test_draws_of_a_search() -> None:
    found = share(("w", A, FIRST))
    draws = found.draws("w", A)
    assert draws is not None
    assert sorted(draws) == pytest.approx([0, 0, 0.5 * TWO, 1.5 * TWO])
    assert found.draws("w", FIXED) is None
    assert found.draws("elsewhere", A) is None
    assert (found.seeds("w", A, FIXED), found.seeds("w", FIXED)) == (2, 0)


def test_a_pair_in_which_one_rate_was_searched() -> None:
    square = (0.25 + 2.25) / 4 * TWO**2
    found = share(("w", A, FIRST))
    assert found.variance("w", A, FIXED) == pytest.approx(square)
    assert found.variance("w", FIXED, A) == pytest.approx(square)
    assert found.variance("w", FIXED, B) == 0
    assert found.variance("elsewhere", A, B) == 0


def test_a_pair_tuned_on_the_same_seeds_shares_their_luck() -> None:
    """The same losses: whatever the seeds, both would have chosen alike."""
    assert share(("w", A, FIRST), ("w", B, FIRST)).variance("w", A, B) == 0
    mirrored = {0.1: [8, 1], 1.0: [2, 2], 10.0: [1, 32]}
    # (0, 0): .5 against 1.5, (1, 1): 1.5 against .5.
    assert share(("w", A, FIRST), ("w", B, mirrored)).variance("w", A, B) == pytest.approx(0.5 * TWO**2)


def test_rows_in_any_order() -> None:
    rows = table(("w", A, FIRST), ("w", B, SECOND))
    shuffled = rows.sample(frac=1, random_state=3)
    assert tuning_share(shuffled, seed=0).variance("w", A, B) == tuning_share(rows, seed=0).variance(
        "w", A, B
    )


def test_another_choice_may_be_as_good() -> None:
    """Arithmetic means choose, logarithms compare: 4 and 16 for 8 and 8 are as good on average."""
    draws = share(("w", A, SECOND)).draws("w", A)
    assert draws == pytest.approx([0, 0, 0, 0], abs=1e-15)


def test_workloads_are_tuned_apart() -> None:
    found = share(("u", A, FIRST), ("v", A, FIRST))
    one = np.array([0.5, 0, 0, 1.5]) * TWO
    both = (one[:, None] + one[None, :]) / 2  # every resample of the one with every resample of the other
    assert found.variance_over_workloads(["u", "v"], A, FIXED) == pytest.approx(float((both**2).mean()))
    assert found.variance_over_workloads(["u", "v"], A, FIXED, [1, 0]) == found.variance("u", A, FIXED)
    # On w nothing was searched.
    assert found.variance_over_workloads(["u", "w"], A, FIXED) == pytest.approx(
        found.variance("u", A, FIXED) / 4
    )


def test_an_effect_over_several_pairs_of_a_workload() -> None:
    found = share(("w", A, FIRST), ("w", B, FIRST))
    pooled = found.moments("w", {A: 0.5, B: 0.5, FIXED: -1.0})
    assert pooled.square == pytest.approx(found.variance("w", A, FIXED))


@pytest.mark.parametrize(
    ("searched", "changed", "why"),
    [
        ({0.1: [1], 1.0: [2]}, {}, "one tuning seed chose"),
        ({0.1: [1, math.inf], 1.0: [2, math.inf]}, {}, "no rate ended well"),
        (FIRST, {"selected": False}, "not finished"),
        (FIRST, {"status": "missing"}, "not finished"),
        ({0.1: [-1, 4], 1.0: [1, 1]}, {}, "negative"),
    ],
)
def test_where_another_draw_cannot_be_told(
    searched: dict[float, list[float]], changed: dict[str, Any], why: str
) -> None:
    found = share(("w", A, searched), **changed)
    assert found.draws("w", A) is None
    assert math.isnan(found.variance("w", A, FIXED))
    assert math.isnan(found.variance_over_workloads(["w", "v"], A, FIXED))
    assert why in found.unknown("w", FIXED, A)
    assert found.unknown("w", FIXED) == ""


def test_negative_losses_are_compared_by_differences() -> None:
    rows = table(("w", A, {0.1: [-1, 4], 1.0: [1, 1]}))
    found = tuning_share(rows, seed=0, differences=["w"])
    # (0, 0) takes the first rate: (-1 - 1 + 4 - 1)/2 = .5.
    assert found.variance("w", A, FIXED) == pytest.approx(0.25 / 4)


def test_settings_are_candidates_too() -> None:
    rows = table(("w", A, FIRST))
    rows.loc[rows["lr"] != 1, "settings"] = '{"momentum": 0.9}'
    assert tuning_share(rows, seed=0).variance("w", A, FIXED) == pytest.approx(2.5 / 4 * TWO**2)


def test_a_study_that_tunes_nothing() -> None:
    assert tuning_share(table(), seed=0).searches == {}


def test_a_typical_change_as_a_share() -> None:
    assert typical_change(math.log10(1.05) ** 2) == pytest.approx(0.05)
    assert typical_change(0) == 0
    assert typical_change(math.inf) == math.inf
    assert typical_change(1e9) == math.inf
    assert math.isnan(typical_change(math.nan))


def test_a_rate_that_left_a_race_is_chosen_by_no_resample() -> None:
    """Its missing trials are as failures; what is left has the regrets of the search without it."""
    left = share(("w", A, {**FIRST, 0.01: [99], 100.0: [50]})).draws("w", A)
    alone = share(("w", A, FIRST)).draws("w", A)
    assert left is not None
    assert left == pytest.approx(alone)
