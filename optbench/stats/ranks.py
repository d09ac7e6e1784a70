"""Ranks over workloads: average ranks, Friedman's test, the critical difference, performance profiles.

Import these from `optbench.stats`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from optbench.stats.intervals import FloatArray, checked_array


def midranks(values: FloatArray) -> FloatArray:
    """Return the ranks 1..n of a vector, ties sharing the mean of theirs; infinities rank too."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[where]


def performance_profile(ratios: ArrayLike, thresholds: ArrayLike) -> FloatArray:
    """Share of runs whose ratio is at most tau, for each threshold tau.

    Against a fixed reference the curve of one optimizer doesn't depend on who else competes, as it does with
    Dolan and More's ratio to the best. Every workload weighs the same if each has as many seeds. Read it over
    its whole range; a single threshold is a choice.

    Args:
        ratios: shape (n_seeds, n_workloads) or (n_runs,), >= 0: cost of a run over the reference's (time,
            steps or loss). +inf for a diverged or censored run: never counted as reached, always in the
            denominator.
        thresholds: shape (m,), any order.

    Returns:
        Shape (m,), in [0, 1], non-decreasing in tau.

    Raises:
        ValueError: nothing given, a NaN, or a negative ratio.

    Source: Dolan and More 2002, doi 10.1007/s101070100263; Agarwal et al. 2021, arXiv 2108.13264.
    """
    r = checked_array(ratios, "ratios", dims=(1, 2), infinite=True)
    tau = checked_array(thresholds, "thresholds")
    if (r < 0).any():
        raise ValueError("ratios must not be negative")
    return np.asarray(np.searchsorted(np.sort(r, axis=None), tau, side="right") / r.size, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class FriedmanResult:
    """Average ranks over workloads and the two tests that they are all alike.

    Attributes:
        average_ranks: shape (n_optimizers,); 1 is best, ties share.
        statistic: Friedman's chi-square, k-1 degrees of freedom.
        p_value: of the chi-square.
        f_statistic: Iman and Davenport's F, k-1 and (k-1)(n-1) degrees of freedom; +inf in full agreement.
        f_p_value: of F. Prefer this one: the chi-square is too cautious.
        n_workloads: n.
        n_optimizers: k.
    """

    average_ranks: FloatArray
    statistic: float
    p_value: float
    f_statistic: float
    f_p_value: float
    n_workloads: int
    n_optimizers: int


def friedman(
    scores: ArrayLike, *, higher_is_better: bool = False, correct_ties: bool = True
) -> FriedmanResult:
    """Test whether optimizers differ at all in their ranks over workloads.

    With R_j the average rank of optimizer j over n workloads, chi2 = 12 n/(k(k+1)) (sum R_j^2 - k(k+1)^2/4),
    divided for ties by 1 - sum(t^3 - t)/(n k (k^2-1)); F = (n-1) chi2 / (n(k-1) - chi2). Use from 5 workloads
    up.

    Args:
        scores: shape (n_workloads, n_optimizers), at least 2 x 3, one summary a workload, not one a seed;
            +inf for an optimizer that diverged there, ranked worst, ties among them shared.
        higher_is_better: True for accuracies.
        correct_ties: divide by the correction for ties (many texts, Demsar's among them, don't).

    Returns:
        Ranks and both tests; if all tie everywhere the statistics are 0 and p is 1. In full agreement F is
        infinite and its p is the exact (1/k!)^(n-1).

    Raises:
        ValueError: fewer than 2 workloads or 3 optimizers, or a NaN.

    Source: Friedman 1937, doi 10.1080/01621459.1937.10503522; Iman and Davenport 1980,
    doi 10.1080/03610928008827904; Demsar 2006, JMLR 7, 1-30.
    """
    table = checked_array(scores, "scores", dims=(2,), infinite=True)
    n, k = table.shape
    if n < 2 or k < 3:  # noqa: PLR2004 - two optimizers are a paired test
        raise ValueError(f"friedman needs at least 2 workloads and 3 optimizers; got {n} and {k}")
    ranks = np.apply_along_axis(midranks, 1, -table if higher_is_better else table)
    average = ranks.mean(axis=0)
    ties = 0.0
    if correct_ties:
        counts = np.concatenate([np.unique(row, return_counts=True)[1] for row in ranks])
        ties = float((counts**3 - counts).sum()) / (n * k * (k**2 - 1))
    if ties == 1:
        return FriedmanResult(average, 0.0, 1.0, 0.0, 1.0, n, k)
    chi2 = 12 * n / (k * (k + 1)) * float(((average - (k + 1) / 2) ** 2).sum()) / (1 - ties)
    room = n * (k - 1) - chi2
    if room <= 1e-9 * n * k:
        f, f_p = math.inf, math.factorial(k) ** -float(n - 1)
    else:
        f = (n - 1) * chi2 / room
        f_p = float(special.fdtrc(k - 1, (k - 1) * (n - 1), f))
    return FriedmanResult(average, chi2, float(special.chdtrc(k - 1, chi2)), f, f_p, n, k)


def critical_difference(n_optimizers: int, n_workloads: int, *, alpha: float = 0.05) -> float:
    """Nemenyi's critical difference: average ranks nearer than this can't be told apart.

    CD = q sqrt(k(k+1)/(6n)), q the upper alpha quantile of the studentized range of k groups with infinite
    degrees of freedom, over sqrt(2). It compares all pairs; against one reference, paired tests with `holm`
    see more. Only after `friedman` has rejected, and from 5 workloads up.

    Args:
        n_optimizers: k >= 2.
        n_workloads: n >= 2.
        alpha: family-wise level, in (0, 1).

    Returns:
        The difference, in ranks.

    Raises:
        ValueError: an argument outside its range.

    Source: Nemenyi 1963; Demsar 2006, JMLR 7, 1-30, table 5.
    """
    if n_optimizers < 2 or n_workloads < 2:  # noqa: PLR2004 - nothing to compare
        raise ValueError(
            f"critical_difference needs 2 optimizers and 2 workloads; got {n_optimizers} and {n_workloads}"
        )
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be in (0, 1); got {alpha}")
    q = _studentized_range(n_optimizers, 1 - alpha) / math.sqrt(2)
    return q * math.sqrt(n_optimizers * (n_optimizers + 1) / (6 * n_workloads))


def _studentized_range(k: int, level: float) -> float:
    """Quantile of the range of k standard normal numbers, `scipy.stats.studentized_range` at infinite df.

    P(range <= q) = k times the integral of phi(z) (Phi(z) - Phi(z - q))^(k-1), which the trapezoidal rule
    gives to rounding, then bisection. Written out, for scipy.stats takes a second to import.
    """
    z = np.linspace(-9.0, 9.0, 361)
    weight = k * (z[1] - z[0]) * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    low, high = 0.0, 50.0
    while low < (middle := (low + high) / 2) < high:
        share = float((weight * (special.ndtr(z) - special.ndtr(z - middle)) ** (k - 1)).sum())
        low, high = (middle, high) if share < level else (low, middle)
    return high
