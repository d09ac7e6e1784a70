"""Paired comparisons that lend each other their spread: the moderated t.

Import it from `optbench.stats`. With six to nine seeds the spread of one pair's differences is known badly:
an ordinary t with five degrees of freedom must be huge before it survives a correction for hundreds of pairs.
The pairs of one workload have spreads of one size, and the moderated t uses that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from optbench.stats.intervals import FloatArray

FEWEST_ROWS = 10
"""Below this many rows their variances say too little of what is common to them."""

MOST_PRIOR_DF = 200.0
"""Rows are never taken to share more than this: the fit cannot tell such numbers from infinity."""

CONVERGED = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class ModeratedT:
    """Means of paired differences with their moderated errors.

    Attributes:
        mean: of each row, shape (m,); NaN for a row of fewer than 2 pairs.
        error: standard error of the mean from the moderated variance, shape (m,).
        df: degrees of freedom of each row's t, shape (m,).
        p: two-sided p value of mean 0, shape (m,); NaN where there is no error.
        prior_df: d0, what the rows have in common counts as so many degrees of freedom; 0 where it is not
            used.
        prior_variance: s0^2; NaN where it is not used.
    """

    mean: FloatArray
    error: FloatArray
    df: FloatArray
    p: FloatArray
    prior_df: float
    prior_variance: float


def moderated_t(
    differences: ArrayLike,
    *,
    most_df: float = math.inf,
    most_prior_df: float = MOST_PRIOR_DF,
    alone: ArrayLike | None = None,
    least_spread: ArrayLike = 0.0,
) -> ModeratedT:
    """Student's t of each row with its variance drawn towards what the rows have in common.

    With s^2 of n differences, d0 and s0^2 fitted to all rows, the variance is
    (d0 s0^2 + (n - 1) s^2) / (d0 + n - 1) and t = mean / sqrt(variance / n) has d0 + n - 1 degrees of
    freedom. d0 and s0^2 match the first two moments of log s^2 to those of a scaled F distribution; with
    fewer than 10 rows of two pairs and more d0 is 0, Student's own t. A row without any difference has p = 1;
    one whose differences are all alike, and not 0, has an error of its prior alone.

    Rows may be correlated (pairs share runs): the fit only needs their variances. Correlated rows hold less
    than they seem to, therefore the two limits. K combinations with n runs each have (K - 1)(n - 1) degrees
    of freedom in all; and the K(K - 1)/2 variances of their pairs are made of K, so that they may look alike
    by chance, and a row that varies more than the rest would borrow far too small a variance.

    Args:
        differences: shape (m, n_seeds), finite, NaN where a row has no such pair.
        most_df: upper limit of the degrees of freedom of every row.
        most_prior_df: upper limit of d0.
        alone: shape (m,), rows that neither lend nor borrow (they hold other things than the rest); None for
            no row.
        least_spread: standard deviation that a row of `alone` has at least, one for all or shape (m,): runs
            that diverged are given places that are all alike, which is no knowledge of how they vary.

    Returns:
        Means, errors, degrees of freedom and p values in the order of the rows.

    Raises:
        ValueError: not two-dimensional, nothing given, or an infinite difference.

    Source: Smyth 2004, doi 10.2202/1544-6115.1027 (sections 6.1 and 6.2).
    """
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 2 or d.size == 0:  # noqa: PLR2004 - rows and seeds
        raise ValueError(f"differences must have shape (comparisons, seeds), neither 0; got {d.shape}")
    if np.isinf(d).any():
        raise ValueError("differences must be finite; a diverged run has no place in a mean")
    apart = np.zeros(len(d), bool) if alone is None else np.asarray(alone, bool)
    # Squares of differences near the limits must neither overflow nor vanish.
    size = float(np.nanmax(np.abs(d), initial=0.0)) or 1.0
    there = ~np.isnan(d)
    n = there.sum(axis=1)
    scaled = np.where(there, d / size, 0.0)
    mean = np.where(n > 0, scaled.sum(axis=1) / np.maximum(n, 1), np.nan)
    own = np.maximum(n - 1, 1)
    variance = (np.where(there, scaled - mean[:, None], 0.0) ** 2).sum(axis=1) / own
    variance = np.where(apart, np.maximum(variance, (np.asarray(least_spread) / size) ** 2), variance)
    differs = np.abs(scaled).max(axis=1) > 0
    fitted = (n > 1) & differs & (variance > 0) & ~apart
    prior_df, prior_variance = _prior(variance[fitted], n[fitted] - 1, most_prior_df)
    borrowed = np.where(apart, 0.0, prior_df)
    df = np.minimum(borrowed + own, most_df)
    pooled = (borrowed * (prior_variance if prior_df else 0.0) + own * variance) / (borrowed + own)
    error = np.where((n > 1) & differs, np.sqrt(pooled / np.maximum(n, 1)), np.where(n > 1, 0.0, np.nan))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(differs, np.abs(mean) / error, 0.0)
    p = np.where(n > 1, 2 * special.stdtr(df, -t), np.nan)
    scale = prior_variance * size * size if prior_df else math.nan  # infinite rather than an error
    return ModeratedT(mean * size, error * size, df, p, prior_df, scale)


def _prior(variances: FloatArray, dfs: NDArray[np.int64], most: float) -> tuple[float, float]:
    """d0 and s0^2; (0, NaN) where there are too few rows to say."""
    if len(variances) < FEWEST_ROWS:
        return 0.0, math.nan
    half = dfs / 2
    logs = np.log(variances) - special.digamma(half) + np.log(half)
    centre = float(logs.mean())
    excess = float(logs.var(ddof=1) - special.polygamma(1, half).mean())
    df = min(2 * _trigamma_inverse(excess), most) if excess > 0 else most
    return df, math.exp(centre + float(special.digamma(df / 2)) - math.log(df / 2))


def _trigamma_inverse(value: float) -> float:
    """The x > 0 with trigamma(x) = value > 0, by Newton's method on 1/trigamma, which is nearly linear."""
    x = 0.5 + 1 / value
    for _ in range(50):
        here = float(special.polygamma(1, x))
        step = here * (1 - here / value) / float(special.polygamma(2, x))
        x += step
        if -step < CONVERGED * x:
            break
    return x
