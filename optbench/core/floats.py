"""Quotients at the ends of what a float holds (standard library only)."""

from __future__ import annotations

import math
import sys
from typing import Final

LARGEST: Final = sys.float_info.max
SMALLEST: Final = math.ulp(0.0)
"""The largest and the least positive float."""


def quotient(a: float, b: float) -> float:
    """A over b, for b > 0; of two positive finite numbers never 0 nor infinite, which mean a run that failed.

    Where the quotient is no float, the largest or the least one stands for it.
    """
    found = a / b
    return min(max(found, SMALLEST), LARGEST) if 0 < a < math.inf and b < math.inf else found
