"""Numbers of one run, from its trace (layer 2b: never torch)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optbench.trace import Trace


MEASURES = (
    "final_train_loss",
    "final_val_loss",
    "best_val_loss",
    "final_val_accuracy",
    "final_test_loss",
    "final_test_accuracy",
    "steps_to_target",
)
"""Measures of a run, in the order of the run table's columns."""

HIGHER_IS_BETTER = frozenset({"final_val_accuracy", "final_test_accuracy"})


def first_crossing(steps: NDArray[np.int32], losses: NDArray[np.float64], target: float) -> float:
    """The first evaluated step at which the loss is at or below `target`; NaN (censored) where none is.

    Args:
        steps: shape (n,), increasing.
        losses: shape (n,); a NaN or infinite loss is not a crossing.
        target: the loss that counts as reached.
    """
    reached = np.flatnonzero(losses <= target)
    return float(steps[reached[0]]) if len(reached) else float("nan")


def run_measures(trace: Trace) -> dict[str, float]:
    """The measures of one run, NaN where the run has none.

    A run that did not end well has no final values: what stands at its last evaluation is not the outcome of
    its budget. Its best validation loss and its steps to the target are what it did reach.
    """
    facts = trace.facts.get("workload_facts", {})
    steps, validation = trace.series("validation", "loss")
    finite = validation[np.isfinite(validation)]
    target = facts.get("target")
    ended = trace.facts["status"] == "ok"
    return {
        "final_train_loss": _last(trace, "train", "loss") if ended else np.nan,
        "final_val_loss": _last(trace, "validation", "loss") if ended else np.nan,
        "best_val_loss": float(finite.min()) if len(finite) else np.nan,
        "final_val_accuracy": _last(trace, "validation", "accuracy") if ended else np.nan,
        "final_test_loss": _last(trace, "test", "loss") if ended else np.nan,
        "final_test_accuracy": _last(trace, "test", "accuracy") if ended else np.nan,
        "steps_to_target": np.nan if target is None else first_crossing(steps, validation, target),
    }


def _last(trace: Trace, split: str, metric: str) -> float:
    values = trace.series(split, metric)[1]
    return float(values[-1]) if len(values) else float("nan")
