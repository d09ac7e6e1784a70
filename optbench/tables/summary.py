"""From runs to medians with intervals: the `summarize` stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from optbench.core.files import write_atomically, write_table
from optbench.core.status import MISSING, OK
from optbench.stats.intervals import median_band, median_or_nothing
from optbench.tables.curves import lines_of, read_curves
from optbench.tables.figure_tables import write_figure_tables
from optbench.tables.metrics import MEASURES, Measure
from optbench.tables.read import read_frame, read_values
from optbench.tables.rows import COMBINATION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from optbench.tables.curves import Line


WORST = {"lower": np.inf, "higher": -np.inf}
"""What counts for a run that has no value, by the measure's direction."""

MOST_POINTS = 120
"""Evaluations of a curve that its band keeps: all up to here, evenly spaced ones above."""


class Curve(NamedTuple):
    """A curve that is boiled down over seeds, and the value that ranks worst in it."""

    split: str
    metric: str
    worst: float


BANDED_CURVES = (
    Curve("validation", "loss", np.inf),
    Curve("validation", "accuracy", -np.inf),
    Curve("train", "loss", np.inf),
)


class SummaryRow(NamedTuple):
    """One row of the summary table: the median over seeds with its interval."""

    workload: str
    optimizer: str
    schedule: str
    metric: str
    n: int
    n_ok: int
    estimate: float
    low: float
    high: float
    coverage: float


class BandRow(NamedTuple):
    """One row of the convergence table: the median over seeds at one evaluated step."""

    workload: str
    optimizer: str
    schedule: str
    split: str
    metric: str
    step: int
    n: int
    n_ok: int
    median: float
    low: float
    high: float
    coverage: float


def summarize(results: Path) -> None:
    """Writes tables/summary, tables/convergence and the tables of `optbench.tables.figure_tables`.

    The first two hold medians over seeds with a 95% interval (below 6 seeds: the range, with its own
    coverage). A run that diverged or failed ranks worst and a target that was not reached within the
    budget counts as later than any; neither is left out. A measure that describes and does not judge has
    no worst: its median is over the runs that have a value. A run that is missing counts in n and in
    nothing else.
    """
    folder = results / "tables"
    runs = read_frame(folder / "runs.parquet")
    measures = (*MEASURES, *_own_measures(folder))
    write_table(pd.DataFrame(summary_rows(runs, measures), columns=SummaryRow._fields), folder / "summary")
    bands = pd.DataFrame(_bands(runs, folder / "curves.parquet"), columns=BandRow._fields)
    with write_atomically(folder / "convergence.parquet") as unfinished:
        bands.to_parquet(unfinished, index=False)
    write_figure_tables(folder)


def _combinations(runs: pd.DataFrame) -> Iterator[tuple[tuple[str, str, str], NDArray[np.int64]]]:
    """The places of the runs of every (workload, optimizer, schedule), in the table's order."""
    group = runs.groupby(COMBINATION, sort=False).ngroup().to_numpy()
    order = np.argsort(group, kind="stable")
    firsts = np.flatnonzero(np.diff(group[order], prepend=-1))
    names = runs[COMBINATION].iloc[order[firsts]].astype(str).itertuples(index=False, name=None)
    yield from zip(names, np.split(order, firsts[1:]), strict=False)  # an empty table splits into one piece


def _own_measures(folder: Path) -> Iterator[Measure]:
    """The study's own, with their directions."""
    facts = read_values(folder / "study.json")
    for name, metric in (facts.get("metrics") or {}).items():
        yield Measure(name, "", metric["direction"])


def summary_rows(runs: pd.DataFrame, measures: Sequence[Measure]) -> Iterator[SummaryRow]:
    """Medians over seeds of every combination's measures, but for those that no run of a workload has.

    Args:
        runs: the run table.
        measures: its columns to summarize.
    """
    known = {
        str(workload): {measure for measure in measures if group[measure.name].notna().any()}
        for workload, group in runs.groupby("workload")
    }
    # Columns as arrays: a study has thousands of samples, and pandas takes longer for each than its median.
    missing, ok = (runs["status"].eq(status).to_numpy(bool) for status in (MISSING.name, OK.name))
    columns = {name: runs[name].to_numpy(float) for name in (*(m.name for m in measures), "train_time_s")}
    for names, planned in _combinations(runs):
        ran = planned[~missing[planned]]
        samples = {}
        for measure in measures:
            if measure in known[names[0]]:
                values, worst = columns[measure.name][ran], WORST.get(measure.direction)
                there = ~np.isnan(values)
                samples[measure.name] = values[there] if worst is None else np.where(there, values, worst)
        times = columns["train_time_s"][ran[ok[ran]]]
        samples["train_time_s"] = times[~np.isnan(times)]
        for metric, values in samples.items():
            if len(values):
                found = median_or_nothing(values)
                yield SummaryRow(
                    *names,
                    metric,
                    len(planned),
                    int(ok[ran].sum()),
                    found.estimate,
                    found.low,
                    found.high,
                    found.coverage,
                )


def _bands(runs: pd.DataFrame, curves: Path) -> Iterator[BandRow]:
    splits, metrics = {curve.split for curve in BANDED_CURVES}, {curve.metric for curve in BANDED_CURVES}
    rows = read_curves(curves, split=splits, metric=metrics)
    series = lines_of(rows, ("cell", "split", "metric"))
    missing, cells = runs["status"].eq(MISSING.name).to_numpy(bool), runs["cell"].to_numpy(object)
    for names, planned in _combinations(runs):
        ran = cells[planned[~missing[planned]]]
        for curve in BANDED_CURVES:
            found = [series.get((cell, curve.split, curve.metric)) for cell in ran]
            grid = max((steps for steps, _ in filter(None, found)), key=len, default=np.empty(0, np.int64))
            if not len(grid):
                continue
            grid = grid[np.unique(np.linspace(0, len(grid) - 1, MOST_POINTS).round().astype(int))]
            values = np.stack([_on_grid(one, grid, curve.worst) for one in found])
            band = median_band(values)
            n_ok = np.isfinite(values).sum(axis=0)
            points = (grid, n_ok, band.estimate, band.low, band.high)
            for step, ok, estimate, low, high in zip(*(x.tolist() for x in points), strict=True):
                yield BandRow(
                    *names,
                    curve.split,
                    curve.metric,
                    step,
                    len(planned),
                    ok,
                    estimate,
                    low,
                    high,
                    band.coverage,
                )


def _on_grid(one: Line | None, grid: NDArray[np.int64], worst: float) -> NDArray[np.float64]:
    """The values of one run at the steps of `grid`; `worst` where it has none or none that is finite."""
    values = np.full(len(grid), worst)
    if one is not None:
        steps, recorded = one
        if np.array_equal(steps, grid):
            values = recorded
        else:
            values[np.isin(grid, steps)] = recorded[np.isin(steps, grid)]
    return np.where(np.isfinite(values), values, worst)
