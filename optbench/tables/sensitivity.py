"""What the trials of a tuning say of each optimizer: how much its learning rate matters.

A part of the `summarize` stage. Three tables follow from the tuning table: the loss over the grid of learning
rates (tables/lr_curves), a row of measures a search (tables/sensitivity), and the loss to expect of the best
of k trials (tables/best_of_k). docs/reference/tables.md#tuning defines every column.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from optbench.core.files import write_table
from optbench.core.status import DIVERGED, MISSING, OK
from optbench.stats.survival import expected_best_of_k
from optbench.tables.read import read_frame, read_values
from optbench.tables.rows import COMBINATION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


USABLE = 0.1
"""A learning rate is usable if its loss is at most this share above the best one's."""


class CurveRow(NamedTuple):
    """One candidate: what its trials came to.

    `loss` is the mean over the tuning seeds of min(final validation loss, loss before the first step), a
    trial that did not end well counting as the latter; `score` the mean of the final losses, infinite if one
    has none.
    """

    workload: str
    optimizer: str
    schedule: str
    lr: float
    settings: str
    n: int
    n_ok: int
    n_diverged: int
    loss: float
    score: float
    selected: bool
    in_first_grid: bool


class SensitivityRow(NamedTuple):
    """One search: what it cost, what it chose, and how much the choice mattered."""

    workload: str
    optimizer: str
    schedule: str
    trials: int
    trials_not_ok: int
    candidates: int
    seeds: int
    best_lr: float
    settings: str
    at_edge: bool
    tuning_loss: float
    sensitivity: float
    width_decades: float
    width_open: bool
    diverging_lr: float
    diverging_ratio: float
    default_lr: float
    default_regret: float
    default_from: str
    evaluation_loss: float
    n_evaluation: int
    shrinkage: float


class BestOfKRow(NamedTuple):
    """The expected best loss of k trials drawn from the first grid of a search."""

    workload: str
    optimizer: str
    schedule: str
    k: int
    expected_loss: float


def summarize_tuning(results: Path) -> None:
    """Writes tables/lr_curves, sensitivity and best_of_k (parquet, csv) from the tuning and run tables."""
    folder = results / "tables"
    tuning = read_frame(folder / "tuning.parquet")
    runs = read_frame(folder / "runs.parquet")
    optimizers = read_values(folder / "study.json")["optimizers"]
    curves = lr_curves(tuning)
    write_table(curves, folder / "lr_curves")
    write_table(sensitivity_rows(tuning, curves, runs, optimizers), folder / "sensitivity")
    write_table(best_of_k(curves), folder / "best_of_k")


def lr_curves(tuning: pd.DataFrame) -> pd.DataFrame:
    """One row a candidate (`CurveRow`), in the order of the tuning table.

    Args:
        tuning: the tuning table, a row a trial.
    """
    rows = []
    for names, search in _searches(tuning):
        # Every rate starts from the same weights: what one trial of a seed saw first, all saw.
        start = search.groupby("seed")["initial_val_loss"].transform("first")
        clipped = search["val_loss"].fillna(math.inf).clip(upper=start)
        losses = search.assign(clipped=clipped.where(start.notna()))
        for (lr, settings), trials in losses.groupby(["lr", "settings"], sort=False):
            ended = trials["status"].ne(MISSING.name)
            rows.append(
                CurveRow(
                    *names,
                    float(str(lr)),
                    str(settings),
                    len(trials),
                    int(trials["status"].eq(OK.name).sum()),
                    int(trials["status"].eq(DIVERGED.name).sum()),
                    _mean(trials["clipped"]) if ended.all() else math.nan,
                    _mean(trials["val_loss"].fillna(math.inf)) if ended.all() else math.nan,
                    bool(trials["selected"].all()),
                    bool(trials["in_first_grid"].all()),
                )
            )
    return pd.DataFrame(rows, columns=CurveRow._fields)


