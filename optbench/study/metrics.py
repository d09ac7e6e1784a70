"""What a study may call measures of its own: nothing that the tables have a column of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from optbench.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable

RUNS: Final = frozenset(
    {
        *("cell", "workload", "optimizer", "schedule", "lr", "seed", "ruleset", "status", "steps"),
        *("final_train_loss", "final_val_loss", "best_val_loss", "final_val_accuracy", "final_test_loss"),
        *("final_test_accuracy", "steps_to_target", "targets_reached", "mean_log_gap", "linear_rate"),
        *("generalization_gap", "update_cosine", "update_cosine_excess", "gradient_cosine"),
        *("sign_flip_rate", "tortuosity", "overshoot", "loss_rise", "residual_amplitude"),
        *("dominant_frequency", "spikes_per_1000_steps", "half_val_loss", "train_time_s", "probe_time_s"),
        *("execution", "digest", "path", "error", "origin", "trained_again"),
    }
)
"""Columns of the run table, and one that the comparisons add to it.

They are defined where pandas is at hand, which nothing here may import; a test holds the two together.
"""

CURVES: Final = frozenset({"cell", "step", "split", "metric", "value"})
"""Columns of the curve table, which a measure is given."""


def check_metric_names(names: Iterable[str]) -> None:
    """Raises UserError for a measure that is called like a column of the tables."""
    for name in names:
        for table, columns in (("run", RUNS), ("curve", CURVES)):
            if name in columns:
                raise UserError(
                    f"metrics.{name}: the {table} table has a column of that name; call it something else"
                )
