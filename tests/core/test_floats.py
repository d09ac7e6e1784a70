"""Quotients of finite numbers are finite."""

from __future__ import annotations

import math

import pytest

from optbench.core.floats import LARGEST, SMALLEST, quotient


@pytest.mark.parametrize(
    ("a", "b", "value"),
    [
        (1.0, 4.0, 0.25), (1e308, 1e-308, LARGEST), (1e-308, 1e308, SMALLEST), (SMALLEST, LARGEST, SMALLEST),
        (0.0, 1.0, 0.0), (math.inf, 1.0, math.inf), (1.0, math.inf, 0.0), (LARGEST, LARGEST, 1.0),
    ],
)  # fmt: skip
def test_a_quotient_of_finite_numbers_is_no_failure(a: float, b: float, value: float) -> None:
    assert quotient(a, b) == value
    assert SMALLEST / 2 == 0
    assert math.inf == LARGEST * 2
