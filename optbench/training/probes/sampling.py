"""Which steps of a run are measured, and for how many each one stands.

Not every step of a longer run is measured. The first `OPENING` steps are, which move most; of the others one
block of `BLOCK` consecutive steps in every m, drawn at random from each group of m blocks and weighed with m.
So sums stay unbiased, and no period of the data order can hide. All drawing is done by private generators,
the same for every cell.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FIXED_SEED = 0
"""Seed of the private generators."""

MEASURED_STEPS = 2000
"""Measured steps of a longer run, about, at most."""

SHORT = 256
"""Runs of at most so many steps are always measured at each of them."""

BLOCK = 8
OPENING = 4 * BLOCK


def measured_share(budget: int, every: int, *, full: bool, large: bool) -> int:
    """Return m: one step in m is measured. The shares keep the cost below a third of the bare loop.

    1 in runs of at most `SHORT` steps, and of at most `MEASURED_STEPS` where the slopes cost nothing or
    `every` is 1; otherwise at least 3, or 6 for a large model, and as many as leave `MEASURED_STEPS` steps.

    Args:
        budget: steps of the run (>= 1).
        every: steps to each look at the probe batch; 1 asks for all there is to see.
        full: whether the run descends its training loss itself.
        large: whether the model is large.
    """
    if budget <= SHORT:
        return 1
    least = 1 if full or every == 1 else 6 if large else 3
    return max(least, ceil(budget / MEASURED_STEPS))


def step_weights(budget: int, share: int) -> Floats:
    """Return for how many steps each step counts, shape (budget,): 0 where it is not measured.

    After the opening each step is measured with probability 1/m, m = `share`, and counts m then (in an
    incomplete last group of n < m blocks n).
    """
    weights = np.zeros(budget)
    weights[:OPENING] = 1.0
    draw = np.random.default_rng(FIXED_SEED)
    blocks = ceil(budget / BLOCK)
    for first in range(OPENING // BLOCK, blocks, share):
        size = min(share, blocks - first)
        chosen = first + int(draw.integers(size))
        weights[chosen * BLOCK : (chosen + 1) * BLOCK] = size
    return weights


def look_weights(budget: int, every: int) -> Floats:
    """Return for how many steps each step counts between whose two ends slopes are taken, shape (budget,).

    Two successive steps out of `3 * every` (all where `every` is 1), weighed by the inverse of the
    probability with which they are drawn.
    """
    if every == 1:
        return np.ones(budget)
    weights = np.zeros(budget)
    draw = np.random.default_rng(FIXED_SEED)
    period = 3 * every
    for first in range(0, budget, period):
        length = min(period, budget - first)
        if length < 2:  # noqa: PLR2004  (two steps are drawn)
            weights[first] = 1.0
            continue
        start = int(draw.integers(length - 1))
        for place in (start, start + 1):
            ways = 1 if place in {0, length - 1} else 2
            weights[first + place] = (length - 1) / ways
    return weights
