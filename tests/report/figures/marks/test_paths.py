"""Paths over a landscape, velocities, averages, learning rates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lab.fabricate import ravine_path
from lab.figures import STYLES, lines
from optbench.catalogue.workloads.landscapes import LANDSCAPES
from optbench.figures import average, draw_average, draw_lr, draw_path, draw_velocity, velocities
from optbench.theory.textbook.measure import textbook_signal


def test_path_draws_every_point_over_contours(ax):
    path = ravine_path(0.8, 0.1, 50)
    table = pd.DataFrame({"optimizer": "momentum", "step": range(51), "x": path[:, 0], "y": path[:, 1]})
    draw_path(table, ax, STYLES, LANDSCAPES["ravine"])
    (line,) = lines(ax, "momentum")
    np.testing.assert_array_equal(line.get_xydata(), path)
    assert ax.get_xlim() == (-2.5, 2.5)
    assert ax.get_ylim() == (-0.5, 0.5)
    assert ax.collections
    assert lines(ax, "_minimum")[0].get_xydata().tolist() == [[0, 0]]


def test_path_of_one_coordinate_lies_on_its_curve(ax):
    table = pd.DataFrame({"optimizer": "sgd", "step": [0, 1], "x": [2.0, 1.0]})
    draw_path(table, ax, STYLES, LANDSCAPES["double_well"])
    np.testing.assert_allclose(lines(ax, "sgd")[0].get_ydata(), [16 / 3, 9 / 4])


def test_velocity_is_the_gradient_without_momentum(ax):
    path = ravine_path(0.0, 0.1, 20)
    long = pd.DataFrame({"step": range(21), "coordinate": "y", "value": path[:, 1]})
    table = velocities(long.sample(frac=1, random_state=1), 0.1).sort_values("step")
    np.testing.assert_allclose(table["velocity"], 18 * path[:-1, 1], rtol=1e-9)
    draw_velocity(table.assign(optimizer="sgd"), ax, STYLES)
    np.testing.assert_array_equal(lines(ax, "sgd")[0].get_ydata(), table["velocity"])


def test_velocity_over_a_gap_is_a_mean():
    table = velocities(pd.DataFrame({"step": [0, 5], "coordinate": "x", "value": [1.0, 0.0]}), 0.1)
    assert table["velocity"].tolist() == pytest.approx([2.0])


def test_one_wild_run_does_not_flatten_the_others(ax):
    swinging = np.array([1.0, -1.0, 1.0])
    table = pd.concat(
        pd.DataFrame({"optimizer": name, "step": [1, 2, 3], "velocity": most * swinging})
        for name, most in (("sgd", 1.0), ("momentum", 8.0), ("adam", 3000.0))
    )
    draw_velocity(table, ax, STYLES)
    assert ax.get_ylim() == pytest.approx(
        (-8.8, 8.8)
    )  # the median of 1, 8 and 3000, and up to ten times that
    assert lines(ax, "adam")[0].get_ydata().max() == 3000


def test_average_is_the_textbooks(ax):
    signal = textbook_signal()
    assert signal[:5].tolist() == np.random.RandomState(666).randint(5, 40, 30)[:5].tolist()
    by_hand = [signal[0]]
    for y in signal[1:]:
        by_hand.append(0.9 * by_hand[-1] + 0.1 * y)
    np.testing.assert_allclose(average(0.9, signal), by_hand, rtol=1e-14)
    draw_average(ax, others=(0.5,))
    np.testing.assert_array_equal(lines(ax, "raw points")[0].get_ydata(), signal)
    np.testing.assert_array_equal(lines(ax, "b = 0.9")[0].get_ydata(), average(0.9, signal))
    assert len(lines(ax, "b = 0.5")) == 1


def test_lr_draws_its_course(ax):
    draw_lr(pd.DataFrame({"course": "c", "step": [0, 10], "share": [1.0, 0.1]}), ax)
    np.testing.assert_array_equal(lines(ax, "c")[0].get_ydata(), [1.0, 0.1])
