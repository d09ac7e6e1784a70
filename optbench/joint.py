"""Many paired comparisons at once: sign flips of whole seeds, with the step-down correction.

Import this through `optbench.stats`, which is the public door.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from optbench.intervals import FloatArray
from optbench.ranks import midranks

Counts = NDArray[np.int64]
Scale = Callable[[FloatArray, Counts], FloatArray]

ENUMERATED_SEEDS = 16
UNITS_AT_ONCE = 1 << 22
ROUNDING = 1e-9
"""Statistics that differ by less than this share are equal: sums in another order must not part ties."""

NOTHING = 1e-12
"""What rounding leaves of a sum that is 0, rows having length 1."""


@dataclass(frozen=True, slots=True, eq=False)
class JointTest:
    """Sign-flip tests of a family of comparisons.

    Attributes:
        p: each comparison by itself, shape (m,).
        p_adjusted: corrected for the family by step-down max-T, shape (m,); at least `p`.
        assignments: how many sign assignments they rest on.
    """

    p: FloatArray
    p_adjusted: FloatArray
    assignments: int


def joint_sign_flip_test(differences: ArrayLike, *, seed: int, resamples: int = 9_999) -> JointTest:
    """Two-sided paired permutation tests of a whole family, corrected for being many.

    A row's statistic is T = |sum u_s| / sqrt(sum u_s^2), u the differences of its pairs: a monotone form of
    Student's t that lies in [0, sqrt(n)] and needs no unit. If one of its differences is infinite (one side
    diverged), u are the signed midranks of the row instead, so that a diverged run ranks worst and weighs no
    more than that; which of the two it is depends on the sizes of the differences alone, never on their
    signs. Flipping a seed flips the signs of all its differences together. p is the share of assignments
    with T at least the one observed.

    The correction is Holm's step-down with the joint distribution in the place of Bonferroni's sum: the rows
    in descending order of T, p_adjusted of row i is the share of assignments in which the largest T of the
    rows i, i+1, ... is at least the one observed in row i, made non-decreasing. So rows that say the same
    thing of the same seeds count little more than one, and six seeds can reach 0.031 in a family of any
    size, where Holm's own product would start at m / 32. Rows with different numbers of pairs are put on one
    scale by Student's distribution.

    The chance of any false rejection stays below the level if the differences of the rows without a
    difference are jointly symmetric: (d_1, ..., d_k) as likely as (-d_1, ..., -d_k) at each seed. Gaussian
    noise is, whatever the correlations. docs/reference/findings.md has the measured error of other noise.

    Args:
        differences: shape (m, n_seeds); a column is a seed, NaN where the row has no such pair, 0 where both
            sides diverged, +-inf where one did.
        seed: of the random signs; unused up to 16 seeds, where all 2^(n-1) assignments are enumerated.
        resamples: random assignments above 16 seeds, at least 1; p = (1 + hits) / (1 + resamples) then.

    Returns:
        The p values in the order of the rows; a row without any difference has p = 1.

    Raises:
        ValueError: not two-dimensional, no row or no seed, or no resamples.

    Source: Westfall and Young 1993, Resampling-Based Multiple Testing, algorithm 2.8; Romano and Wolf 2005,
    doi 10.1198/016214504000000539 (groups of sign changes); Winkler et al. 2014,
    doi 10.1016/j.neuroimage.2014.01.060.
    """
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 2 or d.size == 0:  # noqa: PLR2004 - rows and seeds
        raise ValueError(f"differences must have shape (comparisons, seeds), neither 0; got {d.shape}")
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1; got {resamples}")
    units, pairs = _units(d)
    scale = _common_scale(pairs)
    observed = scale(np.abs(units.sum(axis=1)), np.arange(len(d))) * (1 - ROUNDING) - NOTHING
    order = np.argsort(-observed, kind="stable")
    ranked, threshold = units[order], observed[order]
    hits = np.zeros(len(d), np.int64)
    joint_hits = np.zeros(len(d), np.int64)
    total = 0
    for signs in _assignments(d.shape[1], max(1, UNITS_AT_ONCE // len(d)), seed, resamples):
        found = scale(np.abs(signs @ ranked.T), order)
        hits += (found >= threshold).sum(axis=0)
        # The largest statistic of this row and of all that follow it.
        rest = np.maximum.accumulate(found[:, ::-1], axis=1)[:, ::-1]
        joint_hits += (rest >= threshold).sum(axis=0)
        total += len(signs)
    p, adjusted = np.empty(len(d)), np.empty(len(d))
    p[order] = hits / total
    adjusted[order] = np.maximum.accumulate(joint_hits / total)
    return JointTest(p, adjusted, total)


def _units(d: FloatArray) -> tuple[FloatArray, Counts]:
    """Rows of length 1 (0 where nothing differs or no pair is), and how many pairs each has."""
    there = ~np.isnan(d)
    units = np.where(there, d, 0.0)
    for row in np.flatnonzero(np.isinf(units).any(axis=1)):
        values = units[row]
        differing = values != 0
        values[differing] = np.sign(values[differing]) * midranks(np.abs(values[differing]))
    largest = np.abs(units).max(axis=1, keepdims=True)
    units /= np.where(largest > 0, largest, 1.0)  # squares of losses near the limits must not overflow
    length = np.sqrt((units**2).sum(axis=1, keepdims=True))
    return units / np.where(length > 0, length, 1.0), there.sum(axis=1)


def _common_scale(pairs: Counts) -> Scale:
    """Return what puts T of rows with different numbers of pairs on one scale.

    With one number of pairs that is T itself. Otherwise it is the normal quantile of Student's p value, by
    interpolation between 4001 values of T / sqrt(n), which keeps the order.
    """
    if len(np.unique(pairs)) == 1:
        return lambda sums, _rows: sums
    share = np.linspace(0.0, 1.0, 4001)
    tables = {}
    for n in np.unique(pairs):
        df = max(int(n) - 1, 1)
        t = share * np.sqrt(df / np.maximum(1 - share**2, 1e-15))
        tables[int(n)] = np.maximum(-special.ndtri(np.maximum(special.stdtr(df, -t), 1e-300)), 0.0)

    def scale(sums: FloatArray, rows: Counts) -> FloatArray:
        out = np.empty_like(sums)
        for n, quantiles in tables.items():
            of_size = pairs[rows] == n
            out[..., of_size] = np.interp(sums[..., of_size] / np.sqrt(max(n, 1)), share, quantiles)
        return out

    return scale


def _assignments(seeds: int, rows: int, seed: int, resamples: int) -> Iterator[FloatArray]:
    """Yield blocks of sign assignments, shape (at most `rows`, seeds).

    All of them, the first seed keeping its sign (a mirror image gives the same statistics); or, above 16
    seeds, the observed one and random ones.
    """
    if seeds <= ENUMERATED_SEEDS:
        count = 2 ** (seeds - 1)
        for start in range(0, count, rows):
            codes = np.arange(start, min(start + rows, count))[:, None]
            bits = (codes >> np.arange(seeds - 1)) & 1
            yield np.concatenate([np.ones((len(codes), 1)), 1.0 - 2.0 * bits], axis=1)
        return
    yield np.ones((1, seeds))
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, rows):
        shape = (min(rows, resamples - start), seeds)
        yield np.asarray(2 * rng.integers(0, 2, size=shape, dtype=np.int8) - 1, dtype=np.float64)
