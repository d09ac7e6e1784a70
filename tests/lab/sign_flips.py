"""A family of sign-flip tests, one assignment of signs after another."""

from __future__ import annotations

import itertools
import math

import numpy as np
from scipy import stats as scipy_stats

# ------------------------------------------------------------------------------------- the joint test


def by_hand(differences: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """p and step-down max-T p of a family with the same pairs everywhere, one assignment after another."""
    m, n = differences.shape
    units = []
    for values in differences:
        row = values
        if np.isinf(row).any():
            row = np.sign(row) * np.where(row == 0, 0, scipy_stats.rankdata(np.where(row == 0, 0, abs(row))))
            zeros = (row == 0).sum()
            row = np.sign(row) * (abs(row) - zeros).clip(0)
        units.append(row)

    def statistics(signs: tuple[int, ...]) -> list[float]:
        found = []
        for row in units:
            length = math.sqrt(sum(v * v for v in row))
            found.append(abs(sum(s * v for s, v in zip(signs, row, strict=True))) / length if length else 0.0)
        return found

    observed = statistics((1,) * n)
    everything = [statistics(signs) for signs in itertools.product((1, -1), repeat=n)]
    order = sorted(range(m), key=lambda j: -observed[j])
    p = np.array([np.mean([e[j] >= observed[j] - 1e-9 for e in everything]) for j in range(m)])
    adjusted, floor = np.empty(m), 0.0
    for place, j in enumerate(order):
        rest = order[place:]
        share = np.mean([max(e[k] for k in rest) >= observed[j] - 1e-9 for e in everything])
        floor = max(floor, float(share))
        adjusted[j] = floor
    return p, adjusted
