"""Findings that open the sections in which nothing is tested: what was counted and measured (layer 2b).

Each is a description: its effect is a number of the study's tables, or a median of such numbers, with the
interval that belongs to it. Who leads and what schedules do is tested elsewhere (`statements`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from optbench.comparisons import EVERY_WORKLOAD
from optbench.contenders import Combination
from optbench.finding import DESCRIPTION, RESOLVED, WHO, Finding, as_json, key_of, make, oriented, row_dicts
from optbench.grounds import LOSS, Grounds
from optbench.ratios import ratios_by_seed
from optbench.sensitivity import USABLE
from optbench.statements_schedules import distance
from optbench.stats import median_interval, wilson_interval
from optbench.status import OK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

COMBINATION = ("workload", "optimizer", "schedule")
MOST_KINDS = 3
"""Combinations that a sentence names for one status."""


def openings(grounds: Grounds) -> Iterator[Finding]:
    """The finding of every section whose tables the study has, in the order of the page."""
    yield from completeness(grounds)
    yield from across(grounds)
    yield from told(grounds)
    yield from usable_rates(grounds)
    yield from fresh_seeds(grounds)
    yield from oscillation(grounds)
    yield from no_schedules(grounds)
    yield from step_times(grounds)
    yield from rates(grounds)
    yield from spread(grounds)
    yield from made(grounds)


def _describe(
    section: str,
    words: Mapping[str, Any],
    effect: tuple[float, float, float],
    n: int,
    rows: list[dict[str, str]],
    *,
    id_: str = "",
    figure: str = "",
) -> Finding:
    """One description, named after its section unless `id_` says otherwise."""
    low, high = effect[1:] if n > 1 else (math.nan, math.nan)
    row = {
        "effect": effect[0],
        "low": low,
        "high": high,
        "pairs": n,
        "test": DESCRIPTION,
        "verdict": "insufficient data",
    }
    return make(
        id_ or section, section, id_ or section, words, row, figure=figure or f"{section}/", rows=rows
    )


def _median(values: Sequence[float] | np.ndarray) -> tuple[float, float, float]:
    """Median and the ends of its interval; NaN where there is no value."""
    if not len(values):
        return math.nan, math.nan, math.nan
    found = median_interval(values)
    return found.estimate, found.low, found.high


def _finite(column: pd.Series) -> NDArray[np.bool_]:
    """Which values are finite; a column of an empty table has no type of its own."""
    return np.asarray(np.isfinite(column.to_numpy(float)))


def completeness(grounds: Grounds) -> Iterator[Finding]:
    """How many of the planned cells ended ok, and what became of the others."""
    runs = grounds.runs
    ok = int((runs["status"] == OK.name).sum())
    others = []
    for status, group in runs[runs["status"] != OK.name].groupby("status", sort=False):
        of = list(dict.fromkeys(str(cell).rpartition("/")[0] for cell in group["cell"]))
        others.append([str(status), len(group), of[:MOST_KINDS], len(of)])
    share = wilson_interval(ok, len(runs))
    effect = share.estimate, share.low, share.high
    yield _describe("completeness", {"ok": ok, "others": others}, effect, len(runs), [{"table": "runs"}])


def across(grounds: Grounds) -> Iterator[Finding]:
    """Whose standing against the reference differs most from workload to workload."""
    rows = grounds.measured["ratios"]
    rows = rows[(rows["kind"] == "reference") & _finite(rows["estimate"]) & (rows["estimate"] > 0)]
    by_combination = rows.groupby(["optimizer", "schedule"], sort=False)["estimate"]
    factors = by_combination.max() / by_combination.min()
    if factors.empty or not factors.max() > 1:
        return
    one = Combination(*factors.index[int(factors.argmax())])
    own = rows[(rows["optimizer"] == one.optimizer) & (rows["schedule"] == one.schedule)]
    ends = row_dicts(own.sort_values("estimate", kind="stable").iloc[[0, -1]])
    low, high = (
        ratios_by_seed(
            grounds.runs, row["workload"], one, (row["against_optimizer"], row["against_schedule"])
        )
        for row in ends
    )
    shared = [high[seed] / low[seed] for seed in high if 0 < low.get(seed, 0) < math.inf]
    words = {
        "a": grounds.name(one),
        "ends": [
            {
                "workload": grounds.label("workloads", row["workload"]),
                **{name: as_json(row[name]) for name in ("estimate", "low", "high")},
            }
            for row in ends
        ],
    }
    keys = [key_of("ratios", row, "kind", *COMBINATION) for row in ends]
    yield _describe("across", words, _median(shared), len(shared), keys)


def told(grounds: Grounds) -> Iterator[Finding]:
    """On how many workloads anything could be told apart, and the largest difference."""
    table = grounds.compared(LOSS)
    table = table[table["workload"] != EVERY_WORKLOAD]
    resolved = table[table["verdict"].isin(RESOLVED)]
    words: dict[str, Any] = {
        "workloads": int(grounds.runs["workload"].nunique()),
        "told": int(resolved["workload"].nunique()),
        "resolved": len(resolved),
        "pairs": len(table),
        "untested": int((table["verdict"] == "insufficient data").sum()),
    }
    pool = row_dicts(resolved if len(resolved) else table)
    if not pool:
        row = {"verdict": "insufficient data"}
        keys = [{"table": "comparisons", "metric": LOSS}]
        yield make("told", "workloads", "told", words, row, figure="workloads/", rows=keys)
        return
    # An infinite ratio (the other one never ended) is no size to print while there are finite ones.
    largest = max(pool, key=lambda row: (math.isfinite(distance(row)), distance(row)))
    first = Combination(largest["a"], largest["schedule_a"])
    second = Combination(largest["b"], largest["schedule_b"])
    neutral = 0 if largest["scale"] == "difference" else 1
    if largest["effect"] > neutral:
        first, second = second, first
    words |= {
        "a": grounds.name(first),
        "b": grounds.name(second),
        "workload": grounds.label("workloads", largest["workload"]),
        "scale": largest["scale"],
    }
    figure = f"final/{largest['workload']}"
    keys = [key_of("comparisons", largest, *WHO)]
    yield make("told", "workloads", "told", words, oriented(largest, first), figure=figure, rows=keys)


def usable_rates(grounds: Grounds) -> Iterator[Finding]:
    """Over how many decades of learning rates an optimizer does about as well as at its best."""
    searches = grounds.measured.get("sensitivity")
    if searches is None or searches.empty:
        return
    known = row_dicts(
        searches[_finite(searches["width_decades"])].sort_values("width_decades", kind="stable")
    )
    words = {
        "usable": USABLE,
        "searches": len(searches),
        "edges": int(searches["at_edge"].sum()),
        "ends": [
            {
                "name": _named(grounds, row),
                "width": float(row["width_decades"]),
                "open": bool(row["width_open"]),
            }
            for row in (known[0], known[-1])
        ]
        if known
        else [],
    }
    keys = [key_of("sensitivity", row, *COMBINATION) for row in known] or [{"table": "sensitivity"}]
    effect = _median([row["width_decades"] for row in known])
    figure = f"sensitivity/{known[-1]['workload']}" if known else ""
    yield _describe("sensitivity", words, effect, len(known), keys, figure=figure)


def fresh_seeds(grounds: Grounds) -> Iterator[Finding]:
    """How the loss at the chosen learning rates changed from the tuning's seeds to fresh ones."""
    searches = grounds.measured.get("sensitivity")
    if searches is None or searches.empty:
        return
    ratio = (searches["evaluation_loss"] / searches["tuning_loss"]).where(searches["tuning_loss"] > 0)
    finite = ratio[_finite(ratio)].to_numpy(float)
    words = {
        "searches": len(searches),
        "lost": int(np.isposinf(searches["shrinkage"]).sum()),
        "least": as_json(finite.min() if len(finite) else math.nan),
        "most": as_json(finite.max() if len(finite) else math.nan),
    }
    if len(finite) or words["lost"]:
        keys = [{"table": "sensitivity"}]
        yield _describe("sensitivity", words, _median(finite), len(finite), keys, id_="fresh")


