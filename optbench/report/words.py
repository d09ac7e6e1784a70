"""Values as tables behind figures hold them, and as sentences say them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from optbench.core.words import count, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optbench.report.figure import TableValue


def entry(value: object) -> TableValue:
    """Return a value as JSON can hold it: None for NaN, a sign for an infinity."""
    if isinstance(value, float):
        if math.isnan(value):
            return None
        if math.isinf(value):
            return "∞" if value > 0 else "−∞"
        return value
    if value is None or isinstance(value, (str, int)):
        return value
    return entry(float(value)) if hasattr(value, "__float__") else str(value)


def in_words(value: float) -> str:
    """Return a number for a figure's description."""
    return number(value, none="not available", infinite="infinite (diverged)")


def interval_words(coverage: Sequence[float], n: int) -> str:
    """Return what a band or bar is: the interval of a median over `n` seeds with its actual coverage."""
    known = sorted({round(100 * c, 1) for c in coverage if math.isfinite(c) and c > 0})
    seeds = count(n, "seed")
    if n < 2 or not known:  # noqa: PLR2004 - one run has no spread
        return "none, of one run" if n < 2 else f"{seeds}: too few for an interval"  # noqa: PLR2004
    low, high = known[0], known[-1]
    share = f"{high:g}%" if low == high else f"{low:g} to {high:g}%"
    return f"interval of the median over {seeds} from order statistics, which covers {share}"
