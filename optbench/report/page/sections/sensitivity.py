"""How much the learning rate matters, as the page tells it: a sentence, and tables a workload."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from optbench.core.words import NONE, count, number
from optbench.report.page.context import Content, FoldedPart
from optbench.report.page.table import Table, TableEntry
from optbench.report.tables import read_tuned

if TYPE_CHECKING:
    import pandas as pd

    from optbench.report.page.context import PageContext
    from optbench.report.study import StudyView
    from optbench.report.tables import Tuned

HEADS: Final = (
    "Optimizer",
    "Schedule",
    "lr chosen",
    "Trials",
    "Tuning loss",
    "Loss on fresh seeds",
    "Change (%)",
    "Usable width (decades)",
    "Diverging lr / chosen (×)",
    "Sensitivity (loss)",
    "Regret of the default lr (loss)",
)


@dataclass(frozen=True, kw_only=True)
class WorkloadSensitivity(FoldedPart):
    """A workload's part of the section; its badge says how many of its choices lie on the edge of their grid.

    Attributes:
        table: what each search chose, spent and found.
        picks: the combination to pick with k trials; None where the grid is incomplete.
    """

    table: Table
    picks: Table | None


@dataclass(frozen=True)
class Sensitivity:
    """The section on learning-rate sensitivity.

    Attributes:
        protocol: how the rates were searched, in a sentence.
        workloads: their parts, in the study's order.
    """

    protocol: str
    workloads: tuple[WorkloadSensitivity, ...]


def section(page: PageContext) -> Content | None:
    """Return the section; None where nothing was tuned."""
    found = sensitivity(page.study, read_tuned(page.tables))
    return None if found is None else Content(found)


def sensitivity(study: StudyView, tuned: Tuned | None) -> Sensitivity | None:
    """Return the section, or None where nothing was tuned."""
    if tuned is None:
        return None
    parts = []
    for index, name in enumerate(study.workloads):
        measures = tuned.measures[tuned.measures["workload"] == name]
        if measures.empty:
            continue
        label = study.label("workloads", name)
        edges = int(measures["at_edge"].sum())
        expected = tuned.expected[tuned.expected["workload"] == name]
        parts.append(
            WorkloadSensitivity(
                id=f"s-{index}",
                name=name,
                label=label,
                badge=f"{edges} of {len(measures)} at the edge" if edges else "",
                table=_table(study, measures, f"t-tuned-{index}", label),
                picks=_picks_table(study, expected, f"t-pick-{index}", label) if len(expected) else None,
            )
        )
    return Sensitivity(_protocol(study, tuned.measures), tuple(parts))


def _protocol(study: StudyView, measures: pd.DataFrame) -> str:
    tuning = study.facts.get("tuning") or {}
    spent = measures["trials"]
    span = f"{spent.min()}" if spent.min() == spent.max() else f"{spent.min()} to {spent.max()}"
    low, high = (number(float(tuning.get(end, math.nan))) for end in ("low", "high"))
    density = count(int(tuning.get("per_decade", 0)), "candidate")
    seeds = count(len(tuning.get("seeds") or ()), "tuning seed")
    widen = int(tuning.get("widen", 0))
    growth = (
        ", and grew by a decade while its best candidate lay on an edge, at most "
        f"{count(widen, 'decade')} on either side"
        if widen
        else " and kept to it"
    )
    saved = int((measures["candidates"] * measures["seeds"] - spent).sum())
    raced = (
        f" A rate that could no longer be chosen was tried no further: {number(saved)} trials were left out."
        if tuning.get("race")
        else ""
    )
    return (
        f"Every search began with the same grid, {low} to {high} with {density} a decade and {seeds}{growth}"
        f". It spent {span} trials; {number(int(spent.sum()))} in all.{raced}"
    )


def _width(row: pd.Series) -> str:
    return ("≥ " if row["width_open"] else "") + number(float(row["width_decades"]), 2)


def _changes(measures: pd.DataFrame) -> np.ndarray:
    """The change from tuning to fresh seeds in percent of the tuning loss; NaN where that is 0 or missing."""
    tuning = measures["tuning_loss"].to_numpy(float)
    shrinkage = measures["shrinkage"].to_numpy(float)
    change = np.full(len(tuning), np.nan)
    with np.errstate(over="ignore"):
        np.divide(100 * shrinkage, np.abs(tuning), out=change, where=tuning != 0)
    return change


def _signed(value: float) -> str:
    rounded = round(value, 1)
    return ("+" if rounded > 0 else "") + number(rounded)


def _settings(text: str) -> str:
    """Searched settings as `momentum 0.5, nesterov True`, from their JSON."""
    return ", ".join(f"{name} {value}" for name, value in json.loads(text).items()) if text else ""


def _table(study: StudyView, measures: pd.DataFrame, table_id: str, label: str) -> Table:
    rows = []
    for (_, r), change in zip(measures.iterrows(), _changes(measures), strict=True):
        notes = [_settings(str(r["settings"])), "on the edge of the grid" if r["at_edge"] else ""]
        rows.append(
            (
                TableEntry(study.label("optimizers", str(r["optimizer"]))),
                TableEntry(study.label("schedules", str(r["schedule"]))),
                TableEntry(number(float(r["best_lr"])), ", ".join(filter(None, notes)), numeric=True),
                TableEntry(
                    number(int(r["trials"])),
                    f"{int(r['trials_not_ok'])} failed" if r["trials_not_ok"] else "",
                    numeric=True,
                ),
                TableEntry(number(float(r["tuning_loss"])), numeric=True),
                TableEntry(
                    number(float(r["evaluation_loss"])), f"n = {int(r['n_evaluation'])}", numeric=True
                ),
                TableEntry(_signed(float(change)) if math.isfinite(change) else NONE, numeric=True),
                TableEntry(_width(r), numeric=True),
                TableEntry(number(float(r["diverging_ratio"])), numeric=True),
                TableEntry(number(float(r["sensitivity"])), numeric=True),
                TableEntry(
                    number(float(r["default_regret"])),
                    f"lr {number(float(r['default_lr']))}, {SEEDS[str(r['default_from'])]}"
                    if r["default_from"]
                    else "",
                    numeric=True,
                ),
            )
        )
    caption = (
        f"{label}: what the tuning chose. Losses are means over seeds, infinite where one diverged or failed."
    )
    return Table(table_id, caption, HEADS, tuple(rows))


SEEDS: Final = {"evaluation": "fresh seeds", "tuning": "tuning seeds"}
"""Which runs a regret was taken from, by its word in the table."""


def picks(expected: pd.DataFrame) -> pd.DataFrame:
    """With k trials, pick X: for each workload and k the combination with the lowest expected loss.

    Args:
        expected: tables/best_of_k; among equals the first row is taken.

    Returns:
        One row a workload and k, with the same columns.
    """
    lowest = expected.groupby(["workload", "k"], sort=False)["expected_loss"].idxmin()
    return expected.loc[lowest].reset_index(drop=True)


def _picks_table(study: StudyView, expected: pd.DataFrame, table_id: str, label: str) -> Table:
    """One row a run of k with one pick."""
    best = picks(expected)
    names = list(zip(best["optimizer"], best["schedule"], strict=True))
    starts = [0, *(place for place, (a, b) in enumerate(pairwise(names), start=1) if a != b), len(names)]
    rows = []
    for start, end in pairwise(starts):
        first, last = best.iloc[start], best.iloc[end - 1]
        span = f"{first['k']}" if start == end - 1 else f"{first['k']} to {last['k']}"
        losses = [number(float(row["expected_loss"])) for row in (first, last)]
        rows.append(
            (
                TableEntry(span, numeric=True),
                TableEntry(study.label("optimizers", str(first["optimizer"])), strong=True),
                TableEntry(study.label("schedules", str(first["schedule"]))),
                TableEntry(
                    losses[0] if losses[0] == losses[1] else f"{losses[0]} to {losses[1]}", numeric=True
                ),
            )
        )
    caption = (
        f"{label}: with k trials, pick this. The combination with the lowest expected best loss of k trials "
        "from the first grid; differences may be smaller than the spread of the seeds."
    )
    return Table(table_id, caption, ("Trials", "Optimizer", "Schedule", "Expected best loss"), tuple(rows))
