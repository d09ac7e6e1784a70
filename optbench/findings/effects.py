"""Findings on main effects: what a schedule, or an optimizer in the reference's place, does in the mean."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from optbench.core.words import as_number, count, listing, percent
from optbench.findings.finding import Finding, key_of, make
from optbench.findings.main_effects import ALL_KINDS
from optbench.findings.sentences import evidence
from optbench.findings.verdicts import BELOW, INSUFFICIENT, RESOLVED
from optbench.stats.paired import FEWEST_PAIRS
from optbench.tables.rows import row_dicts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from optbench.findings.analysis import Analysis

EFFECT_KEY: Final = ("what", "name", "against", "kind")

SECTIONS: Final = {"schedule": "schedules", "optimizer": "across"}
"""The section of the page for each factor."""


def effects(analysis: Analysis) -> Iterator[Finding]:
    """Every main effect over all kinds of workloads, with what it is on each kind."""
    table = analysis.main_effects
    rows = row_dicts(table)
    for row in rows:
        if row["kind"] != ALL_KINDS:
            continue
        own = [r for r in rows if r["kind"] and all(r[key] == row[key] for key in EFFECT_KEY[:3])]
        plural = f"{row['what']}s"
        words = {
            "what": row["what"],
            "name": analysis.label(plural, row["name"]),
            "against": analysis.label(plural, row["against"]),
            "workloads": int(row["workloads"]),
            "parts": int(row["parts"]),
            "own_rate": int(row["own_rate"]),
            "wins": int(row["wins"]),
            "defeats": int(row["pairs"] - row["wins"] - row["ties"]),
            "ends": [
                {"workload": analysis.label("workloads", row[f"{end}_workload"]), "effect": float(row[end])}
                for end in ("least", "most")
                if row[f"{end}_workload"] and math.isfinite(row[end])
            ],
            "kinds": [
                {"kind": r["kind"], "effect": float(r["effect"]), "verdict": r["verdict"]}
                for r in own
                if math.isfinite(r["effect"])
            ],
            "diverged": int(row["diverged"]),
            "untold": int(row["untold"]),
            "fewest": FEWEST_PAIRS,
        }
        keys = [key_of("main_effects", r, *EFFECT_KEY) for r in (row, *own)]
        section = SECTIONS[row["what"]]
        id_ = f"effect:{row['what']}:{row['name']}"
        yield make(id_, section, words, row, say=_say_effect, figure=f"{section}/", rows=keys)


def _say_effect(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    pairs = "workload and optimizer" if w["what"] == "schedule" else "workload and schedule"
    over = f"over {count(w['parts'], 'pair')} of {pairs} on {count(w['workloads'], 'workload')}"
    start = f"{w['name']} instead of {w['against']}"
    if f["verdict"] == INSUFFICIENT:
        few = f"{count(f['n'], 'seed')} are too few for a test, {w['fewest']} are the least"
        return f"{start}, {over}: insufficient data ({few})."
    tail = f"({over}; {evidence(f)}).{_differs(w)}{_reserve(w)}"
    if f["verdict"] in (*RESOLVED, BELOW):
        below = ", less than the study's threshold" if f["verdict"] == BELOW else ""
        return f"{start} {_change(f)}{below}{_seeds(f, w)} {tail}"
    return f"What {start} does to the loss is {f['verdict']}: {_ratio(f)} {tail}"


def _ratio(f: Mapping[str, Any]) -> str:
    return f"{as_number(f['effect'])} times [{as_number(f['low'])}, {as_number(f['high'])}]"


def _change(f: Mapping[str, Any]) -> str:
    """`lowers the loss by 8% [5%, 11%]`; a ratio where percent would mislead."""
    effect, low, high = f["effect"], f["low"], f["high"]
    verb = "lowers" if float(effect) < 1 else "raises"
    if any(isinstance(end, str) or end is None for end in (effect, low, high)) or not 0.1 < effect < 10:  # noqa: PLR2004 - an order of magnitude
        return f"{verb} the loss: {_ratio(f)}"
    ends = sorted(abs(1 - end) for end in (low, high))
    return f"{verb} the loss by {percent(abs(1 - effect), 2)} [{percent(ends[0], 2)}, {percent(ends[1], 2)}]"


def _seeds(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    same = max(w["wins"], w["defeats"])
    return ", in every seed" if same == f["n"] else f", in {same} of {count(f['n'], 'seed')}"


def _differs(w: Mapping[str, Any]) -> str:
    """How much workloads differ in it."""
    if len(w["kinds"]) > 1:
        by_kind = [f"{one['kind']} {as_number(one['effect'])} times ({one['verdict']})" for one in w["kinds"]]
        return f" By kind: {listing(by_kind, len(by_kind))}."
    if len(w["ends"]) > 1 and w["ends"][0]["workload"] != w["ends"][1]["workload"]:
        low, high = (f"{as_number(end['effect'])} times on {end['workload']}" for end in w["ends"])
        return f" It differs between workloads: from {low} to {high}."
    return ""


def _reserve(w: Mapping[str, Any]) -> str:
    parts = []
    if w["diverged"]:
        parts.append(f"runs ended without a result on {count(w['diverged'], 'workload')}")
    if w["untold"]:
        parts.append(f"too few runs for a test on {count(w['untold'], 'workload')}")
    if 0 < w["own_rate"] < w["parts"]:
        parts.append(f"in {w['own_rate']} of {count(w['parts'], 'pair')} each ran at a rate of its own")
    elif not w["own_rate"]:
        parts.append("both ran at one rate, which need not suit both")
    return f" Mind: {listing(parts, len(parts))}." if parts else ""


SAYS: Final = (_say_effect,)
"""What this kind of finding says, by template."""
