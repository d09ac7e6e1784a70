"""The comparing figures: what the tables hold is what is drawn, and numbers stay readable."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from lab.drawn import STYLES, contrast, lines
from matplotlib.colors import to_hex

from optbench.report.figures.marks.heat import (
    DEEPEST,
    FULL,
    HIGHER,
    LOWER,
    draw_heat,
    place,
    ratio_text,
    scale,
    wrapped,
)
from optbench.report.figures.marks.intervals import draw_slopes
from optbench.report.figures.marks.points import draw_points, draw_rate_map, draw_schedule_effects
from optbench.report.figures.marks.shares import draw_shares
from optbench.report.palette import DARK, LIGHT

NAN, INF = float("nan"), float("inf")


def test_shares_hold_until_the_next_row_and_on_to_the_edge(ax):
    table = pd.DataFrame(
        {
            "optimizer": ["sgd", "sgd", "adam", "adam"],
            "x": [0, 10, 0, 5],
            "share": [0, 0.5, 0, 1],
            "low": [0, 0.2, NAN, NAN],
            "high": [0, 0.8, NAN, NAN],
        }
    )
    draw_shares(table, ax, STYLES, limits=(0, 20), labels={"sgd": "SGD"})
    (line,) = lines(ax, "sgd")
    assert line.get_drawstyle() == "steps-post"
    assert line.get_xydata().tolist() == [[0, 0], [10, 0.5], [20, 0.5]]
    assert to_hex(line.get_color()) == STYLES["sgd"].color
    assert [c.get_label() for c in ax.collections] == ["_band sgd"]
    assert [t.get_text() for t in ax.texts] == ["SGD", "adam"]
    low, high = ax.get_ylim()
    assert low < 0
    assert high > 1


def test_band_ends_where_everyone_has_arrived(ax):
    table = pd.DataFrame(
        {"optimizer": "sgd", "x": [0, 10, 30], "share": [0, 0.5, 1], "low": 0.1, "high": [0.3, 0.9, 1.0]}
    )
    draw_shares(table, ax, STYLES, limits=(0, 100))
    assert max(x for x, _ in ax.collections[0].get_paths()[0].vertices) == 30
    assert lines(ax, "sgd")[0].get_xdata()[-1] == 100


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(1, "1"), (0.953, "0.95"), (12.3, "12"), (123.4, "123"), (3e-7, "10⁻⁷"), (2e5, "10⁵"), (INF, "∞"),
     (0, "0"), (NAN, "–"), (0.011, "0.011")],
)  # fmt: skip
def test_ratios_fit_their_square(ratio, text):
    assert ratio_text(ratio) == text


def test_depth_follows_the_logarithm():
    assert place(1) == place(NAN) == 0
    assert place(FULL) == pytest.approx(1)
    assert place(math.sqrt(FULL)) == pytest.approx(-place(1 / math.sqrt(FULL))) == pytest.approx(0.5)
    assert place(INF) == place(1e9) == 1
    assert place(0) == -1
    below, middle, above = (scale()(share) for share in (0.0, 0.5, 1.0))
    assert [to_hex(color) for color in (below, above)] == [LIGHT[LOWER], LIGHT[HIGHER]]
    assert below[3] == above[3] == DEEPEST
    assert middle[3] == 0


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("hue", [LOWER, HIGHER])
def test_numbers_can_be_read_on_the_deepest_square(theme, hue):
    mixed = [
        round(DEEPEST * int(theme[hue][i : i + 2], 16) + (1 - DEEPEST) * int(theme["paper"][i : i + 2], 16))
        for i in (1, 3, 5)
    ]
    assert contrast(theme["ink"], "#" + "".join(f"{c:02x}" for c in mixed)) >= 4.5


def test_heat_prints_every_ratio(ax):
    table = pd.DataFrame(
        {
            "optimizer": ["sgd", "adam", "adam"],
            "workload": ["a", "a", "b"],
            "estimate": [1.0, 0.5, INF],
            "low": [1.0, 0.4, 0.8],
            "high": [1.0, 0.9, INF],
            "is_reference": [True, False, False],
        }
    )
    draw_heat(table, ax, STYLES, rows=["sgd", "adam"], columns=["a", "b"], labels={"sgd": "SGD"})
    printed = {t.get_position(): (t.get_text(), t.get_fontweight()) for t in ax.texts}
    assert printed == {
        (0.5, 0.5): ("ref", "normal"), (0.5, 1.5): ("0.5", "bold"), (1.5, 1.5): ("∞", "normal"),
    }  # fmt: skip
    (mesh,) = ax.collections
    mesh.update_scalarmappable()
    same, below, empty, above = mesh.get_facecolors()[[0, 2, 1, 3]]  # row by row, two columns
    assert (to_hex(below), to_hex(above)) == (LIGHT[LOWER], LIGHT[HIGHER])
    assert (same[3], empty[3]) == (0, 0)
    assert below[3] == pytest.approx(DEEPEST / 3, abs=DEEPEST / 64)  # log 2 / log 8, of 64 shades
    assert above[3] == DEEPEST
    assert [t.get_text() for t in ax.get_yticklabels()] == ["SGD", "adam"]
    assert lines(ax, "adam")[0].get_ydata()[0] == 1.5


def test_labels_wrap_to_three_short_lines():
    assert wrapped("Ravine") == "Ravine"
    assert wrapped("Logistic regression, breast cancer") == "Logistic\nregression,\nbreast cancer"
    for label in ("x" * 80, "a b " * 30, "<b>$\\alpha$</b>"):
        assert all(len(line) <= 14 for line in wrapped(label).split("\n"))
        assert wrapped(label).count("\n") <= 2


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


def test_slopes_carry_the_learning_rate_below_each_schedule(ax):
    table = pd.DataFrame({"optimizer": "sgd", "schedule": ["a", "b"], "estimate": [2.0, 1.0]})
    course = pd.DataFrame({"step": [0, 50, 100], "share": [1, 0.5, 0]})
    draw_slopes(table, ax, STYLES, schedules=["a", "b"], courses={"b": course})
    (drawn,) = [c for c in ax.collections if c.get_label() == "_course"]
    x, y = drawn.get_paths()[0].vertices.T
    assert (x.min() + x.max()) / 2 == pytest.approx(1)
    assert y.max() < 0
