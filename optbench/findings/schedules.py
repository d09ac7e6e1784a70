"""Findings on schedules: whom they help, and what half of the budget would have said (layer 2b)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from optbench.findings.analysis import LOSS, Analysis
from optbench.findings.comparisons import EVERY_WORKLOAD
from optbench.findings.finding import (
    RESOLVED,
    WHO,
    Finding,
    as_json,
    key_of,
    make,
    oriented,
    row_dicts,
)
from optbench.findings.interaction import HALF
from optbench.findings.interaction import flips as turned_round
from optbench.findings.samples import Combination

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
                effects.setdefault((other, base), []).append(seen | {"key": key_of("comparisons", row, *WHO)})
    for (schedule, base), rows in effects.items():
        verdicts = [row["verdict"] for row in rows]
        pool = [row for row in rows if row["verdict"] in RESOLVED] or rows
        largest = max(pool, key=distance)
        words = {
            "schedule": analysis.label("schedules", schedule),
            "base": analysis.label("schedules", base),
            "optimizer": analysis.label("optimizers", largest["a"]),
            "workload": analysis.label("workloads", largest["workload"]),
            "scale": largest["scale"],
            "pairs": len(rows),
            "better": verdicts.count("better"),
            "worse": verdicts.count("worse"),
            "equal": verdicts.count("no detectable difference"),
            "untested": verdicts.count("insufficient data"),
            "own_rate": sum(row["lr_a"] != row["lr_b"] for row in rows),
        }
        keys = [row["key"] for row in rows]
        id_ = f"schedule:{schedule}"
        yield make(id_, "schedules", "schedule", words, largest, figure="schedules/", rows=keys)
        yield from _interaction(analysis, schedule)


def distance(row: Mapping[str, Any]) -> float:
    """How far an effect lies from none."""
    effect = float(row["effect"])
    if math.isnan(effect):
        return -1.0
    if row["scale"] != "ratio":
        return abs(effect)
    return abs(math.log10(effect)) if 0 < effect < math.inf else math.inf


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
    keys = [key_of("interactions", largest, *WHO)]
    id_ = f"interaction:{schedule}"
    yield make(id_, "schedules", "interaction", words, largest, figure="schedules/", rows=keys)


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
            "verdict": "no detectable difference" if tested else "insufficient data",
        }
        if tested:
            keys = [{"table": "comparisons", "metric": HALF}]
            yield make("flip", "convergence", "flip", words, row, figure="convergence/", rows=keys)
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
    keys = [key_of("comparisons", largest | {"metric": metric}, *WHO) for metric in (LOSS, HALF)]
    yield make("flip", "convergence", "flip", words, largest, figure=f"convergence/{workload}", rows=keys)
