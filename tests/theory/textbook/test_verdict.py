"""From parts to a verdict."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from optbench.theory.textbook.verdict import Part, lower, verdict


def test_the_paired_part_needs_its_direction_and_enough_seeds() -> None:
    low, high = pd.Series(range(8), dtype=float), pd.Series(range(10, 18), dtype=float)
    assert lower(low, high, "x").holds is True
    assert lower(low, high, "x").p == pytest.approx(2 / 2**8)  # all eight signs alike, two-sided
    assert lower(high, low, "x").holds is False
    assert lower(high, low, "x", among=7).holds is None  # 7 x 0.0078 exceeds 5%
    assert lower(low, low, "x").holds is None
    assert lower(low[:5], high, "x").holds is None
    endless = pd.Series(np.inf, range(8))
    assert lower(low, endless, "x").holds is True


def test_parts_add_up() -> None:
    yes, no, open_ = Part(True, ""), Part(False, ""), Part(None, "")
    assert verdict((yes, yes)) == "supported"
    assert verdict((yes, open_)) == "inconclusive"
    assert verdict((open_, no)) == "refuted"
