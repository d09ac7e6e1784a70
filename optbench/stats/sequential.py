"""Looking more than once: how an error is spent over the looks of a study, and when going on is in vain.

Import them from `optbench.stats`. A test at 5% that is repeated after every few seeds claims something far
more often than in 5% of the studies in which nothing differs. These functions divide the error between looks
that were declared before the first run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from optbench.stats.intervals import FloatArray, checked_array


def spent_error(looks: Sequence[int], error: float, *, power: float = 1.5) -> FloatArray:
    """What of an error each look may spend: its levels, whose sum is the error.

    With t the share of the last look's pairs, error * t^power is spent up to t; a look's level is what it
    adds. A power of 1 spends evenly, a larger one more at the later looks, where a test knows its spread
    better. Testing each look at its own level keeps the chance of any false claim at any look below the
    error by Bonferroni's inequality, whatever the data of the looks have in common.

    Args:
        looks: pairs (seeds) at each look, ascending, at least 1.
        error: of all looks together, in (0, 1).
        power: above 0.

    Returns:
        Shape (looks,).

    Raises:
        ValueError: no look, looks that do not ascend from 1, or an argument outside its range.

    Source: Kim and DeMets 1987, doi 10.1093/biomet/74.1.149.
    """
    n = checked_array(looks, "looks")
    if n[0] < 1 or (np.diff(n) <= 0).any():
        raise ValueError(f"looks must ascend from 1; got {list(looks)}")
    if not 0 < error < 1 or not power > 0:
        raise ValueError(f"error must be in (0, 1) and power above 0; got {error} and {power}")
    return np.diff(error * (n / n[-1]) ** power, prepend=0.0)


def predictive_power(
    p_values: ArrayLike, share: float, level: float, *, of_effects: float = 1.0
) -> FloatArray:
    """Chance that two-sided tests will reject at the end, given what is in.

    With z the normal quantile of 1 - p/2 and t the share of the pairs that are in, the statistic is a
    Brownian motion: at the end it is normal around z sqrt(t) + (1 - t) s z / sqrt(t) with variance
    (1 - t) + (1 - t)^2 s / t. Its drift z / sqrt(t) is shrunk by s, the share of its variance that is effects
    and no noise: the largest of many differences is large by chance first of all. With s = 1 it is the power
    under a flat prior; with s = 0 what is to come is noise.

    Args:
        p_values: shape (m,), two-sided, of what is in; in [0, 1].
        share: t, in (0, 1].
        level: of the test at the end, in (0, 1).
        of_effects: s, in [0, 1].

    Returns:
        Shape (m,); at t = 1 it is 1 where p is at most the level, else 0.

    Raises:
        ValueError: an argument is outside its range, or none is given.

    Source: Spiegelhalter, Freedman and Blackburn 1986, doi 10.1016/0197-2456(86)90003-6 (predictive power).
    """
    p = checked_array(p_values, "p_values")
    if (p < 0).any() or (p > 1).any():
        raise ValueError("p_values must be in [0, 1]")
    if not 0 < share <= 1 or not 0 < level < 1 or not 0 <= of_effects <= 1:
        given = f"{share}, {level} and {of_effects}"
        raise ValueError(f"share must be in (0, 1], level in (0, 1) and of_effects in [0, 1]; got {given}")
    z = -special.ndtri(np.maximum(p, np.finfo(float).tiny) / 2)
    critical = -special.ndtri(level / 2)
    left = 1 - share
    above = z * math.sqrt(share) + left * of_effects * z / math.sqrt(share) - critical
    if not left:
        return np.where(above >= 0, 1.0, 0.0)
    return np.asarray(special.ndtr(above / math.sqrt(left + left * left * of_effects / share)))
