"""What the trials say of each optimizer: every measure against numbers worked by hand."""

from __future__ import annotations

from math import inf, isnan, nan
from typing import Any

import numpy as np
import pandas as pd
import pytest

from optbench.report.page.sections.sensitivity import picks
from optbench.tables.sensitivity import (
    SensitivityRow,
    best_of_k,
    lr_curves,
    lr_sensitivity,
    sensitivity_rows,
    usable_width,
)

RATES = (0.01, 0.1, 1.0, 10.0)
LOSSES: dict[float, tuple[float, float]] = {
    0.01: (3.0, 5.0),  # mean 4
    0.1: (1.0, 2.0),  # mean 1.5: the best
    1.0: (1.5, 1.8),  # mean 1.65: exactly a tenth above it
    10.0: (2.0, inf),  # one seed diverges
}
START = {1000: 6.0, 1001: 8.0}


def trials(**changed: Any) -> pd.DataFrame:
    """One search of four rates and two seeds, 0.1 chosen; 10 is not of the first grid."""
    rows = [
        {
            "workload": "w",
            "optimizer": "o",
            "schedule": "s",
            "lr": lr,
            "seed": 1000 + place,
            "status": "ok" if np.isfinite(loss) else "diverged",
            "val_loss": loss if np.isfinite(loss) else nan,
            "selected": lr == 0.1,
            "at_edge": False,
            "settings": "",
            "in_first_grid": lr < 10,
            "initial_val_loss": START[1000 + place],
            "path": "",
        }
        for lr, pair in LOSSES.items()
        for place, loss in enumerate(pair)
    ]
    return pd.DataFrame(rows).assign(**changed)


def runs(*losses: float, optimizer: str = "o") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "workload": "w",
            "optimizer": optimizer,
            "schedule": "s",
            "seed": range(len(losses)),
            "status": ["diverged" if isnan(loss) else "ok" for loss in losses],
            "final_val_loss": losses,
        }
    )


def measured(tuning: pd.DataFrame, evaluated: pd.DataFrame, **optimizers: Any) -> dict[str, Any]:
    known = optimizers or {"o": {"lr": 0.01, "default_of": ""}}
    table = sensitivity_rows(tuning, lr_curves(tuning), evaluated, known)
    assert list(table) == list(SensitivityRow._fields)
    assert len(table) == 1
    return dict(table.iloc[0])


def test_the_curve_holds_what_was_lost_at_most() -> None:
    curve = lr_curves(trials()).set_index("lr")
    assert list(curve["loss"]) == [4.0, 1.5, 1.65, 5.0]  # at 10: the mean of 2 and the 8 it began with
    assert list(curve["score"]) == [4.0, 1.5, 1.65, inf]
    assert list(curve["n_ok"]) == [2, 2, 2, 1]
    assert list(curve["n_diverged"]) == [0, 0, 0, 1]
    # A loss above the one before the first step counts as that: seed 1000 at 0.01 now began with 2.
    low = trials(initial_val_loss=[2.0, 8.0] * 4)
    assert lr_curves(low)["loss"].iloc[0] == (2 + 5) / 2
    assert lr_curves(low)["score"].iloc[0] == 4.0


def test_a_trial_that_recorded_nothing_began_where_its_seed_did() -> None:
    table = trials()
    table.loc[table.index[-1], ["initial_val_loss", "status"]] = [nan, "error"]
    assert lr_curves(table)["loss"].iloc[-1] == (2 + 8) / 2


def test_the_measures_of_a_search() -> None:
    row = measured(trials(), runs(1.6, 1.8))
    assert (row["trials"], row["trials_not_ok"], row["candidates"], row["seeds"]) == (8, 1, 4, 2)
    assert (row["best_lr"], row["tuning_loss"]) == (0.1, 1.5)
    # Over the first grid: (4 + 1.5 + 1.65) / 3 - 1.5.
    assert row["sensitivity"] == pytest.approx(7.15 / 3 - 1.5)
    # 0.1 and 1 are usable, 10 has a diverged trial: one decade, inside the grid.
    assert (row["width_decades"], row["width_open"]) == (pytest.approx(1.0), False)
    assert (row["diverging_lr"], row["diverging_ratio"]) == (10.0, pytest.approx(100.0))
    # On fresh seeds the mean is 1.7: the choice lost 0.2.
    assert (row["evaluation_loss"], row["n_evaluation"]) == (pytest.approx(1.7), 2)
    assert row["shrinkage"] == pytest.approx(0.2)
    # Its own rate is on the grid: 4 - 1.5, on the tuning seeds.
    assert (row["default_lr"], row["default_regret"], row["default_from"]) == (0.01, 2.5, "tuning")


