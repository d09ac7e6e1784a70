"""Axes: ticks, names and panels that can be read."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from lab.figures import fragment
from optbench.report.figures.axes import (
    beyond_words,
    drawable,
    linear_scale,
    log_scale,
    name_ticks,
    panel,
    space_apart,
    tick_label,
    tidy_number,
    write_title,
)
from optbench.report.figures.backend.style import drawing


def test_spread_keeps_order_gap_and_bounds():
    rng = np.random.default_rng(3)
    for _ in range(50):
        wanted = rng.uniform(0, 100, 6).tolist()
        placed = space_apart(wanted, 12, 0, 100)
        ordered = [placed[i] for i in np.argsort(wanted)]
        assert np.diff(ordered).min() >= 12 - 1e-9
        assert min(placed) >= -1e-9
        assert max(placed) <= 100 + 1e-9
    assert space_apart([10, 50], 12, 0, 100) == [10, 50]


def test_ticks_are_plain_text():
    assert [tick_label(v) for v in (1e-7, 0.01, 1, 1e6, 0.2)] == ["10⁻⁷", "0.01", "1", "10⁶", "0.2"]


def test_names_of_ticks_are_no_formulas():
    for name in ("$x$", "a$b", r"\$c$", "100 $"):
        with drawing():
            figure, axes = panel()
            name_ticks(axes, "y", [0.5], [name])
            svg = fragment(figure, "p", "t", "d")
        texts = [e.text for e in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314
        assert name in texts


def test_a_long_name_of_a_panel_begins_further_left_and_fits():
    for left in (20, 170):
        for title in ("Constant", "Logistic regression, breast cancer: Cosine", 60 * "W"):
            with drawing():
                figure, axes = panel(360, 100, left=left)
                write_title(axes, title)
                (words,) = (t for t in axes.findobj(Text) if t.get_text() and t.get_text()[:3] == title[:3])
                box = words.get_window_extent(FigureCanvasAgg(figure).get_renderer())
            assert box.x0 >= 0
            assert box.x1 <= 360
            if title == "Constant":
                assert box.x0 == pytest.approx(left, abs=1)
            assert axes.get_title(loc="left") == title or axes.get_title(loc="left").endswith("W…")


# --- the ends of the floats ----------------------------------------------------------------------------


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
