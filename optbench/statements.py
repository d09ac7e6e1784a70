"""Findings on who leads: over workloads, on each of them, and in time to target (layer 2b)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from optbench.comparisons import EVERY_WORKLOAD, IDENTICAL, LEVEL
from optbench.contenders import Combination
from optbench.finding import (
    DESCRIPTION,
    STANDS,
    WHO,
    Finding,
    against,
    key_of,
    make,
    number_or_none,
    oriented,
    row_dicts,
)
from optbench.grounds import LOSS, TIME, Grounds
from optbench.ranking import FEWEST_WORKLOADS
from optbench.stats import FEWEST_PAIRS
from optbench.status import OK

if TYPE_CHECKING:
    from collections.abc import Iterator


def first_and_next(
    grounds: Grounds, workload: str, metric: str
) -> tuple[Combination, Combination | None, dict[str, Any], dict[str, Any], list[dict[str, str]]] | None:
    """The leader, whom to compare it with, the row between them, words on its standing, and table keys."""
    ranking = grounds.ranking
    here = ranking[(ranking["workload"] == workload) & (ranking["metric"] == metric)]
    if not here["leader"].any():
        return None
    standings = row_dicts(here)
    leader = next(s for s in standings if s["leader"])
    first = Combination(leader["optimizer"], leader["schedule"])
    others = [s for s in standings if not s["leader"]]
    tied = [Combination(s["optimizer"], s["schedule"]) for s in others if s["tied"]]
    words: dict[str, Any] = {
        "workload": grounds.label("workloads", workload) if workload else "",
        "workloads": len(grounds.block.fields) if grounds.block and not workload else 1,
        "a": grounds.name(first),
        "b": None,
        "others": len(others),
        "better_than": int(leader["better_than"]),
        "tied": len(tied),
        "tied_names": [grounds.name(one) for one in tied],
        "fewest": FEWEST_PAIRS,
        "fixed": False,
        "scale": "ratio",
    }
    keys = [key_of("ranking", leader, *STANDS)]
    rivals = against(grounds.compared(metric), workload, first)
    rows = []
    for other in others:
        second = Combination(other["optimizer"], other["schedule"])
        if row := rivals.get(second):
            rows.append((second, row, oriented(row, first)))
    if rows:
        # The nearest that it is better than says most; else whoever comes next.
        second, row, seen = next((found for found in rows if found[2]["verdict"] == "better"), rows[0])
        words |= {
            "b": grounds.name(second),
            "fixed": row["test"] == IDENTICAL,
            "scale": row["scale"],
        }
        return first, second, seen, words, [*keys, key_of("comparisons", row, *WHO)]
    return first, None, {}, words, keys


def overall(grounds: Grounds) -> Iterator[Finding]:
    """Who leads over workloads, how stable that is, and what would tell the first two apart."""
    found = first_and_next(grounds, EVERY_WORKLOAD, LOSS)
    if found is None or grounds.block is None or grounds.overall is None:
        return
    first, second, row, words, keys = found
    if second is None or not row:
        return
    yield make("overall", "verdict", "leader", words, row, figure="verdict/", rows=keys)
    yield from _stability(grounds, first)
    yield from _ranks(grounds)
    yield from _seeds(grounds, EVERY_WORKLOAD)


def _stability(grounds: Grounds, first: Combination) -> Iterator[Finding]:
    table = grounds.stability
    kinds = []
    for kind in ("seed", "workload", "optimizer"):
        here = table[table["kind"] == kind]
        kinds.append([kind, int(here["same_leader"].sum()), len(here)])
    words = {
        "a": grounds.name(first),
        "workloads": len(grounds.block.fields) if grounds.block else 0,
        "kinds": kinds,
    }
    if len(table):
        keys = [{"table": "stability"}]
        seeds = grounds.overall.n_seeds if grounds.overall else 0
        row = {
            "pairs": seeds,
            "test": DESCRIPTION,
            "verdict": "insufficient data" if seeds < FEWEST_PAIRS else "no detectable difference",
        }
        yield make("stability", "verdict", "stability", words, row, figure="verdict/", rows=keys)


def _ranks(grounds: Grounds) -> Iterator[Finding]:
    if grounds.overall is None:
        return
    ranking = grounds.ranking
    here = row_dicts(ranking[(ranking["workload"] == EVERY_WORKLOAD) & (ranking["metric"] == LOSS)])
    best = min(here, key=lambda s: s["average_rank"])
    p = grounds.overall.friedman_p
    words = {
        "a": grounds.name(Combination(best["optimizer"], best["schedule"])),
        "rank": float(best["average_rank"]),
        "critical": number_or_none(grounds.overall.critical_difference),
        "workloads": len(grounds.overall.workloads),
        "fewest": FEWEST_WORKLOADS,
        "level": LEVEL,
    }
    row = {
        "pairs": len(grounds.overall.workloads),
        "test": "none" if math.isnan(p) else "Friedman, Iman and Davenport's F",
        "p_adjusted": p,
        "verdict": "insufficient data" if math.isnan(p) else "no detectable difference",
    }
    keys = [key_of("ranking", s, *STANDS) for s in here]
    yield make("ranks", "verdict", "ranks", words, row, figure="verdict/", rows=keys)


def leaders(grounds: Grounds) -> Iterator[Finding]:
    """Who leads on each workload."""
    for workload, runs in grounds.runs.groupby("workload", sort=False):
        name = str(workload)
        figure = f"final/{name}"
        found = first_and_next(grounds, name, LOSS)
        if found is None:
            words = {
                "workload": grounds.label("workloads", name),
                "runs": len(runs),
                "ok": int((runs["status"] == OK.name).sum()),
            }
            row: dict[str, Any] = {"pairs": runs["seed"].nunique(), "verdict": "insufficient data"}
            keys = [{"table": "runs", "workload": name}]
            yield make(f"leader:{name}", "workloads", "none", words, row, figure=figure, rows=keys)
            continue
        _, second, row, words, keys = found
        template = "leader" if second else "alone"
        row = row or {"verdict": "insufficient data"}
        yield make(f"leader:{name}", "workloads", template, words, row, figure=figure, rows=keys)
        yield from _seeds(grounds, name)


def _seeds(grounds: Grounds, workload: str) -> Iterator[Finding]:
    """What it would take to tell the leader from the nearest rival that it cannot be told from."""
    ranking = grounds.ranking
    here = row_dicts(ranking[(ranking["workload"] == workload) & (ranking["metric"] == LOSS)])
    leader = next((s for s in here if s["leader"]), None)
    rival = next((s for s in here if s["tied"]), None)
    if leader is None or rival is None:
        return
    first = Combination(leader["optimizer"], leader["schedule"])
    second = Combination(rival["optimizer"], rival["schedule"])
    row = against(grounds.compared(LOSS), workload, first).get(second)
    if row is None or math.isnan(row["seeds_needed"]):
        return
    needed = row["seeds_needed"]
    words = {
        "a": grounds.name(first),
        "b": grounds.name(second),
        "workload": grounds.label("workloads", workload) if workload else "",
        "workloads": int(row["workloads"]),
        "seeds": int(needed) if math.isfinite(needed) else None,
        "scale": row["scale"],
    }
    keys = [key_of("comparisons", row, *WHO)]
    figure = f"final/{workload}" if workload else "verdict/"
    id_ = f"seeds:{workload}" if workload else "seeds"
    section = "workloads" if workload else "verdict"
    yield make(id_, section, "seeds", words, oriented(row, first), figure=figure, rows=keys)


def targets(grounds: Grounds) -> Iterator[Finding]:
    """Who reaches each workload's target soonest."""
    ranking = grounds.ranking
    timed = ranking[(ranking["metric"] == TIME) & np.isfinite(ranking["estimate"].to_numpy(float))]
    for workload in timed["workload"].unique():
        found = first_and_next(grounds, str(workload), TIME)
        if found is None:
            continue
        _, _, row, words, keys = found
        leader = next(s for s in row_dicts(timed[timed["workload"] == workload]) if s["leader"])
        words |= {
            "median": float(leader["estimate"]),
            "reached": int(leader["n_ok"]),
            "runs": int(leader["n"]),
        }
        row = row or {"verdict": "insufficient data"}
        id_, figure = f"target:{workload}", f"convergence/{workload}"
        yield make(id_, "convergence", "target", words, row, figure=figure, rows=keys)
