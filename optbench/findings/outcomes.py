"""Findings on what came of the cells: how they ended, how results vary, what could be told.

They open sections of the page. Each is a description, with the interval that belongs to it, but for
`told_apart`, which counts and shows what was tested.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from optbench.core.floats import LARGEST, quotient
from optbench.core.status import OK
from optbench.core.words import MOST_NAMES, as_number, count, listing, percent
from optbench.findings.analysis import LOSS, Analysis
from optbench.findings.comparisons import EVERY_WORKLOAD
from optbench.findings.descriptions import describe, is_finite, median_effect
from optbench.findings.finding import (
    COMPARISON_KEY,
    Finding,
    as_json,
    distance,
    key_of,
    make,
    oriented,
)
from optbench.findings.sentences import evidence, interval_after, interval_percent
from optbench.findings.verdicts import INSUFFICIENT, RESOLVED
from optbench.stats.intervals import wilson_interval
from optbench.tables.ratios import ratios_by_seed
from optbench.tables.rows import COMBINATION, Combination, row_dicts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_KINDS: Final = 3
"""Combinations that a sentence names for one status."""


def completeness(analysis: Analysis) -> Iterator[Finding]:
    """How many of the planned cells ended ok, and what became of the others."""
    runs = analysis.runs
    ok = int((runs["status"] == OK.name).sum())
    others = []
    for status, group in runs[runs["status"] != OK.name].groupby("status", sort=False):
        of = list(dict.fromkeys(str(cell).rpartition("/")[0] for cell in group["cell"]))
        others.append([str(status), len(group), of[:MOST_KINDS], len(of)])
    share = wilson_interval(ok, len(runs))
    effect = share.estimate, share.low, share.high
    words = {"ok": ok, "others": others}
    keys = [{"table": "runs"}]
    yield describe("completeness", words, effect, len(runs), keys, say=_say_completeness)


def _say_completeness(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    said = []
    for status, many, named, kinds in w["others"]:
        of = listing(named, MOST_NAMES) if kinds <= len(named) else f"{kinds} combinations, {named[0]} first"
        said.append(f"{many} {status} ({of})")
    if not said:
        return f"All {count(f['n'], 'planned cell')} ended ok."
    share = f"{w['ok']} of {count(f['n'], 'planned cell')} ended ok, {percent(f['effect'])}"
    return f"{share}{interval_percent(f['low'], f['high'])}" + "".join(f"; {words}" for words in said) + "."


def across(analysis: Analysis) -> Iterator[Finding]:
    """Whose standing against the reference differs most from workload to workload."""
    rows = analysis.measured["ratios"]
    rows = rows[(rows["kind"] == "reference") & is_finite(rows["estimate"]) & (rows["estimate"] > 0)]
    by_combination = rows.groupby(["optimizer", "schedule"], sort=False)["estimate"]
    factors = by_combination.max() / by_combination.min()
    if factors.empty or not factors.max() > 1:
        return
    one = Combination(*factors.index[int(factors.argmax())])
    own = rows[(rows["optimizer"] == one.optimizer) & (rows["schedule"] == one.schedule)]
    ends = row_dicts(own.sort_values("estimate", kind="stable").iloc[[0, -1]])
    low, high = (
        ratios_by_seed(
            analysis.runs, row["workload"], one, (row["against_optimizer"], row["against_schedule"])
        )
        for row in ends
    )
    shared = [quotient(high[seed], low[seed]) for seed in high if 0 < low.get(seed, 0) < math.inf]
    words = {
        "a": analysis.name(one),
        "ends": [
            {
                "workload": analysis.label("workloads", row["workload"]),
                **{name: as_json(row[name]) for name in ("estimate", "low", "high")},
            }
            for row in ends
        ],
    }
    keys = [key_of("ratios", row, "kind", *COMBINATION) for row in ends]
    yield describe("across", words, median_effect(shared), len(shared), keys, say=_say_across)


def _say_across(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    low, high = (
        f"{as_number(end['estimate'])}{interval_after(end['low'], end['high'])} on {end['workload']}"
        for end in w["ends"]
    )
    between = f"a factor of {as_number(f['effect'])}{interval_after(f['low'], f['high'])} between them"
    return (
        f"What depends most on the workload is {w['a']}: its final loss over the reference's is {low} and "
        f"{high}; {between}, {count(f['n'], 'seed')}."
    )


def told_apart(analysis: Analysis) -> Iterator[Finding]:
    """On how many workloads anything could be told apart, and the largest difference."""
    table = analysis.compared(LOSS)
    table = table[table["workload"] != EVERY_WORKLOAD]
    resolved = table[table["verdict"].isin(RESOLVED)]
    words: dict[str, Any] = {
        "workloads": int(analysis.runs["workload"].nunique()),
        "told": int(resolved["workload"].nunique()),
        "resolved": len(resolved),
        "pairs": len(table),
        "untested": int((table["verdict"] == INSUFFICIENT).sum()),
    }
    pool = row_dicts(resolved if len(resolved) else table)
    if not pool:
        row = {"verdict": INSUFFICIENT}
        keys = [{"table": "comparisons", "metric": LOSS}]
        yield make("told", "workloads", words, row, say=_say_told, figure="workloads/", rows=keys)
        return
    # An infinite ratio (the other one never ended) is no size to print while there are finite ones.
    largest = max(pool, key=lambda row: (math.isfinite(distance(row)), distance(row)))
    first = Combination(largest["a"], largest["schedule_a"])
    second = Combination(largest["b"], largest["schedule_b"])
    neutral = 0 if largest["scale"] == "difference" else 1
    if largest["effect"] > neutral:
        first, second = second, first
    words |= {
        "a": analysis.name(first),
        "b": analysis.name(second),
        "workload": analysis.label("workloads", largest["workload"]),
        "scale": largest["scale"],
    }
    figure = f"final/{largest['workload']}"
    keys = [key_of("comparisons", largest, *COMPARISON_KEY)]
    yield make("told", "workloads", words, oriented(largest, first), say=_say_told, figure=figure, rows=keys)


def _say_told(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    if not w["pairs"]:
        return "No two combinations with a final loss ran on the same workload: there is nothing to compare."
    of = count(w["workloads"], "workload")
    if w["untested"] == w["pairs"]:
        start = f"Insufficient data in all {count(w['pairs'], 'comparison')} on {of}"
    else:
        start = (
            f"On {w['told']} of {of} at least one combination is better than another: "
            f"{count(w['resolved'], 'difference')} in {count(w['pairs'], 'comparison')}"
        )
    against = "against" if w["scale"] == "difference" else "times"
    which = "Largest" if w["resolved"] else "The largest in these runs"
    return (
        f"{start}, by final validation loss. {which}: on {w['workload']}, the loss of {w['a']} is "
        f"{as_number(f['effect'])} {against} that of {w['b']}"
        f"{interval_after(f['low'], f['high'])}, {evidence(f)}."
    )


def spread(analysis: Analysis) -> Iterator[Finding]:
    """By what factor the final loss of one combination differs from its best seed to its worst."""
    runs = analysis.runs[is_finite(analysis.runs[LOSS])]
    signed = runs.loc[runs[LOSS] <= 0, "workload"].unique()
    losses = runs[~runs["workload"].isin(signed)].groupby(list(COMBINATION), sort=False)[LOSS]
    found = losses.agg(["size", "min", "max"])
    found = found[found["size"] > 1]
    # A loss that draws nothing comes out alike with every seed, and says nothing of seeds.
    varied = found[found["max"] > found["min"]]
    factors = (varied["max"] / varied["min"]).clip(upper=LARGEST).sort_values(kind="stable")
    seeds = int(analysis.runs["seed"].nunique())
    words: dict[str, Any] = {"seeds": seeds, "alike": len(found) - len(varied)}
    keys: list[dict[str, str]] = [{"table": "runs"}]
    if len(factors):
        named = dict(zip(COMBINATION, factors.index[-1], strict=True))
        words |= {"most": float(factors.iloc[-1]), "name": analysis.name_on_workload(named)}
        keys.append(key_of("runs", named, *COMBINATION))
    yield describe("cells", words, median_effect(factors.to_numpy(float)), len(factors), keys, say=_say_cells)


def _say_cells(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    alike = f"in {count(w['alike'], 'combination')} every seed gives the same loss"
    if not f["n"]:
        if w["alike"]:
            return f"Seeds make no difference here: {alike}."
        return f"No combination has two final losses to compare ({count(w['seeds'], 'seed')})."
    start = (
        "From its best seed to its worst, a combination's final validation loss differs by a factor of "
        f"{as_number(f['effect'])}{interval_after(f['low'], f['high'])} in the median over "
        f"{count(f['n'], 'combination')}"
    )
    most = f"; most for {w['name']}, {as_number(w['most'])} times" if f["n"] > 1 else ""
    return start + most + (f"; {alike}" if w["alike"] else "") + "."


def provenance_of_runs(analysis: Analysis) -> Iterator[Finding]:
    """How many cells rest on how many seeds, what that lets an interval cover, and whether they are alike."""
    runs = analysis.runs
    coverage = analysis.measured["summary"]["coverage"].to_numpy(float)
    coverage = coverage[np.isfinite(coverage) & (coverage > 0)]
    ends = (coverage.min(), coverage.max()) if len(coverage) else (math.nan, math.nan)
    middle = float(np.median(coverage)) if len(coverage) else math.nan
    words = {
        "cells": len(runs),
        **{f"{name}s": int(runs[name].nunique()) for name in COMBINATION},
        "mixed": bool(analysis.facts.get("mixed")),
    }
    keys = [{"table": "runs"}, {"table": "summary"}]
    yield describe("methods", words, (middle, *ends), int(runs["seed"].nunique()), keys, say=_say_methods)


def _say_methods(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    kinds = ", ".join(count(w[f"{kind}s"], kind) for kind in ("workload", "optimizer", "schedule"))
    alike = (
        "they were not all made alike, as the notes below say"
        if w["mixed"]
        else "all of them made by the same versions on the same kind of machine"
    )
    covers = ""
    if f["effect"] is not None:
        same = f["low"] == f["high"]
        ends = "" if same or f["low"] is None else f" ({percent(f['low'])} to {percent(f['high'])})"
        covers = f", with which the interval of a median covers {percent(f['effect'])}{ends}"
    return f"{count(w['cells'], 'cell')}: {kinds}, {count(f['n'], 'seed')}{covers}; {alike}."


SAYS: Final = (_say_completeness, _say_across, _say_told, _say_cells, _say_methods)
"""What this kind of finding says, by template."""
