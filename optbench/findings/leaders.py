"""Findings on who leads: over workloads, on each of them, and in time to target."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from optbench.core.status import OK
from optbench.core.words import MOST_NAMES, as_number, count, listing, probability
from optbench.findings.analysis import LOSS, TIME, Analysis
from optbench.findings.comparisons import EVERY_WORKLOAD
from optbench.findings.finding import (
    COMPARISON_KEY,
    DESCRIPTION,
    RANKING_KEY,
    Finding,
    against,
    key_of,
    make,
    number_or_none,
    oriented,
)
from optbench.findings.ranking import FEWEST_WORKLOADS
from optbench.findings.sentences import MOST_SEEDS, compared_to, standing, why_not_tested
from optbench.findings.verdicts import FAVOURABLE, INSUFFICIENT, UNDECIDED
from optbench.stats.paired import FEWEST_PAIRS
from optbench.tables.rows import Combination, row_dicts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LEVEL: Final = 0.05
"""Of the test of average ranks, which is exploratory."""


def first_and_next(
    analysis: Analysis, workload: str, metric: str
) -> tuple[Combination, Combination | None, dict[str, Any], dict[str, Any], list[dict[str, str]]] | None:
    """The leader, whom to compare it with, the row between them, words on its standing, and table keys."""
    ranking = analysis.ranking
    here = ranking[(ranking["workload"] == workload) & (ranking["metric"] == metric)]
    if not here["leader"].any():
        return None
    standings = row_dicts(here)
    leader = next(s for s in standings if s["leader"])
    first = Combination(leader["optimizer"], leader["schedule"])
    others = [s for s in standings if not s["leader"]]
    tied = [Combination(s["optimizer"], s["schedule"]) for s in others if s["tied"]]
    words: dict[str, Any] = {
        "workload": analysis.label("workloads", workload) if workload else "",
        "workloads": len(analysis.block.by_workload) if analysis.block and not workload else 1,
        "a": analysis.name(first),
        "b": None,
        "others": len(others),
        "better_than": int(leader["better_than"]),
        "tied": len(tied),
        "tied_names": [analysis.name(one) for one in tied],
        "fewest": FEWEST_PAIRS,
        "compared": True,
        "scale": "ratio",
        "diverged": 0,
        "untold": 0,
    }
    keys = [key_of("ranking", leader, *RANKING_KEY)]
    rivals = against(analysis.compared(metric), workload, first)
    rows = []
    for other in others:
        second = Combination(other["optimizer"], other["schedule"])
        if row := rivals.get(second):
            rows.append((second, row, oriented(row, first)))
    if rows:
        # The nearest that it is better than says most; else whoever comes next.
        second, row, seen = next((one for one in rows if one[2]["verdict"] in FAVOURABLE), rows[0])
        words |= {
            "b": analysis.name(second),
            "compared": not math.isnan(row["effect"]),
            "scale": row["scale"],
            "diverged": int(row["diverged"]),
            "untold": int(row["untold"]),
        }
        return first, second, seen, words, [*keys, key_of("comparisons", row, *COMPARISON_KEY)]
    return first, None, {}, words, keys


def overall(analysis: Analysis) -> Iterator[Finding]:
    """Who leads over workloads, how stable that is, and what would tell the first two apart."""
    found = first_and_next(analysis, EVERY_WORKLOAD, LOSS)
    if found is None or analysis.block is None or analysis.overall is None:
        return
    first, second, row, words, keys = found
    if second is None or not row:
        return
    yield make("overall", "verdict", words, row, say=_say_leader, figure="verdict/", rows=keys)
    yield from _stability(analysis, first)
    yield from _ranks(analysis)
    yield from _seeds(analysis, EVERY_WORKLOAD)


def _stability(analysis: Analysis, first: Combination) -> Iterator[Finding]:
    table = analysis.stability
    # Whoever is left out cannot lead.
    table = table[(table["kind"] != "optimizer") | (table["left_out"] != first.optimizer)]
    leads = (table["leader_optimizer"] == first.optimizer) & (table["leader_schedule"] == first.schedule)
    kinds = []
    for kind in ("seed", "workload", "optimizer"):
        here = leads[table["kind"] == kind]
        kinds.append([kind, int(here.sum()), len(here)])
    words = {
        "a": analysis.name(first),
        "workloads": len(analysis.block.by_workload) if analysis.block else 0,
        "kinds": kinds,
    }
    if len(table):
        keys = [{"table": "stability"}]
        seeds = analysis.overall.n_seeds if analysis.overall else 0
        row = {
            "pairs": seeds,
            "test": DESCRIPTION,
            "verdict": INSUFFICIENT,
        }
        yield make("stability", "verdict", words, row, say=_say_stability, figure="verdict/", rows=keys)


def _say_stability(_f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    parts = [f"{same} of {of} times without one {kind}" for kind, same, of in w["kinds"] if of]
    return f"{w['a']} stays first {listing(parts, MOST_NAMES)}."


def _ranks(analysis: Analysis) -> Iterator[Finding]:
    if analysis.overall is None:
        return
    ranking = analysis.ranking
    here = row_dicts(ranking[(ranking["workload"] == EVERY_WORKLOAD) & (ranking["metric"] == LOSS)])
    best = min(here, key=lambda s: s["average_rank"])
    p = analysis.overall.friedman_p
    words = {
        "a": analysis.name(Combination(best["optimizer"], best["schedule"])),
        "rank": float(best["average_rank"]),
        "critical": number_or_none(analysis.overall.critical_difference),
        "workloads": len(analysis.overall.workloads),
        "fewest": FEWEST_WORKLOADS,
        "level": LEVEL,
    }
    row = {
        "pairs": len(analysis.overall.workloads),
        "test": "none" if math.isnan(p) else "Friedman, Iman and Davenport's F",
        "p_adjusted": p,
        "verdict": INSUFFICIENT if math.isnan(p) else UNDECIDED,
        "exploratory": not math.isnan(p),
    }
    keys = [key_of("ranking", s, *RANKING_KEY) for s in here]
    yield make("ranks", "verdict", words, row, say=_say_ranks, figure="verdict/", rows=keys)


def _say_ranks(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    if f["verdict"] == INSUFFICIENT:
        workloads = count(w["workloads"], "workload")
        return f"Average ranks are not tested over {workloads}: {w['fewest']} are the least."
    differ = "differ" if f["p_adjusted"] <= w["level"] else "cannot be told apart"
    return (
        f"Over {count(w['workloads'], 'workload')} the average ranks {differ} (Friedman, exploratory, "
        f"{probability(f['p_adjusted'])}); best is {w['a']} with {as_number(w['rank'])}, and ranks nearer "
        f"than {as_number(w['critical'])} cannot be told apart."
    )


def leaders(analysis: Analysis) -> Iterator[Finding]:
    """Who leads on each workload."""
    for workload, runs in analysis.runs.groupby("workload", sort=False):
        name = str(workload)
        figure = f"final/{name}"
        found = first_and_next(analysis, name, LOSS)
        if found is None:
            words = {
                "workload": analysis.label("workloads", name),
                "runs": len(runs),
                "ok": int((runs["status"] == OK.name).sum()),
            }
            row: dict[str, Any] = {"pairs": runs["seed"].nunique(), "verdict": INSUFFICIENT}
            keys = [{"table": "runs", "workload": name}]
            yield make(f"leader:{name}", "workloads", words, row, say=_say_none, figure=figure, rows=keys)
            continue
        _, second, row, words, keys = found
        say = _say_leader if second else _say_alone
        row = row or {"verdict": INSUFFICIENT}
        yield make(f"leader:{name}", "workloads", words, row, say=say, figure=figure, rows=keys)
        yield from _seeds(analysis, name)


def _say_leader(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    where = f"over {count(w['workloads'], 'workload')}" if w["workloads"] > 1 else f"on {w['workload']}"
    size = f"the loss of {w['a']} is {compared_to(f, w, 'that of ' + w['b'])}"
    if f["verdict"] == INSUFFICIENT:
        start = f"Nothing can be told {where}: {why_not_tested(f, w)}."
        return f"{start} First in these runs is {w['a']}" + (f": {size}." if w["compared"] else ".")
    start = f"{where[0].upper()}{where[1:]}, {w['a']} has the lowest validation loss"
    return f"{start}. {standing(f, w, size)}"


def _say_alone(_f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    return f"On {w['workload']} only {w['a']} was run: there is nothing to compare."


def _say_none(_f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    ended = f"{w['ok']} of {count(w['runs'], 'run')} ended ok"
    return f"On {w['workload']} no combination has a finite median loss: {ended}."


def _seeds(analysis: Analysis, workload: str) -> Iterator[Finding]:
    """What it would take to tell the leader from the nearest rival that it cannot be told from."""
    ranking = analysis.ranking
    here = row_dicts(ranking[(ranking["workload"] == workload) & (ranking["metric"] == LOSS)])
    leader = next((s for s in here if s["leader"]), None)
    if leader is None:
        return
    first = Combination(leader["optimizer"], leader["schedule"])
    rivals = against(analysis.compared(LOSS), workload, first)
    tied = [Combination(s["optimizer"], s["schedule"]) for s in here if s["tied"]]
    open_ = [(one, rivals[one]) for one in tied if not math.isnan(rivals[one]["seeds_needed"])]
    if not open_:
        return
    second, row = open_[0]
    needed = row["seeds_needed"]
    words = {
        "a": analysis.name(first),
        "b": analysis.name(second),
        "workload": analysis.label("workloads", workload) if workload else "",
        "workloads": int(row["workloads"]),
        "seeds": int(needed) if math.isfinite(needed) else None,
        "scale": row["scale"],
    }
    keys = [key_of("comparisons", row, *COMPARISON_KEY)]
    figure = f"final/{workload}" if workload else "verdict/"
    id_ = f"seeds:{workload}" if workload else "seeds"
    section = "workloads" if workload else "verdict"
    yield make(id_, section, words, oriented(row, first), say=_say_seeds, figure=figure, rows=keys)


def _say_seeds(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    needed = w["seeds"]
    many = needed is None or needed > MOST_SEEDS
    enough = f"more than {MOST_SEEDS} seeds" if many else f"about {count(needed, 'seed')}"
    where = f"on {w['workload']}" if w["workload"] else f"over {count(w['workloads'], 'workload')}"
    that = f"that of {w['b']}"
    return (
        f"To tell {w['a']} from {w['b']} {where} would take {enough} (80% power at this gap: the loss "
        f"of {w['a']} is {compared_to(f, w, that)}, {count(f['n'], 'seed')})."
    )


def targets(analysis: Analysis) -> Iterator[Finding]:
    """Who reaches each workload's target soonest."""
    ranking = analysis.ranking
    timed = ranking[(ranking["metric"] == TIME) & np.isfinite(ranking["estimate"].to_numpy(float))]
    for workload in timed["workload"].unique():
        found = first_and_next(analysis, str(workload), TIME)
        if found is None:
            continue
        _, _, row, words, keys = found
        leader = next(s for s in row_dicts(timed[timed["workload"] == workload]) if s["leader"])
        words |= {
            "median": float(leader["estimate"]),
            "reached": int(leader["n_ok"]),
            "runs": int(leader["n"]),
        }
        row = row or {"verdict": INSUFFICIENT}
        id_, figure = f"target:{workload}", f"convergence/{workload}"
        yield make(id_, "convergence", words, row, say=_say_target, figure=figure, rows=keys)


def _say_target(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    start = (
        f"On {w['workload']}, {w['a']} reaches the target soonest: median {count(w['median'], 'step')}, "
        f"{w['reached']} of {count(w['runs'], 'run')}"
    )
    if w["b"] is None:
        return f"{start}; no other was run."
    if f["verdict"] == INSUFFICIENT:
        return f"{start}. This is no finding: {why_not_tested(f, w)}."
    # Steps are 0 times a censored run's, which has no number.
    beyond = f["effect"] == 0 and w["scale"] != "difference"
    size = f"the steps of {w['a']} are {compared_to(f, w, 'those of ' + w['b'])}"
    if beyond:
        size = f"in the typical pair {w['b']} never gets there"
    elif f["effect"] == "inf":
        size = f"in the typical pair only {w['b']} gets there"
    return f"{start}. {standing(f, w, size)}"


SAYS: Final = (_say_leader, _say_alone, _say_none, _say_stability, _say_ranks, _say_seeds, _say_target)
"""What this kind of finding says, by template."""
