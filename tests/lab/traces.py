"""A trace of given curves."""

from __future__ import annotations

import numpy as np

from optbench.cells.trace import Trace


def trace(curves: dict[tuple[str, str], list[float]], status: str = "ok", **facts: object) -> Trace:
    """A trace whose curves are evaluated at 0, 10, 20, ..."""
    return Trace(
        facts={"status": status, "error": "", "steps": 100, "workload_facts": facts},
        step=np.concatenate([10 * np.arange(len(values)) for values in curves.values()]).astype(np.int32),
        split=[split for (split, _), values in curves.items() for _ in values],
        metric=[metric for (_, metric), values in curves.items() for _ in values],
        value=np.concatenate([np.array(values, float) for values in curves.values()]),
    )
