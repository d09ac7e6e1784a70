"""Shares over steps: stairs that hold until the next row."""

from __future__ import annotations

import pandas as pd
from matplotlib.colors import to_hex

from lab.figures import STYLES, lines
from optbench.report.figures.marks.shares import draw_shares

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