def test_the_default_beside_it_gives_the_regret_on_fresh_seeds_in_pairs() -> None:
    both = pd.concat([runs(1.6, 1.8), runs(2.0, 2.4, 9.0, optimizer="o.default")])
    known = {"o": {"lr": 0.5, "default_of": ""}, "o.default": {"lr": 0.5, "default_of": "o"}}
    row = measured(trials(), both, **known)
    # The third seed of the default has no partner: (0.4 + 0.6) / 2.
    assert (row["default_regret"], row["default_from"]) == (pytest.approx(0.5), "evaluation")
    diverges = pd.concat([runs(1.6, 1.8), runs(2.0, nan, optimizer="o.default")])
    assert measured(trials(), diverges, **known)["default_regret"] == inf


def test_a_default_off_the_grid_has_no_regret() -> None:
    row = measured(trials(), runs(1.6), o={"lr": 0.05, "default_of": ""})
    assert isnan(row["default_regret"])
    assert row["default_from"] == ""


def test_a_fresh_run_that_diverges_is_not_left_out() -> None:
    row = measured(trials(), runs(1.6, nan))
    assert (row["evaluation_loss"], row["shrinkage"], row["n_evaluation"]) == (inf, inf, 2)


def test_other_settings_are_points_of_another_curve() -> None:
    other = trials(settings='{"momentum": 0.5}', selected=False, val_loss=[0.1] * 8, status="ok")
    both = pd.concat([trials(), other.assign(lr=other["lr"] * 2)])
    row = measured(both, runs(1.6))
    assert row["sensitivity"] == pytest.approx(7.15 / 3 - 1.5)
    assert row["trials"] == 16
    assert row["default_from"] == ""


def test_nothing_is_said_of_a_search_without_a_choice() -> None:
    table = trials(selected=False, status="missing", val_loss=nan, initial_val_loss=nan)
    curves = lr_curves(table)
    assert curves["loss"].isna().all()
    assert sensitivity_rows(table, curves, runs(1.0), {"o": {"lr": 1.0, "default_of": ""}}).empty
    assert best_of_k(curves).empty


@pytest.mark.parametrize(
    ("score", "best", "width", "is_open"),
    [
        ([9, 1, 9, 9], 1, 0.0, False),
        ([9, 1, 1.1, 9], 1, 1.0, False),
        ([9, 1, 1.1, 1.05], 1, 2.0, True),  # reaches the end: it may be wider
        ([1.05, 1, 9, 1.05], 1, 1.0, True),  # a usable rate beyond an unusable one does not count
        ([9, 1, inf, 1], 1, 0.0, False),
        ([0, 0, 1e-9, 1], 0, 1.0, True),
        ([9, -1, -0.9, -0.8], 1, 1.0, False),
    ],
)
def test_usable_width(score: list[float], best: int, width: float, is_open: bool) -> None:
    found = usable_width(np.array(RATES), np.array(score, float), best)
    assert found == (pytest.approx(width), is_open)


def test_no_width_without_a_rate_that_ended_well() -> None:
    assert isnan(usable_width(np.array(RATES), np.array([inf] * 4), 0)[0])


def test_sensitivity_is_zero_where_every_rate_does_as_well() -> None:
    assert lr_sensitivity(pd.DataFrame({"loss": [2.0, 2.0], "in_first_grid": [True, True]})) == 0


def test_the_expected_best_of_k_trials_of_the_first_grid() -> None:
    expected = best_of_k(lr_curves(trials()))
    # Losses 4, 1.5 and 1.65. Of two: 1.5 in two of the three pairs, 1.65 in the third.
    np.testing.assert_allclose(expected["expected_loss"], [7.15 / 3, (2 * 1.5 + 1.65) / 3, 1.5])
    assert list(expected["k"]) == [1, 2, 3]


def test_which_to_pick_changes_with_the_number_of_trials() -> None:
    steady = trials(optimizer="steady", val_loss=[1.6, 1.6] * 4, status="ok")
    best = picks(best_of_k(lr_curves(pd.concat([trials(), steady]))))
    # One trial: 1.6 against 2.38; two: 1.6 against 1.55.
    assert list(best["optimizer"]) == ["steady", "o", "o"]
    assert list(best["k"]) == [1, 2, 3]
