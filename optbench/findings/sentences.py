"""Phrases that sentences of more than one kind of finding share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from optbench.core.words import MOST_NAMES, as_number, count, listing, percent, probability
from optbench.findings.verdicts import EXACT, FAVOURABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_SEEDS: Final = 1000
"""No sentence plans more."""


def compared_to(f: Mapping[str, Any], w: Mapping[str, Any], that: str) -> str:
    """`0.71 times that of B [0.66, 0.75]`, or a difference where there are no ratios; exact, no interval."""
    span = interval_after(f["low"], f["high"])
    if w["scale"] == "difference":
        return f"{as_number(f['effect'])} against {that}{span}"
    return f"{as_number(f['effect'])} times {that}{span}"


def evidence(f: Mapping[str, Any]) -> str:
    """`6 seeds, adjusted p = 0.031`; `exact, one run each` where nothing is drawn."""
    if f["test"] == EXACT:
        return "exact: nothing is drawn there"
    p = f["p_adjusted"]
    marked = ", exploratory" if f.get("exploratory") else ""
    return count(f["n"], "seed") + (f", adjusted {probability(p)}" if p is not None else "") + marked


def why_not_tested(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    """Why there is no test."""
    if not w["compared"]:
        return "neither has a finite loss"
    are = "is" if f["n"] == 1 else "are"
    return f"{count(f['n'], 'seed')} {are} too few for a test, {w['fewest']} are the least"


def standing(f: Mapping[str, Any], w: Mapping[str, Any], size: str) -> str:
    """How the leader stands against the others, and by how much against one of them."""
    b = w["b"]
    if f["verdict"] in FAVOURABLE:
        others = count(w["others"], "other")
        nearest = f", the nearest of them {b}" if w["better_than"] > 1 else f", {b}"
        start = f"It is better than {w['better_than']} of {others}{nearest}"
        return f"{start}: {size}, {evidence(f)}.{_tied(w)}{_reserve(w)}"
    return f"Next is {b}, {f['verdict']}: {size}, {evidence(f)}.{_tied(w)}{_reserve(w)}"


def _tied(w: Mapping[str, Any]) -> str:
    if not w["tied"]:
        return ""
    few = w["tied"] <= MOST_NAMES
    others = listing(w["tied_names"], MOST_NAMES) if few else count(w["tied"], "other")
    return f" Not told apart from it: {others}."


def _reserve(w: Mapping[str, Any]) -> str:
    """What an aggregate must say beside its verdict: where a run of either side ended without a result."""
    parts = []
    if w["diverged"]:
        runs = "a run of one of the two ended without a result"
        parts.append(f"on {w['diverged']} of {count(w['workloads'], 'workload')} {runs}")
    if w["untold"]:
        parts.append(
            f"on {w['untold']} of {count(w['workloads'], 'workload')} there are too few runs for a test"
        )
    return f" Mind: {listing(parts, len(parts))}." if parts and w["workloads"] > 1 else ""


def interval_after(low: float | str | None, high: float | str | None) -> str:
    """` [low, high]`, nothing where there is no interval, or one of no width: what draws nothing is exact."""
    return "" if low == high else f" [{as_number(low)}, {as_number(high)}]"


def interval_percent(low: float | None, high: float | None) -> str:
    """` [12%, 34%]`, nothing where there is no interval."""
    return "" if low is None or high is None else f" [{percent(low)}, {percent(high)}]"
