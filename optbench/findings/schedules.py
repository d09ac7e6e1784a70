"""Findings on schedules: whom they help, and what half of the budget would have said."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from optbench.core.words import as_number, count
from optbench.findings.analysis import LOSS, Analysis
from optbench.findings.comparisons import EVERY_WORKLOAD
from optbench.findings.descriptions import describe
from optbench.findings.finding import (
    COMPARISON_KEY,
    Finding,
    as_json,
    distance,
    key_of,
    make,
    oriented,
)
from optbench.findings.interaction import HALF, turned_round
from optbench.findings.sentences import compared_to, evidence, interval_after
from optbench.findings.verdicts import (
    BELOW,
    FAVOURABLE,
    INSUFFICIENT,
    RESOLVED,
    UNDECIDED,
    UNFAVOURABLE,
    kind_of,
)
from optbench.tables.rows import Combination, row_dicts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def schedules(analysis: Analysis) -> Iterator[Finding]:
    """Each schedule against the workload's first one, optimizer by optimizer."""
    table = analysis.compared(LOSS)
    same = table[(table["workload"] != EVERY_WORKLOAD) & (table["a"] == table["b"])]
    effects: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for samples in analysis.by_workload:
        base = samples.combinations[0].schedule
        for row in row_dicts(same[same["workload"] == samples.workload]):
            if base in (row["schedule_a"], row["schedule_b"]):
                other = row["schedule_b"] if row["schedule_a"] == base else row["schedule_a"]
                seen = oriented(row, Combination(row["a"], other))
                effects.setdefault((other, base), []).append(
                    seen | {"key": key_of("comparisons", row, *COMPARISON_KEY)}
                )
    for (schedule, base), rows in effects.items():
        verdicts = [kind_of(row["verdict"]) for row in rows]
        pool = [row for row in rows if row["verdict"] in RESOLVED] or rows
        largest = max(pool, key=distance)
        words = {
            "schedule": analysis.label("schedules", schedule),
            "base": analysis.label("schedules", base),
            "optimizer": analysis.label("optimizers", largest["a"]),
            "workload": analysis.label("workloads", largest["workload"]),
            "scale": largest["scale"],
            "pairs": len(rows),
            "better": sum(verdict in FAVOURABLE for verdict in verdicts),
            "worse": sum(verdict in UNFAVOURABLE for verdict in verdicts),
            "below": verdicts.count(BELOW),
            "equal": verdicts.count("equal"),
            "undecided": verdicts.count(UNDECIDED),
            "untested": verdicts.count(INSUFFICIENT),
            "own_rate": sum(row["lr_a"] != row["lr_b"] for row in rows),
        }
        keys = [row["key"] for row in rows]
        id_ = f"schedule:{schedule}"
        yield make(id_, "schedules", words, largest, say=_say_schedule, figure="schedules/", rows=keys)
        yield from _interaction(analysis, schedule)


