"""What to use: a recommendation a workload and one over all, what it rests on, when not to trust it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from optbench.core.words import (
    MOST_NAMES,
    as_number,
    change,
    changes,
    count,
    listing,
    percent,
    probability,
)
from optbench.findings.analysis import LOSS, Analysis
from optbench.findings.comparisons import EVERY_WORKLOAD
from optbench.findings.finding import (
    COMPARISON_KEY,
    RANKING_KEY,
    Finding,
    against,
    key_of,
    make,
    number_or_none,
    oriented,
)
from optbench.findings.verdicts import (
    BETTER,
    BETTER_EXACT,
    EXACT,
    FAVOURABLE,
    INSUFFICIENT,
    UNDECIDED,
    UNFAVOURABLE,
)
from optbench.stats.paired import FEWEST_PAIRS
from optbench.tables.rows import Combination, first_with, row_dicts
from optbench.tables.step_times import is_quiet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SURE: Final = 0.05
"""Step times that differ by less are called alike."""


def recommendations(analysis: Analysis) -> Iterator[Finding]:
    """Over all workloads, then for each of them."""
    if analysis.block is not None:
        yield from _recommended(analysis, EVERY_WORKLOAD, analysis.block.reference)
    for samples in analysis.by_workload:
        reference = first_with(samples.combinations, str(analysis.facts["report"]["reference"]))
        yield from _recommended(analysis, samples.workload, reference)


def _recommended(analysis: Analysis, workload: str, reference: Combination) -> Iterator[Finding]:
    ranking = analysis.ranking
    here = row_dicts(ranking[(ranking["workload"] == workload) & (ranking["metric"] == LOSS)])
    leader = next((s for s in here if s["leader"]), None)
    if leader is None:
        return
    first = Combination(leader["optimizer"], leader["schedule"])
    tied = [Combination(s["optimizer"], s["schedule"]) for s in here if s["tied"]]
    rivals = against(analysis.compared(LOSS), workload, first)
    keys = [key_of("ranking", leader, *RANKING_KEY)]
    row: dict[str, Any] = {"verdict": _among(rivals, first), "pairs": int(leader["n"])}
    if first != reference and reference in rivals:
        row = oriented(rivals[reference], first)
        keys.append(key_of("comparisons", rivals[reference], *COMPARISON_KEY))
    told = any(s["better_than"] for s in here)
    words = {
        "workload": analysis.label("workloads", workload) if workload else "",
        "workloads": len(analysis.block.by_workload) if analysis.block and not workload else 1,
        "a": analysis.name(first),
        "reference": None if first == reference else analysis.name(reference),
        "others": len(here) - 1,
        "better_than": int(leader["better_than"]),
        "told": told,
        "tested": bool(leader["group"]),
        "wins": int(row.get("wins", 0)),
        "as_good": [analysis.name(one) for one in tied],
        "rate": _rate(analysis, workload, first),
        "cheaper": _cheaper(analysis, workload, first, tied),
        "ended": [int(leader["n_ok"]), int(leader["n"])],
        "fewest": FEWEST_PAIRS,
        "beaten_on": _beaten_on(analysis, first) if not workload else [],
        "left_out": len(analysis.block.left_out) if analysis.block and not workload else 0,
        "tuning_share": number_or_none(row.get("tuning_share")),
    }
    id_ = f"recommendation:{workload}" if workload else "recommendation"
    section, figure = ("workloads", f"final/{workload}") if workload else ("verdict", "verdict/")
    yield make(id_, section, words, row, say=_say_recommendation, figure=figure, rows=keys)


def _among(rivals: Mapping[Combination, dict[str, Any]], first: Combination) -> str:
    """The verdict on the first one against all others, where there is no reference to compare it with."""
    verdicts = {str(oriented(row, first)["verdict"]) for row in rivals.values()}
    if verdicts and verdicts <= set(FAVOURABLE):
        return BETTER if BETTER in verdicts else BETTER_EXACT
    return INSUFFICIENT if verdicts <= {INSUFFICIENT} else UNDECIDED


def _rate(analysis: Analysis, workload: str, one: Combination) -> dict[str, Any]:
    """At which learning rate it ran, and who chose that.

    `lr` is None where it differs, `source` what the study says of rates that it gives.
    """
    runs = analysis.runs
    own = runs[(runs["optimizer"] == one.optimizer) & (runs["schedule"] == one.schedule)]
    if workload:
        own = own[own["workload"] == workload]
    elif analysis.block is not None:
        own = own[own["workload"].isin([samples.workload for samples in analysis.block.by_workload])]
    rates = sorted({float(lr) for lr in own["lr"] if np.isfinite(lr)})
    tuned = bool(len(own)) and bool((own["ruleset"] == "tuned").all())
    searched = analysis.measured.get("sensitivity")
    edge = False
    if tuned and searched is not None and not searched.empty:
        mine = searched[(searched["optimizer"] == one.optimizer) & (searched["schedule"] == one.schedule)]
        edge = bool(mine.loc[mine["workload"].isin(own["workload"].unique()), "at_edge"].any())
    tuning = analysis.facts.get("tuning") or {}
    return {
        "lr": rates[0] if len(rates) == 1 else None,
        "tuned": tuned,
        "tuning_seeds": len(tuning.get("seeds") or ()) if tuned else 0,
        "edge": edge,
        "source": str(analysis.facts["report"].get("rates") or ""),
    }


def _cheaper(
    analysis: Analysis, workload: str, first: Combination, tied: Sequence[Combination]
) -> dict[str, Any] | None:
    """Of those as good, the one with the cheapest step, where that was timed quietly, and is worth saying.

    `share` is its step time over the first one's, the median over workloads.
    """
    timing = analysis.measured.get("timing")
    if timing is None or not tied:
        return None
    quiet = timing[timing["step_time_us"].notna() & is_quiet(timing)]
    if workload:
        quiet = quiet[quiet["workload"] == workload]
    elif analysis.block is not None:
        quiet = quiet[quiet["workload"].isin([samples.workload for samples in analysis.block.by_workload])]
    times = quiet.pivot_table(index="workload", columns="optimizer", values="step_time_us", observed=True)
    if first.optimizer not in times:
        return None
    shares = times.div(times[first.optimizer], axis=0).median()
    others = {one: float(shares.get(one.optimizer, math.nan)) for one in tied}
    known = {one: share for one, share in others.items() if share < 1 - SURE}
    if not known:
        return None
    cheapest = min(known, key=lambda one: known[one])
    return {"name": analysis.name(cheapest), "share": known[cheapest]}


def _beaten_on(analysis: Analysis, first: Combination) -> list[list[str]]:
    """Workloads on which another is better than the recommended one, with the leader there."""
    ranking = analysis.ranking
    found = []
    for samples in analysis.by_workload:
        here = row_dicts(ranking[(ranking["workload"] == samples.workload) & (ranking["metric"] == LOSS)])
        own = next((s for s in here if (s["optimizer"], s["schedule"]) == first), None)
        leader = next((s for s in here if s["leader"]), None)
        if own and leader and own["against_leader"] in UNFAVOURABLE:
            name = analysis.name(Combination(leader["optimizer"], leader["schedule"]))
            found.append([analysis.label("workloads", samples.workload), name])
    return found


def _say_recommendation(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    where = w["workload"] or f"Over {count(w['workloads'], 'workload')}"
    if not w["others"]:
        return f"{where}: only {w['a']} was run, there is nothing to choose."
    if not w["tested"]:
        few = f"no pair has the {w['fewest']} seeds that a test takes"
        return f"{where}: no recommendation, {few}. Lowest in these runs is {w['a']}{_at(w)}."
    if not w["told"]:
        undecided = "none is better than another by what these runs can show"
        return (
            f"{where}: no recommendation among {count(w['others'] + 1, 'combination')}, {undecided}. Lowest "
            f"is {w['a']}{_at(w)}.{_cheap(w)}{_mind(w)}"
        )
    return f"{where}: use {w['a']}{_at(w)}. {_gain(f, w)}{_as_good(w)}{_cheap(w)}{_mind(w)}"


def _at(w: Mapping[str, Any]) -> str:
    """At which rate, and who chose it."""
    rate = w["rate"]
    value = f" at lr {as_number(rate['lr'])}" if rate["lr"] is not None else ", each workload at its own rate"
    if rate["tuned"]:
        return f"{value}, searched with {count(rate['tuning_seeds'], 'tuning seed')}"
    return f"{value} ({rate['source'] or 'at untuned rates: given, not searched'})"


def _gain(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    better = f"better than {w['better_than']} of {count(w['others'], 'other')}"
    if w["reference"] is None:
        return f"It is the reference itself, and {better}."
    if f["effect"] is None:
        return f"It is {better}."
    size = f"Its loss is {change(f['effect'], than=True)} that of the reference, {w['reference']}"
    if f["test"] == EXACT:
        return f"{size} ({f['verdict']}): nothing is drawn there, one run is enough."
    seeds = f"lower in {w['wins']} of {count(f['n'], 'seed')}"
    p = "" if f["p_adjusted"] is None else f", adjusted {probability(f['p_adjusted'])}"
    span = "" if f["low"] is None or f["high"] is None else f" (95%: {changes(f['low'], f['high'])})"
    return f"{size}{span}, {seeds} ({f['verdict']}{p})."


def _as_good(w: Mapping[str, Any]) -> str:
    if not w["as_good"]:
        others = count(w["others"], "other")
        return f" Nothing else is as good: it is better than {w['better_than']} of {others}."
    return f" As good as these runs can show: {listing(w['as_good'], MOST_NAMES)}."


def _cheap(w: Mapping[str, Any]) -> str:
    if not w["cheaper"]:
        return ""
    return (
        f" Cheaper among these: {w['cheaper']['name']}, {percent(w['cheaper']['share'], 2)} of the step time."
    )


def _mind(w: Mapping[str, Any]) -> str:
    """When not to trust it."""
    parts = []
    ok, runs = w["ended"]
    if ok < runs:
        parts.append(f"{runs - ok} of its {count(runs, 'run')} ended without a result")
    parts += [f"on {workload} {name} is better" for workload, name in w["beaten_on"][:MOST_NAMES]]
    if w["rate"]["edge"]:
        parts.append("its rate lies at the edge of what was searched")
    if w["left_out"]:
        parts.append(f"{count(w['left_out'], 'combination')} did not run on all of these workloads")
    if w["tuning_share"]:
        parts.append(f"{percent(w['tuning_share'], 2)} of the interval is what another tuning could change")
    return f" Not to be trusted blindly: {'; '.join(parts)}." if parts else ""


SAYS: Final = (_say_recommendation,)
"""What this kind of finding says, by template."""
