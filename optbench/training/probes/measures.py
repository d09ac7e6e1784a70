"""From the products of single steps to sums over windows and over the run (on the host, once a run)."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optbench.training.probes.rows import (
    GRADIENT_DOT,
    GRADIENT_SQUARE,
    SLOPE_AFTER,
    SLOPE_BEFORE,
    UPDATE_DOT,
    UPDATE_SQUARE,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Terms = tuple[NDArray[np.int64], dict[str, Floats]]

WINDOW_MEASURES = (
    ("update_cosine", "update_dot", "update_pairs", 1),
    ("gradient_cosine", "gradient_dot", "gradient_norms", 1),
    ("sign_flip_rate", "flips", "flippable", 1),
    ("overshoot", "slope_after", "slope_before", -1),
)
"""Measure of a window, the sum above and the sum below the fraction, the sign."""


@dataclass(frozen=True)
class MeasuredSteps:
    """The measured steps of a run.

    Attributes:
        steps: shape (n,), the update's number from 0, increasing.
        weights: shape (n,), for how many steps each one stands; 0 for one that is only a predecessor.
        table: shape (6, n), see `optbench.training.probes.rows.Rows`.
        turns: shape (2, n), followed coordinates that turned back since the step before, and those that moved
            in both.
        momentum: shape (n,), the update cosine that momentum alone gives.
    """

    steps: NDArray[np.int64]
    weights: Floats
    table: Floats
    turns: Floats
    momentum: Floats

    def _pairs(self) -> NDArray[np.int64]:
        """Places of the steps that count, have their predecessor right before them and are finite with it."""
        pairs = np.flatnonzero((np.diff(self.steps) == 1) & (self.weights[1:] > 0)) + 1
        finite: NDArray[np.bool_] = np.asarray(np.isfinite(self.table).all(axis=0))
        return pairs[finite[pairs] & finite[pairs - 1]]

    def pair_terms(self) -> Terms:
        """Steps t of every pair (t-1, t) and what the pair adds to each sum."""
        pairs = self._pairs()
        w, table = self.weights[pairs], self.table
        squares, gradients = table[UPDATE_SQUARE], table[GRADIENT_SQUARE]
        with np.errstate(over="ignore"):  # a sum that is not finite becomes None in the end
            return self.steps[pairs], {
                "update_dot": w * table[UPDATE_DOT, pairs],
                "update_pairs": w * (squares[pairs] + squares[pairs - 1]) / 2,
                "gradient_dot": w * table[GRADIENT_DOT, pairs],
                "gradient_norms": w * np.sqrt(gradients[pairs]) * np.sqrt(gradients[pairs - 1]),
                "flips": w * self.turns[0, pairs],
                "flippable": w * self.turns[1, pairs],
            }

    def slope_terms(self) -> Terms:
        """Steps t-1 of every pair (t-1, t) and its slopes along D_(t-1), before and after that step."""
        pairs = self._pairs()
        w, table = self.weights[pairs], self.table
        with np.errstate(over="ignore"):  # as above
            return self.steps[pairs - 1], {
                "slope_before": w * table[SLOPE_BEFORE, pairs - 1],
                "slope_after": w * table[SLOPE_AFTER, pairs],
            }


@dataclass(frozen=True)
class ProbeSeries:
    """Rows of a trace that share the split `probe` and a metric: steps and values, each of shape (n,)."""

    metric: str
    steps: NDArray[np.int64]
    values: Floats


def run_sums(measured: MeasuredSteps, terms: Terms, slopes: Terms) -> dict[str, float | None]:
    """The sums that `optbench.tables.metrics` makes a run's measures of; None where one is not finite.

    Args:
        measured: the measured steps.
        terms: what pairs of steps add.
        slopes: what slopes before and after a step add.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        sums = {name: values.sum() for name, values in (terms[1] | slopes[1]).items()}
        squares = measured.table[UPDATE_SQUARE]
        good = np.isfinite(squares) & (measured.weights > 0)
        squares, weights = squares[good], measured.weights[good]
        sums["update_square"] = (weights * squares).sum()
        sums["momentum_square"] = (weights * squares * measured.momentum[good]).sum()
        sums["path"] = (weights * np.sqrt(squares)).sum()
    return {name: float(value) if np.isfinite(value) else None for name, value in sums.items()}


def rises(before: Floats, after: Floats, weights: Floats) -> float | None:
    """Sum of all rises of a loss over steps, weighed: sum w max(0, after - before); None without a step.

    Args:
        before: shape (n,), the loss before each step; a step beside a loss that is not finite is left out.
        after: shape (n,).
        weights: shape (n,), for how many steps each one stands.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        found = weights * np.maximum(after - before, 0.0)
        found = found[np.isfinite(found)]
        return float(found.sum()) if len(found) and np.isfinite(found.sum()) else None


def fall(losses: Floats) -> float | None:
    """How far a loss fell at most, first minus least of the finite ones.

    None where it never did, and where the difference is no float.
    """
    finite = losses[np.isfinite(losses)]
    if not len(finite) or not finite.min() < finite[0]:
        return None
    by = float(finite[0]) - float(finite.min())  # of Python's floats, which overflow without a warning
    return by if isfinite(by) else None


def window_columns(terms: Terms, slopes: Terms, width: int, budget: int) -> Iterator[ProbeSeries]:
    """Columns of the trace: each window's measures at the number of updates with which it ends.

    A window's update cosine is divided by the mean of sum |D_t|^2 and sum |D_(t-1)|^2 over its pairs (Burg's
    estimator): the run's formula without its end terms, which would weigh too much in a window of few steps.
    """
    count = -(-budget // width)
    ends = np.minimum((np.arange(count) + 1) * width, budget)
    with np.errstate(over="ignore", invalid="ignore"):
        sums = {
            name: np.bincount(steps // width, weights=values, minlength=count)
            for steps, parts in (terms, slopes)
            for name, values in parts.items()
        }
        for metric, above, below, sign in WINDOW_MEASURES:
            known = np.isfinite(sums[above]) & np.isfinite(sums[below]) & (sums[below] != 0)
            yield ProbeSeries(metric, ends[known], sign * sums[above][known] / sums[below][known])
