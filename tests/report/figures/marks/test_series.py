"""Lines, bands, dots and intervals: each point where it was given, each artist under its own name."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.colors import to_hex

from optbench.report.figures.axes import style_axes
from optbench.report.figures.backend.style import drawing
from optbench.report.figures.marks.series import Series, draw_band, draw_dot, draw_interval, draw_series, look
from optbench.report.palette import HUES, LIGHT, assign_styles

STYLES = assign_styles([f"o{i}" for i in range(8)])
THIRD = 1 / 3  # no decimal, and not the same after a logarithm and back


def test_lines_of_a_panel_are_one_call_of_seaborn(ax, monkeypatch):
    calls = []
    lineplot = sns.lineplot
    monkeypatch.setattr(sns, "lineplot", lambda **named: (calls.append(named), lineplot(**named)))
    x = np.array([3.0, 1.0, 2.0])  # joined as given, not sorted
    lines = [Series(name, x, np.array([THIRD, 2.0, index]), look(style, "line"))
             for index, (name, style) in enumerate(STYLES.items())]  # fmt: skip
    draw_series(ax, lines, linewidth=1.8)
    assert len(calls) == 1
    assert [line.get_label() for line in ax.lines] == list(STYLES)
    for index, (line, style) in enumerate(zip(ax.lines, STYLES.values(), strict=True)):
        np.testing.assert_array_equal(line.get_xydata(), [[3, THIRD], [1, 2], [2, index]])
        assert to_hex(line.get_color()) == style.color
        assert line.get_gid() == f"series{index}-line"
        assert line.get_linewidth() == 1.8
    solid, dashed = ax.lines[0], ax.lines[HUES]
    assert (solid.get_linestyle(), dashed.get_linestyle()) == ("-", "--")


def test_points_that_are_unknown_are_left_out_and_names_stay_with_their_lines(ax):
    nothing = np.array([np.nan, np.nan])
    lines = [
        Series("gap", np.arange(3.0), np.array([1.0, np.nan, 3.0]), {"gid": "a"}),
        Series("none", np.arange(2.0), nothing, {"gid": "b"}),
        Series("whole", np.arange(2.0), np.array([5.0, 6.0]), {"gid": "c", "marker": "s"}),
    ]
    draw_series(ax, lines)
    assert [(line.get_label(), line.get_gid(), line.get_ydata().tolist()) for line in ax.lines] == [
        ("gap", "a", [1, 3]), ("whole", "c", [5, 6]),
    ]  # fmt: skip
    assert [line.get_marker() for line in ax.lines] == ["None", "s"]
    draw_series(ax, [Series("none", np.arange(2.0), nothing, {})])
    draw_series(ax, [])
    assert len(ax.lines) == 2


def test_markers_have_the_edge_that_is_asked_for(ax):
    marked = {"color": LIGHT["hue-1"], "marker": "o"}
    draw_series(ax, [Series("a", np.arange(2.0), np.arange(2.0), marked)])
    draw_series(ax, [Series("b", np.arange(2.0), np.arange(2.0), marked)], markeredgecolor=LIGHT["paper"])
    own, white = (to_hex(line.get_markeredgecolor()) for line in ax.lines)
    assert (own, white) == (LIGHT["hue-1"], LIGHT["paper"])


def test_stairs_hold_their_value_until_the_next_point(ax):
    stairs = Series("a", np.array([0.0, 10.0, 20.0]), np.array([0.0, 0.5, 1.0]), {})
    draw_series(ax, [stairs], drawstyle="steps-post")
    assert ax.lines[0].get_drawstyle() == "steps-post"


def test_drawing_lines_leaves_the_names_of_the_axes_alone(ax):
    line = Series("a", np.arange(2.0), np.arange(2.0), {})
    draw_series(ax, [line])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("", "")
    ax.set_xlabel("steps")
    draw_series(ax, [line])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("steps", "")
    assert ax.get_legend() is None


def test_a_band_lies_between_its_ends_where_there_is_one(ax):
    x, low, high = np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0, 1.0]), np.array([2.0, 3.0, 4.0])
    given = {"style": STYLES["o1"], "name": "o1", "alpha": 0.1}
    draw_band(ax, x, low, high, where=np.zeros(3, bool), **given)
    assert not ax.collections
    draw_band(ax, x, low, high, where=np.array([True, True, False]), **given)
    corners = {tuple(corner) for corner in ax.collections[0].get_paths()[0].vertices.tolist()}
    assert corners == {(0, 1), (0, 2), (1, 1), (1, 3)}
    draw_band(ax, x, low, high, where=np.ones(3, bool), stairs=True, **given)
    corners = {tuple(corner) for corner in ax.collections[1].get_paths()[0].vertices.tolist()}
    assert (1, 2) in corners  # the first upper end holds until the second point
    assert {band.get_gid() for band in ax.collections} == {"series1-band"}


def test_dots_and_intervals_carry_their_series(ax):
    draw_interval(ax, (0.5, 2.0), (3, 3), STYLES["o2"], name="o2")
    draw_dot(ax, 1.0, 3, STYLES["o2"], label="o2")
    draw_dot(
        ax, np.array([1.0, 2.0]), np.array([4.0, 5.0]), STYLES["o3"], label="two", part="chosen", marker="x"
    )
    bar, dot, two = ax.lines
    assert bar.get_xydata().tolist() == [[0.5, 3], [2, 3]]
    assert dot.get_xydata().tolist() == [[1, 3]]
    assert two.get_xydata().tolist() == [[1, 4], [2, 5]]
    assert [line.get_gid() for line in ax.lines] == ["series2-interval", "series2-dot", "series3-chosen"]
    assert (dot.get_marker(), two.get_marker()) == (STYLES["o2"].marker, "x")
    assert to_hex(dot.get_markeredgecolor()) == LIGHT["paper"]


def test_styled_axes_have_two_spines(ax):
    style_axes(ax)
    assert {side for side, spine in ax.spines.items() if spine.get_visible()} == {"left", "bottom"}


def test_colours_of_further_lines_are_the_palettes_in_order():
    with drawing():
        cycle = mpl.rcParams["axes.prop_cycle"].by_key()["color"]
    assert cycle == [LIGHT[f"hue-{index}"] for index in range(HUES)]
