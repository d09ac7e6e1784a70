"""Axes to draw on."""

from __future__ import annotations

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure


@pytest.fixture
def ax() -> Axes:
    return Figure(figsize=(5, 3), dpi=72).add_subplot()
