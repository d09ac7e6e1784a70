"""What a trial came to, as one row: what the choice of a search rests on and the tuning table holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optbench.cells.paths import is_complete, trace_path
from optbench.cells.trace import read_trace
from optbench.core.status import MISSING, OK

if TYPE_CHECKING:
    from optbench.cells.search import Search


def trial_row(search: Search, place: int, seed: int) -> dict[str, Any]:
    """One trial of a search, as far as its trace is there.

    Returns:
        lr, settings, seed, status (`missing` without a trace), val_loss (the final validation loss, None
        unless the trial ended well), initial_val_loss (before the first step, None without a trace) and path.
    """
    trial = search.trial(place, seed)
    path = trace_path(trial)
    row: dict[str, Any] = {
        "lr": trial.lr,
        "settings": search.settings(place),
        "seed": seed,
        "status": MISSING.name,
        "val_loss": None,
        "initial_val_loss": None,
        "path": path.as_posix(),
    }
    if not is_complete(path):
        return row
    trace = read_trace(path)
    losses = trace.series("validation", "loss")[1].tolist()
    status = trace.facts["status"]
    return row | {
        "status": status,
        "val_loss": losses[-1] if status == OK.name else None,
        "initial_val_loss": losses[0] if losses else None,
    }
