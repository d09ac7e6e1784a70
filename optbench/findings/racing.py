"""What a race came to: who is left, who left when, and which cells were not needed. Descriptions all."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from optbench.core.specs import RaceSpec
from optbench.core.words import MOST_NAMES, count, listing, percent
from optbench.findings.descriptions import describe
from optbench.findings.verdicts import DROPPED, FUTILE, IN, LEFT_EQUAL, WINNER
from optbench.tables.rows import Combination

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from optbench.findings.analysis import Analysis
    from optbench.findings.finding import Finding


def races(analysis: Analysis) -> Iterator[Finding]:
    """The race as a whole, then each of its workloads."""
    race = analysis.raced
    if race is None:
        return
    keys = [{"table": "race"}]
    last = {(p.workload, Combination(p.optimizer, p.schedule)): p for p in race.places}
    spec = RaceSpec.of_facts(analysis.facts)
    looks = list(spec.every_look) if spec else []
    cells = len(analysis.runs)
    raced = analysis.runs["workload"].isin({workload for workload, _ in race.planned})
    at_most = len(race.planned) * looks[-1] + int(
        (~raced).sum()
    )  # what does not race has the runs that it has
    words: dict[str, Any] = {
        "looks": looks,
        "held": sum(n in {p.n for p in race.places} for n in looks),
        "over": race.over,
        "cut": race.cut,
        "budget": spec.budget if spec else None,
        "cells": cells,
        "at_most": at_most,
        "left": sum(p.state != DROPPED for p in last.values()),
        "of": len(last),
    }
    share = cells / at_most if at_most else math.nan
    yield describe("race", words, (share, math.nan, math.nan), 1, keys, say=_say_race)
    for workload in dict.fromkeys(p.workload for p in race.places):
        here = {one: p for (name, one), p in last.items() if name == workload}
        left = [one for one, p in here.items() if p.state != DROPPED]
        gone = Counter(p.n for p in here.values() if p.state == DROPPED)
        end = here[left[0]]
        words = {
            "workload": analysis.label("workloads", workload),
            "state": end.state,
            "n": end.n,
            "last": looks[-1],
            "over": race.over,
            "cut": race.cut,
            "left": [analysis.name(one) for one in left],
            "gone": sorted(gone.items()),
        }
        finding = describe(
            "race", words, (float(len(left)), math.nan, math.nan), 1,
            [{"table": "race", "workload": workload}], say=_say_race_on, figure=f"race/{workload}",
        )  # fmt: skip
        yield finding | {"id": f"race:{workload}"}


def _say_race(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    looks = f"A race with looks at {listing([str(n) for n in w['looks']], len(w['looks']))} seeds"
    if not w["held"]:
        return f"{looks}: the runs of the first look are not all there, and nothing is decided."
    all_for_all = f"the {count(w['at_most'], 'cell')} that all seeds for all would take"
    saved = f"{count(w['cells'], 'cell')} of {all_for_all}"
    left = f"{w['left']} of {count(w['of'], 'combination')} on a workload are left"
    if not w["over"]:
        return f"{looks} that is not over: {left} after {count(w['held'], 'look')}, with {saved}."
    cut = f" The budget of {count(w['budget'], 'cell')} ended it." if w["cut"] else ""
    return f"{looks}: {left}, trained were {saved} ({percent(f['effect'], 2)}).{cut}"


ENDS: Final = {
    WINNER: "is the only one left, after {n} seeds",
    LEFT_EQUAL: "are equal as far as it matters, after {n} seeds",
    FUTILE: "are undecided within {last} seeds: given up after {n}, since more would hardly tell the best",
    IN: "are undecided within {last} seeds",
}
"""How a workload ended, by the state of those who are left."""


def _say_race_on(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:  # noqa: ARG001 - every sentence is given both
    end = ENDS[w["state"]].format(n=w["n"], last=w["last"])
    if w["state"] == IN and not w["over"]:
        end = f"{'is' if len(w['left']) == 1 else 'are'} in after {count(w['n'], 'seed')}"
    elif w["state"] == IN and w["cut"]:
        end = f"are undecided: the budget ended the race after {count(w['n'], 'seed')}"
    gone = [f"{many} at {n}" for n, many in w["gone"]]
    away = f" Worse than another: {listing(gone, len(gone))} seeds." if gone else " None left."
    return f"{w['workload']}: {listing(w['left'], MOST_NAMES)} {end}.{away}"


SAYS: Final = (_say_race, _say_race_on)
"""What this kind of finding says, by template."""
