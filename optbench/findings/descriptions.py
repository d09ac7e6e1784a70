"""Findings that describe: they count or measure, and compare nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from optbench.findings.finding import DESCRIPTION, Finding, make, template_of
from optbench.findings.verdicts import INSUFFICIENT
from optbench.stats.intervals import median_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from optbench.findings.finding import Say


def describe(
    section: str,
    words: Mapping[str, Any],
    effect: tuple[float, float, float],
    n: int,
    rows: list[dict[str, str]],
    *,
    say: Say,
    figure: str = "",
) -> Finding:
    """One description, named after its sentence."""
    low, high = effect[1:] if n > 1 else (math.nan, math.nan)
    row = {
        "effect": effect[0],
        "low": low,
        "high": high,
        "pairs": n,
        "test": DESCRIPTION,
        "verdict": INSUFFICIENT,
    }
    return make(template_of(say), section, words, row, say=say, figure=figure or f"{section}/", rows=rows)


def median_effect(values: Sequence[float] | np.ndarray) -> tuple[float, float, float]:
    """Median and the ends of its interval; NaN where there is no value."""
    if not len(values):
        return math.nan, math.nan, math.nan
    found = median_interval(values)
    return found.estimate, found.low, found.high


def is_finite(column: pd.Series) -> NDArray[np.bool_]:
    """Which values are finite; a column of an empty table has no type of its own."""
    return np.asarray(np.isfinite(column.to_numpy(float)))
