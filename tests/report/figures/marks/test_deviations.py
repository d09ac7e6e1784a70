"""Deviations are drawn in tolerances."""

from __future__ import annotations

import numpy as np
import pytest

from lab.oracle import found
from optbench.report.figures.axes import panel
from optbench.report.figures.marks.deviations import draw_deviations, shares


def test_deviations_are_drawn_in_tolerances():
    table = found()
    assert shares(table) == pytest.approx([0, 0.4, 10, np.inf, np.nan], nan_ok=True)
    _, ax = panel()
    draw_deviations(table, ax)
    at = {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}
    assert list(at) == ["rate_gd", "rate_hb", "limit_gd", "diverged"]
    assert [line.get_xdata()[0] for line in at.values()] == pytest.approx([1e-6, 0.4, 10, 100])
    assert [line.get_marker() for line in at.values()] == ["o", "o", "X", "X"]
    assert [line.get_ydata()[0] for line in at.values()] == [0, 1, 2, 3]
    assert [text.get_text() for text in ax.texts] == ["not measured"]
    assert [label.get_text() for label in ax.get_yticklabels()] == list(table["fact"])
