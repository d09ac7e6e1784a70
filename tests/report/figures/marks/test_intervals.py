"""Dots with intervals: what goes in is drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lab.figures import STYLES, lines
from optbench.figures import draw_by_schedule, draw_cosines, draw_final_losses, draw_ratios, draw_slopes


def test_final_losses_draw_dot_interval_and_share(ax):
    table = pd.DataFrame(
        {
            "optimizer": ["sgd", "adam", "momentum"],
            "estimate": [0.1, 0.2, np.inf],
            "low": [0.05, 0.15, 0.3],
            "high": [0.2, np.inf, np.inf],
            "n": 4,
            "n_ok": [4, 3, 1],
        }
    )
    draw_final_losses(table, ax, STYLES, labels={"sgd": "SGD"})
    (dot,) = lines(ax, "sgd")
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (0.1, 0)
    np.testing.assert_array_equal(lines(ax, "_interval sgd")[0].get_xdata(), [0.05, 0.2])
    assert lines(ax, "_interval adam")[0].get_xdata()[1] == ax.get_xlim()[1]
    assert not lines(ax, "momentum")
    texts = [t.get_text() for t in ax.texts]
    assert texts == ["4/4", "3/4", "1/4", "no finite median"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["SGD", "adam", "momentum"]


def test_ratios_draw_dot_interval_and_the_line_at_one(ax):
    table = pd.DataFrame(
        {
            "optimizer": ["sgd", "adam", "momentum"],
            "estimate": [1.0, 1.4, np.nan],
            "low": [1.0, 1.3, np.nan],
            "high": [1.0, 1.6, np.nan],
        }
    )
    draw_ratios(table, ax, STYLES, labels={"sgd": "SGD"})
    assert ax.get_xscale() == "log"
    assert lines(ax, "_one")[0].get_xdata()[0] == 1
    (dot,) = lines(ax, "adam")
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (1.4, 1)
    np.testing.assert_array_equal(lines(ax, "_interval adam")[0].get_xdata(), [1.3, 1.6])
    assert not lines(ax, "momentum")
    assert [t.get_text() for t in ax.texts] == ["no ratio"]
    assert ax.get_xlim()[0] < 1
    assert ax.get_xlim()[1] > 1.6


def test_ratios_of_the_reference_alone_have_an_axis(ax):
    draw_ratios(pd.DataFrame({"optimizer": ["sgd"], "estimate": 1.0, "low": 1.0, "high": 1.0}), ax, STYLES)
    assert ax.get_xlim()[0] < 1 < ax.get_xlim()[1]


def test_cosines_lie_between_reversal_and_repetition(ax):
    table = pd.DataFrame(
        {
            "optimizer": ["sgd", "adam"],
            "estimate": [-0.9, np.nan],
            "low": [-1.0, np.nan],
            "high": [-0.5, np.nan],
            "n": 4,
            "n_ok": [4, 0],
            "baseline": [0.0, np.nan],
        }
    )
    draw_cosines(table, ax, STYLES)
    np.testing.assert_array_equal(lines(ax, "_baseline sgd")[0].get_xdata(), [0, 0])
    assert not lines(ax, "_baseline adam")
    assert ax.get_xscale() == "linear"
    assert ax.get_xlim()[0] < -1 < 1 < ax.get_xlim()[1]
    assert lines(ax, "_zero")[0].get_xdata()[0] == 0
    assert lines(ax, "sgd")[0].get_xdata()[0] == -0.9
    np.testing.assert_array_equal(lines(ax, "_interval sgd")[0].get_xdata(), [-1, -0.5])
    assert [t.get_text() for t in ax.texts] == ["4/4", "0/4", "no finite median"]


def test_slopes_follow_the_schedules(ax):
    table = pd.DataFrame(
        {"optimizer": ["sgd", "sgd", "adam"], "schedule": ["b", "a", "a"], "estimate": [2.0, 1.0, np.inf]}
    )
    draw_slopes(table, ax, STYLES, schedules=["a", "b"])
    np.testing.assert_array_equal(lines(ax, "sgd")[0].get_ydata(), [1, 2])
    assert not lines(ax, "adam")


def test_many_schedules_have_a_row_each(ax):
    table = pd.DataFrame(
        {"optimizer": ["sgd", "sgd", "adam"], "schedule": ["b", "a", "a"], "estimate": [2.0, 1.0, np.inf]}
    )
    draw_by_schedule(table, ax, STYLES, schedules=["a", "b"], labels={"sgd": "SGD"})
    (marks,) = lines(ax, "sgd")
    assert sorted(marks.get_xydata().tolist()) == [[1, 0], [2, 1]]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first at the top
    assert [len(line.get_xdata()) for line in lines(ax, "adam")] in ([], [0])
    assert [t.get_text() for t in ax.texts] == ["SGD", "adam"]  # each has its mark named above


def test_slopes_carry_the_learning_rate_below_each_schedule(ax):
    table = pd.DataFrame({"optimizer": "sgd", "schedule": ["a", "b"], "estimate": [2.0, 1.0]})
    course = pd.DataFrame({"step": [0, 50, 100], "share": [1, 0.5, 0]})
    draw_slopes(table, ax, STYLES, schedules=["a", "b"], courses={"b": course})
    (drawn,) = [c for c in ax.collections if c.get_label() == "_course"]
    x, y = drawn.get_paths()[0].vertices.T
    assert (x.min() + x.max()) / 2 == pytest.approx(1)
    assert y.max() < 0