def _say_schedule(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    over = (
        f"{w['schedule']} instead of {w['base']}, over {count(w['pairs'], 'pair')} of workload and optimizer"
    )
    if w["untested"] == w["pairs"]:
        counts = "insufficient data in all of them"
    else:
        counts = f"better in {w['better']}, worse in {w['worse']}, undecided in {w['undecided']}"
        counts += f", equal in {w['equal']}" if w["equal"] else ""
        counts += f", detected but below the threshold in {w['below']}" if w["below"] else ""
        counts += f", insufficient data in {w['untested']}" if w["untested"] else ""
    kind = "Largest change"
    if f["verdict"] in RESOLVED:
        kind = "Largest gain" if f["verdict"] in FAVOURABLE else "Largest loss"
    size = compared_to(f, w, f"that under {w['base']}")
    where = f"{w['optimizer']} on {w['workload']}"
    return f"{over}: {counts}. {kind}: {where}, its loss {size}, {evidence(f)}. {_own_rates(w)}"


def _own_rates(w: Mapping[str, Any]) -> str:
    if w["own_rate"] == w["pairs"]:
        return "Each schedule ran at its own learning rate."
    if w["own_rate"] == 0:
        return "Both schedules ran at one learning rate, which need not suit both."
    return (
        f"In {w['own_rate']} of them each schedule ran at its own learning rate; in the rest both ran at "
        "one, which need not suit both."
    )


def _interaction(analysis: Analysis, schedule: str) -> Iterator[Finding]:
    table = analysis.interactions
    rows = row_dicts(table[table["schedule_a"] == schedule])
    if not rows:
        return
    resolved = [row for row in rows if row["verdict"] in RESOLVED]
    largest = max(resolved or rows, key=distance)
    words = {
        "schedule": analysis.label("schedules", schedule),
        "workload": analysis.label("workloads", largest["workload"]),
        "a": analysis.label("optimizers", largest["a"]),
        "b": analysis.label("optimizers", largest["b"]),
        "pairs": len(rows),
        "resolved": len(resolved),
    }
    keys = [key_of("interactions", largest, *COMPARISON_KEY)]
    id_ = f"interaction:{schedule}"
    yield make(id_, "schedules", words, largest, say=_say_interaction, figure="schedules/", rows=keys)


def _say_interaction(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    tested = f"{w['resolved']} of {count(w['pairs'], 'pair')} of optimizers"
    start = f"Whom {w['schedule']} helps: it acts differently on {tested} (within a workload)"
    if f["verdict"] not in RESOLVED:
        return f"{start} (exploratory)."
    more = "more" if f["verdict"] in FAVOURABLE else "less"
    span = interval_after(f["low"], f["high"])
    return (
        f"{start}. Most of all, on {w['workload']} it helps {w['a']} {more} than {w['b']}: the ratio of "
        f"their ratios is {as_number(f['effect'])}{span}, {evidence(f)}."
    )


def flips(analysis: Analysis) -> Iterator[Finding]:
    """Whether orders that could be told half-way were reversed by the end."""
    half = analysis.compared(HALF)
    final = analysis.compared(LOSS)
    if half.empty:
        return
    turned = turned_round(final, half)
    words: dict[str, Any] = {
        "flips": len(turned),
        "pairs": len(half),
        "told": int(half["verdict"].isin(RESOLVED).sum()),
    }
    if turned.empty:
        tested = bool(half["p_adjusted"].notna().any())
        row: dict[str, Any] = {
            "pairs": int(half["pairs"].max()),
            "verdict": UNDECIDED if tested else INSUFFICIENT,
            "exploratory": True,
        }
        if tested:
            keys = [{"table": "comparisons", "metric": HALF}]
            yield make("flip", "convergence", words, row, say=_say_flip, figure="convergence/", rows=keys)
        return
    largest = max(row_dicts(turned), key=distance)
    workload = largest["workload"]
    words |= {
        "workload": analysis.label("workloads", workload),
        "step": analysis.half_steps[workload],
        "a": analysis.name(Combination(largest["a"], largest["schedule_a"])),
        "b": analysis.name(Combination(largest["b"], largest["schedule_b"])),
        "half_effect": as_json(largest["half_effect"]),
    }
    keys = [key_of("comparisons", largest | {"metric": metric}, *COMPARISON_KEY) for metric in (LOSS, HALF)]
    largest["exploratory"] = True  # half of it is
    yield make(
        "flip", "convergence", words, largest, say=_say_flip, figure=f"convergence/{workload}", rows=keys
    )


def _say_flip(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    if not w["flips"]:
        return (
            "No order that could be told half-way through the budget was reversed at the end "
            f"({w['told']} of {count(w['pairs'], 'pair')} could be told; exploratory)."
        )
    return (
        f"{count(w['flips'], 'order')} that could be told half-way through the budget turned round by the "
        f"end. On {w['workload']} at step {w['step']}, {w['a']} had {as_number(w['half_effect'])} times the "
        f"loss of {w['b']}; at the end it has {as_number(f['effect'])} times"
        f"{interval_after(f['low'], f['high'])}, {evidence(f)}."
    )


def no_schedules(analysis: Analysis) -> Iterator[Finding]:
    """That no schedule stands beside another one, where that is so."""
    table = analysis.compared(LOSS)
    if not ((table["workload"] != EVERY_WORKLOAD) & (table["a"] == table["b"])).any():
        words = {"schedules": int(analysis.runs["schedule"].nunique())}
        yield describe("schedules", words, 3 * (math.nan,), 0, [{"table": "runs"}], say=_say_schedules)


def _say_schedules(_f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    if w["schedules"] == 1:
        return "One schedule was run: there is nothing to compare."
    return "No optimizer has final losses under two schedules of one workload: there is nothing to compare."


SAYS: Final = (_say_schedule, _say_interaction, _say_flip, _say_schedules)
"""What this kind of finding says, by template."""
