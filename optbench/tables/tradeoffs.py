"""Two things that one would like small at once: time and loss, oscillation and steps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from optbench.tables.step_times import is_quiet
from optbench.tables.timing import step_seconds

if TYPE_CHECKING:
    from collections.abc import Container, Hashable, Iterator, Mapping

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray


class TradeoffRow(NamedTuple):
    """One combination as a point, with the intervals of both medians; `front`: no other beats it in both.

    `kind` is `cost` (x: seconds of training for the whole budget, with the step time's interval, y: final
    validation loss) or `oscillation` (x: steps to target, y: tortuosity of the path). What was timed on a
    noisy machine is on no front and beats nobody.
    """

    kind: str
    workload: str
    optimizer: str
    schedule: str
    n: int
    n_ok: int
    x: float
    x_low: float
    x_high: float
    y: float
    y_low: float
    y_high: float
    front: bool


def pareto_front(x: ArrayLike, y: ArrayLike) -> NDArray[np.bool_]:
    """Return which points no other point beats: smaller or equal in both, smaller in one.

    Args:
        x: shape (n,); a point with a value that is not finite is never on the front and beats nobody.
        y: shape (n,).
    """
    a, b = np.asarray(x, float), np.asarray(y, float)
    known = np.isfinite(a) & np.isfinite(b)
    no_worse = (a[:, None] <= a) & (b[:, None] <= b)
    beats = no_worse & ((a[:, None] < a) | (b[:, None] < b)) & known[:, None]
    return np.asarray(known & ~beats.any(axis=0))


def tradeoff_rows(
    summary: pd.DataFrame, timing: pd.DataFrame | None, budgets: Mapping[str, float]
) -> Iterator[TradeoffRow]:
    """The points of every workload for which both coordinates are known.

    Medians are those of the summary table, so a run that failed ranks worst in both.

    Args:
        summary: the summary table.
        timing: the timing table, or None; without it there is no cost.
        budgets: steps of a cell, by workload.
    """
    measured = {
        metric: {
            (str(r["workload"]), str(r["optimizer"]), str(r["schedule"])): r
            for r in summary[summary["metric"] == metric].to_dict("records")
        }
        for metric in ("final_val_loss", "steps_to_target", "tortuosity")
    }
    seconds: dict[tuple[str, str], _Span] = {}
    noisy: set[tuple[str, str]] = set()
    if timing is not None:
        for names, each in step_seconds(timing).items():
            budget = budgets.get(names[0], math.nan)
            seconds[names] = _Span(*(budget * s for s in (each.estimate, each.low, each.high)))
        loud = timing[~is_quiet(timing)]
        noisy = set(zip(loud["workload"].astype(str), loud["optimizer"].astype(str), strict=True))
    workloads = [str(w) for w in summary["workload"].unique()]
    for workload in workloads:
        finals = {key: r for key, r in measured["final_val_loss"].items() if key[0] == workload}
        cost = {key: seconds.get(key[:2], _Span(math.nan)) for key in finals}
        yield from _points("cost", cost, finals, {key for key in finals if key[:2] in noisy})
        paths = {key: r for key, r in measured["tortuosity"].items() if key[0] == workload}
        steps = {
            key: _Span(r["estimate"], r["low"], r["high"])
            for key, r in measured["steps_to_target"].items()
            if key in paths
        }
        yield from _points("oscillation", steps, {key: r for key, r in paths.items() if key in steps})


class _Span(NamedTuple):
    value: float
    low: float = math.nan
    high: float = math.nan


def _points(
    kind: str,
    across: Mapping[tuple[str, str, str], _Span],
    up: Mapping[tuple[str, str, str], Mapping[Hashable, Any]],
    noisy: Container[tuple[str, str, str]] = (),
) -> Iterator[TradeoffRow]:
    x = np.array([across[key].value for key in up], float)
    y = np.array([r["estimate"] for r in up.values()], float)
    if not (np.isfinite(x) & np.isfinite(y)).any():
        return
    fronts = pareto_front(np.where([key in noisy for key in up], math.nan, x), y)
    for ((workload, optimizer, schedule), r), front in zip(up.items(), fronts, strict=True):
        yield TradeoffRow(
            kind,
            workload,
            optimizer,
            schedule,
            int(r["n"]),
            int(r["n_ok"]),
            *across[workload, optimizer, schedule],
            *_Span(float(r["estimate"]), float(r["low"]), float(r["high"])),
            bool(front),
        )
