"""Curves of convergence: medians, bands, what has no end."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from lab.figures import STYLES, curve, lines
from optbench.figures import draw_convergence
from optbench.report.figures.sections.convergence import _kept_steps

# --- drawing: artists read back ------------------------------------------------------------------------


def test_convergence_draws_medians_and_bands(ax):
    table = pd.concat([curve("sgd", [2, 1, 0.5]), curve("adam", [2, 0.3, 0.01])])
    before = dict(mpl.rcParams)
    draw_convergence(table, ax, STYLES, labels={"sgd": "SGD"}, target=0.1, title="constant")
    for name in ("sgd", "adam"):
        (line,) = lines(ax, name)
        rows = table[table["optimizer"] == name]
        np.testing.assert_array_equal(line.get_xdata(), rows["step"])
        np.testing.assert_array_equal(line.get_ydata(), rows["median"])
        assert to_hex(line.get_color()) == STYLES[name].color
    (band,) = (c.get_paths()[0].vertices for c in ax.collections if c.get_label() == "_band sgd")
    assert {(0.0, 1.6), (0.0, 2.4), (20.0, 0.4), (20.0, 0.6)} <= {tuple(np.round(v, 9)) for v in band}
    assert ax.get_yscale() == "log"
    assert [t.get_text() for t in ax.texts] == ["SGD", "adam"]
    assert ax.get_title(loc="left") == "constant"
    assert lines(ax, "_target")[0].get_ydata()[0] == 0.1
    assert dict(mpl.rcParams) == before


def test_convergence_marks_what_stops_and_what_has_no_end(ax):
    table = pd.concat(
        [
            curve("sgd", [2, 1, np.inf, np.inf], high=np.inf),
            curve("adam", [2, 1.5, 1.2, 1], high=[2.1, 1.6, np.inf, np.inf]),
        ]
    )
    draw_convergence(table, ax, STYLES)
    np.testing.assert_array_equal(lines(ax, "sgd")[0].get_xdata(), [0, 10])
    (cross,) = lines(ax, "_stop sgd")
    assert (cross.get_xdata()[0], cross.get_ydata()[0]) == (10, 1)
    np.testing.assert_array_equal(lines(ax, "_open above adam")[0].get_xdata(), [20, 30])
    assert not lines(ax, "_stop adam")


def test_a_runaway_curve_does_not_flatten_the_rest(ax):
    draw_convergence(pd.concat([curve("sgd", [2, 1e9, 1e30]), curve("adam", [2, 1, 0.5])]), ax, STYLES)
    assert ax.get_ylim()[1] < 100


@pytest.mark.parametrize(("median", "scale"), [([1, -1], "linear"), ([1, 0], "log"), ([0, 0], "linear")])
def test_axis_fits_the_sign_of_the_losses(ax, median, scale):
    draw_convergence(curve("sgd", median), ax, STYLES)
    assert ax.get_yscale() == scale


def test_one_seed_draws_lines_without_bands(ax):
    draw_convergence(curve("sgd", [2, 1], n=1, low=np.nan, high=np.nan), ax, STYLES)
    assert len(lines(ax, "sgd")) == 1
    assert not ax.collections


def test_a_curve_that_swings_is_drawn_at_all_its_steps():
    steps = np.arange(0, 120)
    calm, swinging = curve("sgd", 1 / (1 + steps)), curve("adam", 2 + np.cos(steps))
    assert len(_kept_steps(calm)) <= 41
    assert _kept_steps(pd.concat([calm, swinging])) == sorted(swinging["step"])
