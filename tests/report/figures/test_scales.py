"""Scales and ticks between any two numbers."""

from __future__ import annotations

import numpy as np
import pytest

from optbench.report.figures.axes import panel
from optbench.report.figures.scales import (
    beyond_words,
    drawable,
    linear_scale,
    log_scale,
    tick_label,
    tidy_number,
)


@pytest.mark.parametrize(
    ("value", "span", "text"),
    [
        (0.0, 1.0, "0"), (-0.0, 1.0, "0"), (1e-17, 1.0, "0"), (-0.5, 1.0, "−0.5"),
        (1000.0, 1.0, "1\u2009000"),
        (2e-300, 1e-299, "2×10⁻³⁰⁰"), (-7.5e279, 1e280, "−7.5×10²⁷⁹"), (1e6, 1e6, "1×10⁶"),
        (25000, 1e5, "25\u2009000"),
    ],
)  # fmt: skip
def test_ticks_of_a_linear_axis_are_short(value, span, text):
    assert tidy_number(value, span) == text


def test_what_is_drawn_stays_where_a_figure_can_show_it():
    given = [0.0, -0.0, 5e-324, -1e-300, 1.0, -1.7e308, np.inf, -np.inf, np.nan]
    wanted = [0.0, 0.0, 1e-280, -1e-280, 1.0, -1e280, np.inf, -np.inf, np.nan]
    np.testing.assert_array_equal(drawable(given), wanted)
    assert beyond_words([1.0, np.inf, np.nan, 0.0]) == ""
    assert "10⁻²⁸⁰" in beyond_words([1.0, 5e-324])


@pytest.mark.parametrize(
    ("low", "high"), [(5e-324, 1.7e308), (5e-324, 5e-324), (1.7e308, 1.7e308), (1e-30, 1e40), (1.0, 1.0)]
)
def test_a_logarithmic_axis_has_ticks_between_any_ends(low, high):
    _, ax = panel()
    log_scale(ax, "y", low, high)
    bottom, top = ax.get_ylim()
    assert 0 < bottom < top < np.inf
    ticks = [tick for tick in ax.yaxis.get_majorticklocs() if bottom <= tick <= top]
    assert 1 <= len(ticks) <= 8
    assert all(len(tick_label(tick)) <= 14 for tick in ticks)


@pytest.mark.parametrize(
    ("low", "high"),
    [(-1.7e308, 1.7e308), (5e-324, 5e-324), (1.0, float(np.nextafter(1, 2))), (-1e308, -1e308), (0.0, 0.0)],
)
def test_a_linear_axis_has_ticks_between_any_ends(low, high):
    _, ax = panel()
    linear_scale(ax, "y", low, high, pad=0.06)
    bottom, top = ax.get_ylim()
    assert -np.inf < bottom < top < np.inf
    assert bottom <= np.clip(low, -1e280, 1e280) <= np.clip(high, -1e280, 1e280) <= top
    assert len([tick for tick in ax.yaxis.get_majorticklocs() if bottom <= tick <= top]) > 1
