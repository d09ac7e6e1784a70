"""Sums over the steps of a run, at the ends of what a float holds too; a warning would fail these tests."""

from __future__ import annotations

import numpy as np
import pytest

from optbench.training.probes.measures import MeasuredSteps, fall, run_sums

LARGEST = 1.7976931348623157e308


@pytest.mark.parametrize(
    ("losses", "found"),
    [
        ([3.0, 1.0, np.nan, 2.0], 2.0),
        ([np.inf, 3.0, 1.0], 2.0),
        ([1.0, 2.0], None),
        ([1.0], None),
        ([], None),
        ([np.nan, np.inf], None),
        ([LARGEST, 0.0], LARGEST),
        ([LARGEST, -LARGEST], None),  # twice the largest number is none
        ([5e-324, 0.0], 5e-324),
    ],
)
def test_a_fall_is_the_first_less_the_least(losses: list[float], found: float | None) -> None:
    assert fall(np.array(losses)) == found


def test_sums_beyond_a_float_are_none() -> None:
    measured = MeasuredSteps(
        steps=np.array([0, 1, 2]),
        weights=np.full(3, 15.0),
        table=np.full((6, 3), LARGEST),
        turns=np.ones((2, 3)),
        momentum=np.full(3, 0.5),
    )
    sums = run_sums(measured, measured.pair_terms(), measured.slope_terms())
    assert {name for name, value in sums.items() if value is not None} == {"flips", "flippable", "path"}
    assert (sums["flips"], sums["flippable"]) == (30.0, 30.0)
    assert sums["path"] == pytest.approx(45 * LARGEST**0.5)
