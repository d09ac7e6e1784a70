"""Grids share an axis."""

from __future__ import annotations

from math import nan

import pandas as pd

from optbench.report.figures.marks.grids import shared_range


def test_the_shared_axis() -> None:
    assert shared_range(pd.Series([1.0, 100.0, nan])) == (1.0, 100.0)
    assert shared_range(pd.Series([1e-30, 1.0])) == (1e-10, 1.0)
    assert shared_range(pd.Series([-1.0, 1.0])) is None
    assert shared_range(pd.Series([0.0, nan])) is None