def oscillation(grounds: Grounds) -> Iterator[Finding]:
    """Where consecutive steps turn back most and agree most, by the median update cosine."""
    summary = grounds.measured["summary"]
    of = {
        metric: summary[summary["metric"] == metric] for metric in ("update_cosine", "update_cosine_excess")
    }
    cosines = of["update_cosine"][_finite(of["update_cosine"]["estimate"])]
    if cosines.empty:
        return
    excess = {
        tuple(row[c] for c in COMBINATION): row["estimate"] for row in row_dicts(of["update_cosine_excess"])
    }
    ordered = row_dicts(cosines.sort_values("estimate", kind="stable"))
    ends = ordered[:1] if len(ordered) == 1 else [ordered[0], ordered[-1]]
    words = {
        "ends": [
            {
                "name": _named(grounds, row),
                "runs": int(row["n"]),
                **{name: as_json(row[name]) for name in ("estimate", "low", "high")},
                "excess": as_json(excess.get(tuple(row[c] for c in COMBINATION), math.nan)),
            }
            for row in ends
        ]
    }
    first = ends[0]
    keys = [key_of("summary", row, "metric", *COMBINATION) for row in ends]
    effect = first["estimate"], first["low"], first["high"]
    n, figure = int(first["n_ok"]), f"oscillation/{first['workload']}"
    yield _describe("oscillation", words, effect, n, keys, figure=figure)


def no_schedules(grounds: Grounds) -> Iterator[Finding]:
    """That no schedule stands beside another one, where that is so."""
    table = grounds.compared(LOSS)
    if not ((table["workload"] != EVERY_WORKLOAD) & (table["a"] == table["b"])).any():
        words = {"schedules": int(grounds.runs["schedule"].nunique())}
        yield _describe("schedules", words, 3 * (math.nan,), 0, [{"table": "runs"}])


