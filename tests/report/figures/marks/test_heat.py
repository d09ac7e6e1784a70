"""The heat map prints every ratio, and its numbers can be read."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from matplotlib.colors import to_hex

from lab.figures import STYLES, contrast, lines
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
from optbench.report.palette import DARK, LIGHT

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(1, "1"), (0.953, "0.95"), (1.034, "1.03"), (12.3, "12"), (123.4, "123"), (3.1e-7, "3×10⁻⁷"),
     (2e5, "2×10⁵"), (INF, "∞"), (0, "0"), (NAN, "–"), (0.011, "0.011"), (0.0036, "0.0036")],
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


def test_heat_maps_may_have_other_sides(ax):
    table = pd.DataFrame(
        {"optimizer": ["sgd", "adam"], "schedule": ["a", "b"], "estimate": [0.5, 2.0]},
    ).assign(low=NAN, high=NAN, is_reference=False)
    draw_heat(table, ax, {}, rows=["b", "a"], columns=["adam", "sgd"], down="schedule", across="optimizer")
    assert {t.get_position(): t.get_text() for t in ax.texts if t.get_text()} == {
        (1.5, 1.5): "0.5", (0.5, 0.5): "2"
    }  # fmt: skip
    assert not ax.lines


def test_heat_prints_every_ratio(ax):
    table = pd.DataFrame(
        {
            "optimizer": ["sgd", "adam", "adam"],
            "workload": ["a", "a", "b"],
            "estimate": [1.0, 2**-0.5, INF],
            "low": [1.0, 0.4, 0.8],
            "high": [1.0, 0.9, INF],
            "is_reference": [True, False, False],
        }
    )
    draw_heat(table, ax, STYLES, rows=["sgd", "adam"], columns=["a", "b"], labels={"sgd": "SGD"})
    printed = {t.get_position(): t.get_text() for t in ax.texts}
    assert printed == {(0.5, 0.5): "ref", (0.5, 1.5): "0.71", (1.5, 1.5): "(∞)"}  # 0.8 to infinity holds 1
    (mesh,) = ax.collections
    mesh.update_scalarmappable()
    same, below, empty, above = mesh.get_facecolors()[[0, 2, 1, 3]]  # row by row, two columns
    assert (to_hex(below), to_hex(above)) == (LIGHT[LOWER], LIGHT[HIGHER])
    assert (same[3], empty[3]) == (0, 0)
    assert below[3] == pytest.approx(DEEPEST / 2, abs=DEEPEST / 64)  # log sqrt(2) / log 2, of 64 shades
    assert above[3] == DEEPEST
    assert [t.get_text() for t in ax.get_yticklabels()] == ["SGD", "adam"]
    assert lines(ax, "adam")[0].get_ydata()[0] == 1.5


def test_labels_wrap_to_three_short_lines():
    assert wrapped("Ravine") == "Ravine"
    assert wrapped("Logistic regression, breast cancer") == "Logistic\nregression,\nbreast cancer"
    for label in ("x" * 80, "a b " * 30, "<b>$\\alpha$</b>"):
        assert all(len(line) <= 14 for line in wrapped(label).split("\n"))
        assert wrapped(label).count("\n") <= 2