def sensitivity_rows(
    tuning: pd.DataFrame, curves: pd.DataFrame, runs: pd.DataFrame, optimizers: dict[str, dict[str, object]]
) -> pd.DataFrame:
    """One row a search that has made its choice (`SensitivityRow`).

    Args:
        tuning: the tuning table.
        curves: what `lr_curves` made of it.
        runs: the run table, for what the choice came to on fresh seeds.
        optimizers: the study's optimizers by name, with `lr` and `default_of`.
    """
    twins = {str(facts["default_of"]): name for name, facts in optimizers.items() if facts.get("default_of")}
    rows = []
    for names, trials in _searches(tuning):
        if not trials["selected"].any():
            continue
        curve = curves[(curves[COMBINATION] == list(names)).all(axis=1)].sort_values("lr", kind="stable")
        chosen = curve[curve["selected"]].iloc[0]
        # Candidates with other settings than the chosen ones are points of another curve.
        own = curve[curve["settings"] == chosen["settings"]].reset_index(drop=True)
        width, is_open = usable_width(
            own["lr"].to_numpy(float), own["score"].to_numpy(float), int(own["selected"].argmax())
        )
        above = own[(own["lr"] > chosen["lr"]) & (own["n_diverged"] > 0)]["lr"]
        diverging = float(above.min()) if len(above) else math.nan
        evaluated = _losses(runs, *names)
        default_lr = float(str(optimizers[names[1]]["lr"]))
        regret, source = math.nan, ""
        if names[1] in twins:
            regret = _paired_difference(_losses(runs, names[0], twins[names[1]], names[2]), evaluated)
            source = "evaluation"
        elif (curve["settings"] == "").all():
            same = curve[np.isclose(curve["lr"], default_lr, rtol=1e-3)]
            if len(same):
                regret, source = float(same["score"].iloc[0]) - float(chosen["score"]), "tuning"
        found = _mean(evaluated) if len(evaluated) else math.nan
        rows.append(
            SensitivityRow(
                *names,
                trials=len(trials),
                trials_not_ok=int(trials["status"].ne(OK.name).sum()),
                candidates=len(curve),
                seeds=int(trials["seed"].nunique()),
                best_lr=float(chosen["lr"]),
                settings=str(chosen["settings"]),
                at_edge=bool(trials["at_edge"].any()),
                tuning_loss=float(chosen["score"]),
                sensitivity=lr_sensitivity(own),
                width_decades=width,
                width_open=is_open,
                diverging_lr=diverging,
                diverging_ratio=diverging / float(chosen["lr"]),
                default_lr=default_lr,
                default_regret=regret,
                default_from=source if not math.isnan(regret) else "",
                evaluation_loss=found,
                n_evaluation=len(evaluated),
                shrinkage=found - float(chosen["score"]) if math.isfinite(chosen["score"]) else math.nan,
            )
        )
    return pd.DataFrame(rows, columns=SensitivityRow._fields)


def lr_sensitivity(curve: pd.DataFrame) -> float:
    """The mean over the first grid of `loss` - the lowest `loss` anywhere: 0 where every rate does as well.

    The measure of Wortsman et al. 2023, arXiv:2309.14322: a rate that ends above the loss it began with
    counts with the latter, so that divergence costs what was lost and not infinity.

    Args:
        curve: rows of `lr_curves` of one search and one combination of settings.
    """
    first = curve.loc[curve["in_first_grid"], "loss"]
    return _mean(first) - float(curve["loss"].min()) if len(first) else math.nan


def usable_width(lr: np.ndarray, score: np.ndarray, best: int) -> tuple[float, bool]:
    """Decades between the outermost usable rates around the best one, and whether they reach the grid's end.

    A rate is usable if its score is at most `USABLE` above the best one's. The rates between two candidates
    are not known, so the width is that of the candidates themselves: 0 where the best alone is usable.

    Args:
        lr: shape (n,), increasing.
        score: shape (n,), mean final losses, inf where a trial failed.
        best: place of the best one.
    """
    if not math.isfinite(score[best]):
        return math.nan, False
    usable = score <= float(score[best]) + USABLE * abs(float(score[best]))
    low = high = best
    while low > 0 and usable[low - 1]:
        low -= 1
    while high < len(lr) - 1 and usable[high + 1]:
        high += 1
    factor = float(lr[high]) / float(lr[low])
    width = np.log10(factor) if math.isfinite(factor) else np.log10(lr[high]) - np.log10(lr[low])
    return float(width), low == 0 or high == len(lr) - 1


def best_of_k(curves: pd.DataFrame) -> pd.DataFrame:
    """The loss to expect of the best of k candidates drawn from the first grid (`BestOfKRow`).

    The first grid, because it is the same for every optimizer: what somebody finds who knows no more than the
    range. A search with a candidate that is missing has no rows.

    Args:
        curves: what `lr_curves` gives.
    """
    rows = []
    for names, search in _searches(curves):
        losses = search.loc[search["in_first_grid"], "loss"].to_numpy(float)
        if len(losses) and np.isfinite(losses).all():
            rows += [BestOfKRow(*names, k, expected_best_of_k(losses, k)) for k in range(1, len(losses) + 1)]
    return pd.DataFrame(rows, columns=BestOfKRow._fields)


def _searches(table: pd.DataFrame) -> Iterator[tuple[tuple[str, str, str], pd.DataFrame]]:
    for (workload, optimizer, schedule), group in table.groupby(COMBINATION, sort=False):
        yield (str(workload), str(optimizer), str(schedule)), group


def _losses(runs: pd.DataFrame, workload: str, optimizer: str, schedule: str) -> pd.Series:
    """Final validation losses by seed of the runs that ran, inf for one that did not end well."""
    here = runs[(runs[COMBINATION] == [workload, optimizer, schedule]).all(axis=1)]
    ran = here[here["status"] != MISSING.name]
    return ran.set_index("seed")["final_val_loss"].fillna(math.inf)


def _paired_difference(a: pd.Series, b: pd.Series) -> float:
    """The mean over common seeds of a - b; NaN where there is none or both are infinite."""
    a, b = a.align(b, join="inner")
    if not len(a) or (np.isinf(a) & np.isinf(b)).any():
        return math.nan
    return _mean(a - b)


def _mean(values: pd.Series) -> float:
    """The mean; NaN with a NaN among them or infinities of both signs. Finite values have a finite mean."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = float(values.mean(skipna=False))
    if math.isinf(found) and np.isfinite(values).all():
        return float((values / len(values)).sum())
    return found