def step_times(grounds: Grounds) -> Iterator[Finding]:
    """How long a step takes beside the reference's, from the cheapest to the dearest."""
    timing = grounds.measured.get("timing")
    if timing is None or not timing["step_time_us"].notna().any():
        return
    measured = timing[timing["step_time_us"].notna()]
    compared = measured[measured["ratio_to_sgd"].notna() & (measured["optimizer"] != measured["reference"])]
    ordered = row_dicts(compared.sort_values("ratio_to_sgd", kind="stable"))
    words = {
        "ends": [
            {
                "optimizer": grounds.label("optimizers", row["optimizer"]),
                "workload": grounds.label("workloads", row["workload"]),
                "ratio": as_json(row["ratio_to_sgd"]),
                "low": as_json(row["ratio_low"]),
                "high": as_json(row["ratio_high"]),
                "rounds": int(row["rounds"]),
            }
            for row in (ordered[:1] if len(ordered) == 1 else [*ordered[:1], *ordered[-1:]])
        ],
        "workloads": int(measured["workload"].nunique()),
        "noisy": int(measured.loc[measured["noisy"].astype(bool), "workload"].nunique()),
        "untimed": len(timing) - len(measured),
        "pairs": len(timing),
    }
    keys = [key_of("timing", row, "workload", "optimizer") for row in (*ordered[:1], *ordered[1:][-1:])]
    last = ordered[-1] if ordered else {}
    effect = tuple(last.get(name, math.nan) for name in ("ratio_to_sgd", "ratio_low", "ratio_high"))
    n, figure = int(last.get("rounds", 0)), f"cost/{last['workload']}" if last else ""
    yield _describe("cost", words, effect, n, keys or [{"table": "timing"}], figure=figure)


def rates(grounds: Grounds) -> Iterator[Finding]:
    """How near the measured factor a step of heavy-ball cells came to the closed form."""
    table = grounds.measured["rates"]
    both = table[["predicted", "measured"]].to_numpy(float)
    both = both[np.isfinite(both).all(axis=1)]
    off = np.abs(both[:, 1] / both[:, 0] - 1)
    low, middle, high = np.quantile(off, [0.25, 0.5, 0.75]) if len(off) else 3 * [math.nan]
    yield _describe("learn", {}, (middle, low, high), len(off), [{"table": "rates"}])


def spread(grounds: Grounds) -> Iterator[Finding]:
    """By what factor the final loss of one combination differs from its best seed to its worst."""
    runs = grounds.runs[_finite(grounds.runs[LOSS])]
    signed = runs.loc[runs[LOSS] <= 0, "workload"].unique()
    losses = runs[~runs["workload"].isin(signed)].groupby(list(COMBINATION), sort=False)[LOSS]
    found = losses.agg(["size", "min", "max"])
    found = found[found["size"] > 1]
    # A loss that draws nothing comes out alike with every seed, and says nothing of seeds.
    varied = found[found["max"] > found["min"]]
    factors = (varied["max"] / varied["min"]).sort_values(kind="stable")
    seeds = int(grounds.runs["seed"].nunique())
    words: dict[str, Any] = {"seeds": seeds, "alike": len(found) - len(varied)}
    keys: list[dict[str, str]] = [{"table": "runs"}]
    if len(factors):
        named = dict(zip(COMBINATION, factors.index[-1], strict=True))
        words |= {"most": float(factors.iloc[-1]), "name": _named(grounds, named)}
        keys.append(key_of("runs", named, *COMBINATION))
    yield _describe("cells", words, _median(factors.to_numpy(float)), len(factors), keys)


def made(grounds: Grounds) -> Iterator[Finding]:
    """How many cells rest on how many seeds, what that lets an interval cover, and whether they are alike."""
    runs = grounds.runs
    coverage = grounds.measured["summary"]["coverage"].to_numpy(float)
    coverage = coverage[np.isfinite(coverage) & (coverage > 0)]
    ends = (coverage.min(), coverage.max()) if len(coverage) else (math.nan, math.nan)
    middle = float(np.median(coverage)) if len(coverage) else math.nan
    words = {
        "cells": len(runs),
        **{f"{name}s": int(runs[name].nunique()) for name in COMBINATION},
        "mixed": bool(grounds.facts.get("mixed")),
    }
    keys = [{"table": "runs"}, {"table": "summary"}]
    yield _describe("methods", words, (middle, *ends), int(runs["seed"].nunique()), keys)


def _named(grounds: Grounds, row: Mapping[str, Any]) -> str:
    """`SGD · Cosine on Ravine`."""
    one = Combination(str(row["optimizer"]), str(row["schedule"]))
    return f"{grounds.name(one)} on {grounds.label('workloads', str(row['workload']))}"
