"""Points where they were measured, with names that do not overlap."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lab.figures import STYLES, lines
from optbench.report.figures.marks.points import draw_points, draw_rate_map, draw_schedule_effects

NAN, INF = float("nan"), float("inf")


def test_points_stand_where_they_were_measured(ax):
    table = pd.DataFrame(
        {
            "optimizer": ["sgd", "momentum", "adam"],
            "x": [1.0, 10.0, INF],
            "x_low": NAN,
            "x_high": NAN,
            "y": [2.0, 1.0, 1.0],
            "y_low": [1.5, 0.5, 1],
            "y_high": [2.5, INF, 1],
            "front": [True, True, False],
        }
    )
    draw_points(table, ax, STYLES, limits=((1, 10), (0.5, 2)), labels={"sgd": "SGD"})
    assert lines(ax, "sgd")[0].get_xydata().tolist() == [[1, 2]]
    assert not lines(ax, "adam")
    assert lines(ax, "_front")[0].get_xydata().tolist() == [[1, 2], [10, 1]]
    assert lines(ax, "_interval momentum")[0].get_ydata()[1] == ax.get_ylim()[1]
    assert sorted(t.get_text() for t in ax.texts) == ["SGD", "momentum"]


def test_names_beside_points_do_not_overlap(ax):
    rng = np.random.default_rng(1)
    names = [f"o{i}" for i in range(8)]
    from optbench.figures import assign_styles

    table = pd.DataFrame(
        {"optimizer": names, "x": 10 ** rng.random(8), "y": 10 ** rng.random(8), "front": False}
    ).assign(x_low=NAN, x_high=NAN, y_low=NAN, y_high=NAN)
    draw_points(table, ax, assign_styles(names), limits=((1, 10), (1, 10)))
    ax.figure.canvas.draw()
    boxes = [t.get_window_extent() for t in ax.texts]
    hit = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
    assert hit == []


def test_a_crowd_names_its_front_and_whom_it_has_room_for(ax):
    names = [f"optimizer {i}" for i in range(40)]
    from optbench.figures import assign_styles

    table = pd.DataFrame({"optimizer": names, "x": np.linspace(1, 1.3, 40), "y": 2.0, "front": False}).assign(
        x_low=NAN, x_high=NAN, y_low=NAN, y_high=NAN
    )
    table.loc[[30, 39], "front"] = True
    draw_points(table, ax, assign_styles(names), limits=((1, 10), (1, 10)))
    ax.figure.canvas.draw()
    boxes = [t.get_window_extent() for t in ax.texts]
    assert [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)] == []
    written = [t.get_text() for t in ax.texts]
    assert written[:2] == ["optimizer 30", "optimizer 39"]
    assert 2 < len(written) < 40
    assert all(lines(ax, name) for name in names)


def test_schedule_effects_show_the_common_one(ax):
    table = pd.DataFrame(
        {
            "optimizer": ["adam", "sgd"],
            "estimate": [0.5, 0.9],
            "low": [0.4, 0.8],
            "high": [0.6, 1.1],
            "common": 0.7,
        }
    )
    draw_schedule_effects(table, ax, STYLES, rows=["sgd", "adam"], limits=(0.4, 1.1))
    assert lines(ax, "sgd")[0].get_xydata().tolist() == [[0.9, 0]]
    assert lines(ax, "adam")[0].get_xydata().tolist() == [[0.5, 1]]
    assert lines(ax, "_common")[0].get_xdata()[0] == 0.7
    assert lines(ax, "_one")[0].get_xdata()[0] == 1


def test_rate_map_marks_the_cells_and_the_edge(ax):
    lr, momentum = np.geomspace(0.01, 1, 20), np.linspace(0, 0.9, 10)
    rates = np.abs(1 - lr[None, :]) + 0 * momentum[:, None]
    cells = pd.DataFrame(
        {"optimizer": ["sgd", "momentum"], "lr": [0.1, 0.9], "momentum": [0, 0.9], "diverged": [False, True]}
    )
    draw_rate_map((lr, momentum, rates), cells, ax, STYLES, edge=np.full(10, 0.8))
    assert lines(ax, "sgd")[0].get_xydata().tolist() == [[0.1, 0]]
    assert lines(ax, "momentum")[0].get_marker() == "x"
    assert set(lines(ax, "_edge")[0].get_xdata()) == {0.8}
    assert ax.get_xlim() == (0.01, 1)
    assert {"sgd", "momentum"} <= {text.get_text() for text in ax.texts}


def test_rate_map_of_a_sweep_names_no_mark(ax):
    lr, momentum = np.geomspace(0.01, 1, 20), np.linspace(0, 0.9, 10)
    rates = np.abs(1 - lr[None, :]) + 0 * momentum[:, None]
    cells = pd.DataFrame(
        {"optimizer": "sgd", "lr": np.linspace(0.1, 0.9, 13), "momentum": 0.5, "diverged": False}
    )
    draw_rate_map((lr, momentum, rates), cells, ax, STYLES, edge=np.full(10, 0.8))
    assert "sgd" not in {text.get_text() for text in ax.texts}
