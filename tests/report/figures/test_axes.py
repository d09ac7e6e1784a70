"""Axes: ticks, names and panels that can be read."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from lab.figures import fragment
from optbench.report.figures.axes import panel, scales_of, space_apart, write_title
from optbench.report.figures.backend.style import drawing
from optbench.report.figures.scales import (
    name_ticks,
    tick_label,
)


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


def test_scales_say_where_which_value_is():
    """What the page's tooltips read: pixels from the left and the top, and the values there."""
    _, ax = panel(360, 240, left=50, right=10, top=20, bottom=40)
    ax.set_xlim(0, 100)
    ax.set_yscale("log")
    ax.set_ylim(0.01, 10)
    assert scales_of(ax) == {"x": "50 350 0 100 linear", "y": "200 20 0.01 10 log"}
    name_ticks(ax, "x", [0, 1], ["a", "b"])
    assert set(scales_of(ax)) == {"y"}
