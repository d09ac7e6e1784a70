"""Products of estimates against hand-worked ends and the exact interval of a log-normal product."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optbench import stats
from optbench.stats import Interval

INF, NAN = math.inf, math.nan


def known(estimate: float, low: float, high: float, n: int = 10) -> Interval:
    return Interval(estimate, low, high, 0.95, n)


def test_distances_add_up_as_errors_do_on_the_log_scale():
    # 3 and 4 decades down give 5; 5 and 12 up give 13.
    found = stats.product_interval(known(1e3, 1, 1e8, n=6), known(10.0, 1e-3, 1e13, n=20))
    assert found.estimate == 1e4
    assert found.low == pytest.approx(1e-1)
    assert found.high == pytest.approx(1e17)
    assert (found.coverage, found.n) == (0.95, 6)


def test_known_factor_scales_the_interval_exactly():
    steps = known(300.0, 250.0, 410.0)
    assert stats.product_interval(steps, known(0.5, 0.5, 0.5)) == known(150, 125, 205)
    assert stats.product_interval(known(2, 2, 2), steps) == known(600, 500, 820)


def test_product_of_log_normal_means_has_the_exact_interval():
    # Two means of known variance: log ab +- 1.96 sqrt(s^2 + t^2) is exact.
    s, t, z = 0.3, 0.4, 1.959964
    a, b = (known(1.0, math.exp(-z * sd), math.exp(z * sd)) for sd in (s, t))
    found = stats.product_interval(a, b)
    assert found.low == pytest.approx(math.exp(-z * 0.5))
    assert found.high == pytest.approx(math.exp(z * 0.5))


@pytest.mark.parametrize(
    ("a", "b", "ends"),
    [
        (known(10, 5, INF), known(2, 1, 4), (20 / math.exp(math.hypot(math.log(2), math.log(2))), INF)),
        (known(INF, 50, INF), known(2, 1, 4), (50, INF)),  # half of the runs never arrive
        (known(INF, INF, INF), known(2, 1, 4), (INF, INF)),
        (known(10, 0, 20), known(2, 1, 2), (0, 40)),
        (known(0, 0, 0), known(2, 1, 4), (0, 0)),
        (known(1e300, 1e299, 1e305), known(1.0, 0.5, 1e300), (None, INF)),
    ],
)
def test_ends_that_are_no_distance(a, b, ends):
    found = stats.product_interval(a, b)
    assert ends[0] is None or found.low == pytest.approx(ends[0])
    assert found.high == ends[1]
    assert stats.product_interval(b, a) == found


def test_unknown_end_stays_unknown():
    found = stats.product_interval(known(10, 5, 20), known(2, NAN, 4))
    assert math.isnan(found.low)
    assert found.high == pytest.approx(20 * math.exp(math.hypot(math.log(2), math.log(2))))
    with pytest.raises(ValueError, match=">= 0"):
        stats.product_interval(known(-1, -2, 1), known(1, 1, 1))


positive = st.floats(1e-3, 1e3)


@given(st.lists(positive, min_size=3, max_size=3), st.lists(positive, min_size=3, max_size=3))
def test_product_lies_between_one_source_alone_and_both_ends_multiplied(one, other):
    a, b = (known(*(sorted(x)[i] for i in (1, 0, 2))) for x in (one, other))
    found = stats.product_interval(a, b)
    assert found.estimate == a.estimate * b.estimate
    slack = 1 + 1e-9
    assert a.low * b.low <= found.low * slack
    assert found.low <= min(a.low * b.estimate, a.estimate * b.low) * slack
    assert found.high <= a.high * b.high * slack
    assert max(a.high * b.estimate, a.estimate * b.high) <= found.high * slack


def test_time_to_target_is_covered_with_both_sources():
    # 8 seeds of steps (sd 10%) times a step time whose median over 12 rounds has a standard error of 5%.
    rng = np.random.default_rng(11)
    inside = alone = 0
    for _ in range(1500):
        steps = stats.median_interval(np.exp(rng.normal(0, 0.1, 8)))
        step_time = stats.median_interval(np.exp(rng.normal(0, 0.05 * math.sqrt(12) / 1.2533, 12)))
        found = stats.product_interval(steps, step_time)
        inside += found.low <= 1 <= found.high
        alone += steps.low * step_time.estimate <= 1 <= steps.high * step_time.estimate
    assert 0.94 <= inside / 1500 <= 0.99
    assert alone / 1500 < 0.85
