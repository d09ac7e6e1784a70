"""The theme is seaborn's where it is not our own."""

from __future__ import annotations

import matplotlib as mpl
import seaborn

from optbench.report.figures.backend.style import OWN, drawing


def test_theme_is_seaborns_where_it_is_not_our_own():
    expected = {**seaborn.axes_style("ticks"), **seaborn.plotting_context("paper")}
    before = dict(mpl.rcParams)
    with drawing():
        for name in expected.keys() - OWN.keys():
            assert mpl.rcParams[name] == expected[name], name
        for name, value in OWN.items():
            assert mpl.rcParams[name] == value, name
    assert dict(mpl.rcParams) == before


def test_settings_from_elsewhere_count_for_nothing():
    """A `matplotlibrc` in the working folder sets what it likes, before anything is drawn."""
    with drawing():
        expected = dict(mpl.rcParams)
    with mpl.rc_context({"lines.linestyle": ":", "axes.formatter.limits": (-1, 1), "text.usetex": True}):
        before = dict(mpl.rcParams)
        with drawing():
            assert dict(mpl.rcParams) == expected
        assert dict(mpl.rcParams) == before
