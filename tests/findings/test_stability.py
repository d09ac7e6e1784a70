"""The measure of agreement between two rankings against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from optbench.findings.stability import kendall_tau


def test_kendall_tau_is_scipys() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        x, y = rng.integers(0, 5, 9).astype(float), rng.integers(0, 5, 9).astype(float)
        assert kendall_tau(x, y) == pytest.approx(scipy_stats.kendalltau(x, y).statistic)
