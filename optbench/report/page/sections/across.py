"""How the combinations compare over all workloads: figures, and numbers for a reader's own choice."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from optbench.core.status import MISSING
from optbench.report.page.context import Content
from optbench.report.tables import read_timing_table
from optbench.tables.rows import first_with, row_dicts
from optbench.tables.step_times import is_quiet

if TYPE_CHECKING:
    import pandas as pd

    from optbench.report.page.context import PageContext
    from optbench.report.study import StudyView

MEASURES: Final = {
    "final_val_loss": "Final validation loss",
    "best_val_loss": "Best validation loss",
    "final_test_loss": "Test loss",
    "final_val_error": "Final validation error",
    "steps_to_target": "Steps to target",
    "time_to_target": "Time to target",
}
"""What a reader may compare by, lower is better throughout; error is 1 - accuracy."""

DIGITS: Final = 5
"""Significant digits of the numbers that the page holds for it."""


@dataclass(frozen=True)
class AcrossSection:
    """The section.

    Attributes:
        choices: JSON for the script, as `choices` returns it.
    """

    choices: str


def section(page: PageContext) -> Content | None:
    """Return the section; None where no figure compares workloads."""
    if not page.figures_of("across"):
        return None
    timing = read_timing_table(page.study, page.tables / "timing.parquet")
    return Content(AcrossSection(json.dumps(choices(page.study, timing), separators=(",", ":"))))


def choices(study: StudyView, timing: pd.DataFrame | None) -> dict[str, Any]:
    """Return what the script needs to divide any measure by any reference.

    Args:
        study: names and runs.
        timing: as `optbench.report.tables.read_timing_table` returns it.

    Returns:
        `measures`: [key, label]; `workloads`: [name, label, the number of its reference];
        `combinations`: [name, label, optimizer's number]; `values`: by measure a list over workloads of
        lists over combinations: the runs' values in order of their seeds, null for a run that has none, an
        empty list where nothing was planned. A missing run is left out with its seed; `seeds` has those of
        each list.
    """
    runs = study.runs[study.runs["status"] != MISSING.name]
    values = _measures(runs, timing)
    known = [key for key in MEASURES if key in values and np.isfinite(values[key]).any()]
    combinations = list(dict.fromkeys(zip(runs["optimizer"], runs["schedule"], strict=True)))
    place = {key: index for index, key in enumerate(combinations)}
    by_workload = {str(name): rows for name, rows in runs.groupby("workload", sort=False)}
    seeds: list[list[list[int]]] = []
    numbers: dict[str, list[list[list[float | None]]]] = {key: [] for key in known}
    workloads = []
    for name in study.workloads:
        rows = by_workload.get(name)
        of_seeds: list[list[int]] = [[] for _ in combinations]
        of_values: dict[str, list[list[float | None]]] = {key: [[] for _ in combinations] for key in known}
        reference = None
        if rows is not None:
            planned = {
                (str(o), str(s)): None for o, s in zip(rows["optimizer"], rows["schedule"], strict=True)
            }
            reference = place[first_with(planned, str(study.facts["report"]["reference"]))]
            for index, run in zip(rows.index, row_dicts(rows), strict=True):
                at = place[run["optimizer"], run["schedule"]]
                of_seeds[at].append(int(run["seed"]))
                for key in known:
                    of_values[key][at].append(_short(float(values[key][index])))
        workloads.append([name, study.label("workloads", name), reference])
        seeds.append(of_seeds)
        for key in known:
            numbers[key].append(of_values[key])
    optimizers = {name: style.index for name, style in study.styles.items()}
    return {
        "measures": [[key, MEASURES[key]] for key in known],
        "workloads": workloads,
        "combinations": [
            [f"{o}/{s}", f"{study.label('optimizers', o)} · {study.label('schedules', s)}", optimizers[o]]
            for o, s in combinations
        ],
        "seeds": seeds,
        "values": numbers,
    }


def _measures(runs: pd.DataFrame, timing: pd.DataFrame | None) -> dict[str, pd.Series]:
    """The measures that the run table has or that follow from it, each by the run's label."""
    found = {key: runs[key].astype(float) for key in MEASURES if key in runs}
    if "final_val_accuracy" in runs:
        found["final_val_error"] = 1 - runs["final_val_accuracy"].astype(float)
    if timing is not None and "steps_to_target" in runs:
        quiet = timing[is_quiet(timing)]
        step = {(str(r["workload"]), str(r["optimizer"])): float(r["step_time_us"]) for r in row_dicts(quiet)}
        pairs = zip(runs["workload"], runs["optimizer"], strict=True)
        seconds = np.array([step.get((str(w), str(o)), math.nan) for w, o in pairs]) / 1e6
        if np.isfinite(seconds).any():
            found["time_to_target"] = runs["steps_to_target"].astype(float) * seconds
    return found


def _short(value: float) -> float | None:
    """A value as JSON holds it: rounded, but not beyond the largest float; null where it is not finite."""
    if not math.isfinite(value):
        return None
    rounded = float(f"{value:.{DIGITS}g}")
    return rounded if math.isfinite(rounded) else value
