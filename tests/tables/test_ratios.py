"""Ratios are paired by seed, against counts by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from lab.runs import runs_of
from optbench.tables.ratios import profile_rows, ratio_rows

NAN = float("nan")


# --- ratios and profiles ---------------------------------------------------------------------------------


def test_ratios_are_paired_by_seed_and_rank_failures_worst():
    runs = runs_of(
        [("sgd", 0, NAN, 2.0), ("sgd", 1, NAN, 4.0), ("sgd", 2, NAN, NAN), ("sgd", 3, NAN, 8.0),
         ("b", 0, NAN, 1.0), ("b", 1, NAN, 1.0), ("b", 2, NAN, NAN), ("b", 3, NAN, NAN), ("b", 4, NAN, 1)]
    )  # fmt: skip
    rows = {r.optimizer: r for r in ratio_rows(runs, "sgd")}
    assert (rows["sgd"].estimate, rows["sgd"].low, rows["sgd"].high) == (1, 1, 1)
    # Pairs 1/2, 1/4, a tie of two failures, a failure against 8; seed 4 has no partner.
    assert rows["b"].pairs == 4
    assert rows["b"].estimate == pytest.approx((0.5 + 1) / 2)
    assert (rows["b"].low, rows["b"].high) == (0.25, math.inf)
    assert rows["b"].coverage == pytest.approx(1 - 2**-3)


def test_where_neither_run_ended_in_half_of_the_pairs_there_is_no_ratio():
    """A tie of two failures says nothing of losses: 1 would read as "as good"."""
    runs = runs_of(
        [
            ("sgd", 0, NAN, 2.0),
            ("sgd", 1, NAN, NAN),
            ("b", 0, NAN, 1.0),
            ("b", 1, NAN, NAN),
            ("c", 0, NAN, 1.0),
        ]
    )
    rows = {r.optimizer: r for r in ratio_rows(runs, "sgd")}
    assert (rows["b"].pairs, rows["c"].estimate, rows["sgd"].estimate) == (2, 0.5, 1)
    assert all(math.isnan(value) for value in (rows["b"].estimate, rows["b"].low, rows["b"].high))


def test_ratios_need_positive_losses_and_two_pairs():
    assert list(ratio_rows(runs_of([("sgd", 0, NAN, -1.0), ("b", 0, NAN, 1.0)]), "sgd")) == []
    one = list(ratio_rows(runs_of([("sgd", 0, NAN, 2.0), ("b", 0, NAN, 1.0)]), "none"))
    assert [(r.against_optimizer, r.estimate) for r in one] == [("sgd", 1), ("sgd", 0.5)]
    assert all(math.isnan(r.low) for r in one)


def test_schedules_are_divided_by_the_first_one_of_the_same_optimizer():
    first = runs_of([("a", s, NAN, 2.0 + s) for s in range(3)])
    second = first.assign(schedule="cosine", final_val_loss=first["final_val_loss"] * [0.5, 0.25, 0.75])
    found = [r for r in ratio_rows(pd.concat([first, second]), "a") if r.kind == "schedule"]
    assert [(r.schedule, r.against_schedule, r.estimate) for r in found] == [("cosine", "constant", 0.5)]


def test_profile_counts_pairs_within_a_factor_of_the_reference():
    runs = runs_of(
        [("a", 0, 10, 1), ("a", 1, 10, 1), ("a", 2, NAN, 1), ("a", 3, NAN, 1),
         ("b", 0, 20, 1), ("b", 1, 5, 1), ("b", 2, 30, 1), ("b", 3, NAN, 1)]
    )  # fmt: skip
    # Factors of b: 2, 1/2, 0 (only the reference did not arrive), infinite (neither did).
    found = {(r.optimizer, r.factor): r.share for r in profile_rows(runs, "a")}
    assert found == {
        ("a", 0.5): 0, ("a", 1.0): 0.5, ("a", 2.0): 0.5,
        ("b", 0.5): 0.5, ("b", 1.0): 0.5, ("b", 2.0): 0.75,
    }  # fmt: skip
    assert {(r.seeds, r.workloads, r.workloads_in_all) for r in profile_rows(runs, "a")} == {(4, 1, 1)}
    of_reference = {r.factor: r.agreed for r in profile_rows(runs, "a") if r.optimizer == "a"}
    assert of_reference == {0.5: True, 1.0: False, 2.0: False}  # below 1 it is nowhere at its own target
    with_third = pd.concat([runs, runs_of([("c", s, 1, 1) for s in range(4)])], ignore_index=True)
    again = {(r.optimizer, r.factor): r.share for r in profile_rows(with_third, "a")}
    assert {key: again[key] for key in found} == found
    assert list(profile_rows(runs.assign(steps_to_target=NAN), "a")) == []
