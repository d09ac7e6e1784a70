"""Quantities that are products: a time is a number of steps times the time of a step.

Import these from `optbench.stats`.
"""

from __future__ import annotations

import math

from optbench.stats.intervals import Interval


def product_interval(a: Interval, b: Interval) -> Interval:
    """Product of two quantities that were estimated apart, with an interval that holds what both leave open.

    The distances of the ends from the estimates add up as independent errors do, on the log scale and for
    each end by itself: log(ab / low) = sqrt(log(a / a_low)^2 + log(b / b_low)^2), and so upwards (MOVER, the
    method of variance estimates recovery). Multiplying the ends would suppose that both estimates err to
    the same side as far as they can, and covers 98 to 99% where 95% are asked for.

    Where an estimate is 0 or infinite there is no distance from it, and the ends are multiplied: an infinite
    median (fewer than half of the runs arrived) keeps a finite lower end.

    Args:
        a: of a quantity >= 0, with ends >= 0; an end may be infinite, or NaN for an unknown one.
        b: the same of the other quantity, from other data.

    Returns:
        Estimate and interval in the product of the units; `coverage` and `n` are the smaller of both. An end
        is NaN where one of the ends that it is made of is.

    Raises:
        ValueError: a negative estimate or end.

    Source: Zou and Donner 2008, doi 10.1002/sim.3095.
    """
    if any(value < 0 for one in (a, b) for value in (one.estimate, one.low, one.high)):
        raise ValueError(f"a product's interval takes quantities >= 0; got {a} and {b}")
    return Interval(
        a.estimate * b.estimate,
        product_end(a.estimate, a.low, b.estimate, b.low),
        product_end(a.estimate, a.high, b.estimate, b.high),
        min(a.coverage, b.coverage),
        min(a.n, b.n),
    )


def product_end(a: float, a_end: float, b: float, b_end: float) -> float:
    """The lower end of a product from the lower ends of its parts, or the upper one from their upper ends.

    Args:
        a: an estimate, >= 0.
        a_end: an end of its interval.
        b: the other estimate.
        b_end: the end of its interval on the same side.
    """
    if math.isnan(a_end) or math.isnan(b_end):
        return math.nan
    if not (0 < a < math.inf and 0 < b < math.inf):
        return a_end * b_end
    if a_end == a or b_end == b:  # exactly, not to rounding
        return a_end * b_end
    far = math.hypot(_log(a_end) - math.log(a), _log(b_end) - math.log(b))
    if math.isinf(far):
        return 0.0 if a_end < a else math.inf
    sign = -1 if a_end < a else 1
    try:
        return a * b * math.exp(sign * far)
    except OverflowError:  # of an upper end
        return math.inf


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf
