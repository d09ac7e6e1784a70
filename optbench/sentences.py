"""Findings as sentences: templates filled in from a finding's own fields, and nothing else (layer 2b)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from optbench.phrases import MOST_NAMES, count, figure_of, listing, probability
from optbench.sentences_openings import OPENINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOST_SEEDS: Final = 1000
"""No sentence plans more."""


def sentence(finding: Mapping[str, Any]) -> str:
    """The claim of a finding.

    Args:
        finding: its fields but `claim`: numbers under their names, all else in `words`, the template's
            name in `template`.

    Raises:
        KeyError: no such template, or a field that it needs is missing.
    """
    return TEMPLATES[finding["template"]](finding, finding["words"])


def _size(f: Mapping[str, Any], w: Mapping[str, Any], that: str) -> str:
    """`0.71 times that of B [0.66, 0.75]`, or a difference where there are no ratios."""
    span = f"[{figure_of(f['low'])}, {figure_of(f['high'])}]"
    if w["scale"] == "difference":
        return f"{figure_of(f['effect'])} against {that} {span}"
    return f"{figure_of(f['effect'])} times {that} {span}"


def _evidence(f: Mapping[str, Any]) -> str:
    """`6 seeds, adjusted p = 0.031`."""
    p = f["p_adjusted"]
    return count(f["n"], "seed") + (f", adjusted {probability(p)}" if p is not None else "")


def _why_not(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    """Why there is no test."""
    if w["fixed"]:
        return "every seed gives the same runs here, so there is nothing to test"
    are = "is" if f["n"] == 1 else "are"
    return f"{count(f['n'], 'seed')} {are} too few for a test, {w['fewest']} are the least"


def _standing(f: Mapping[str, Any], w: Mapping[str, Any], size: str) -> str:
    """How the leader stands against the others, and by how much against one of them."""
    b = w["b"]
    if f["verdict"] == "better":
        start = (
            f"It is better than {w['better_than']} of {count(w['others'], 'other')}, the nearest of them {b}"
        )
        return f"{start}: {size}, {_evidence(f)}.{_tied(w)}"
    return f"{_tied(w).lstrip()} Next is {b}: {size}, {_evidence(f)}."


def _tied(w: Mapping[str, Any]) -> str:
    if not w["tied"]:
        return ""
    few = w["tied"] <= MOST_NAMES
    others = listing(w["tied_names"], MOST_NAMES) if few else count(w["tied"], "other")
    return f" No detectable difference from {others}."


def _leader(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    where = f"over {count(w['workloads'], 'workload')}" if w["workloads"] > 1 else f"on {w['workload']}"
    if f["verdict"] == "insufficient data":
        that = f"that of {w['b']}"
        start = f"Nothing can be told {where}: {_why_not(f, w)}."
        return f"{start} First in these runs is {w['a']}: its loss is {_size(f, w, that)}."
    start = f"{where[0].upper()}{where[1:]}, {w['a']} has the lowest validation loss"
    size = f"its loss is {_size(f, w, 'that')}"
    return f"{start}. {_standing(f, w, size)}"


def _alone(_f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    return f"On {w['workload']} only {w['a']} was run: there is nothing to compare."


def _none(_f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    ended = f"{w['ok']} of {count(w['runs'], 'run')} ended ok"
    return f"On {w['workload']} no combination has a finite median loss: {ended}."


def _schedule(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    over = (
        f"{w['schedule']} instead of {w['base']}, over {count(w['pairs'], 'pair')} of workload and optimizer"
    )
    if w["untested"] == w["pairs"]:
        counts = "insufficient data in all of them"
    else:
        counts = f"better in {w['better']}, worse in {w['worse']}, no detectable difference in {w['equal']}"
        counts += f", insufficient data in {w['untested']}" if w["untested"] else ""
    kind = {"better": "Largest gain", "worse": "Largest loss"}.get(f["verdict"], "Largest change")
    size = _size(f, w, f"that under {w['base']}")
    where = f"{w['optimizer']} on {w['workload']}"
    return f"{over}: {counts}. {kind}: {where}, its loss {size}, {_evidence(f)}. {_rates(w)}"


def _rates(w: Mapping[str, Any]) -> str:
    if w["own_rate"] == w["pairs"]:
        return "Each schedule ran at its own learning rate."
    if w["own_rate"] == 0:
        return "Both schedules ran at one learning rate, which need not suit both."
    return (
        f"In {w['own_rate']} of them each schedule ran at its own learning rate; in the rest both ran at "
        "one, which need not suit both."
    )


def _interaction(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    tested = f"{w['resolved']} of {count(w['pairs'], 'pair')} of optimizers"
    start = f"Whom {w['schedule']} helps: it acts differently on {tested} (within a workload)"
    if f["verdict"] not in ("better", "worse"):
        return start + "."
    more = "more" if f["verdict"] == "better" else "less"
    span = f"[{figure_of(f['low'])}, {figure_of(f['high'])}]"
    return (
        f"{start}. Most of all, on {w['workload']} it helps {w['a']} {more} than {w['b']}: the ratio of "
        f"their ratios is {figure_of(f['effect'])} {span}, {_evidence(f)}."
    )


def _flip(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    if not w["flips"]:
        return (
            "No order that could be told half-way through the budget was reversed at the end "
            f"({w['told']} of {count(w['pairs'], 'pair')} could be told)."
        )
    return (
        f"{count(w['flips'], 'order')} that could be told half-way through the budget turned round by the "
        f"end. On {w['workload']} at step {w['step']}, {w['a']} had {figure_of(w['half_effect'])} times the "
        f"loss of {w['b']}; at the end it has {figure_of(f['effect'])} times "
        f"[{figure_of(f['low'])}, {figure_of(f['high'])}], {_evidence(f)}."
    )


def _target(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    start = (
        f"On {w['workload']}, {w['a']} reaches the target soonest: median {count(w['median'], 'step')}, "
        f"{w['reached']} of {count(w['runs'], 'run')}"
    )
    if w["b"] is None:
        return f"{start}; no other was run."
    if f["verdict"] == "insufficient data":
        return f"{start}. This is no finding: {_why_not(f, w)}."
    # Steps are 0 times a censored run's, which has no number.
    beyond = f["effect"] == 0 and w["scale"] != "difference"
    size = f"its steps are {_size(f, w, 'that')}"
    if beyond:
        size = "in the typical pair that one never gets there"
    elif f["effect"] == "inf":
        size = "in the typical pair only that one gets there"
    return f"{start}. {_standing(f, w, size)}"


def _seeds(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    needed = w["seeds"]
    many = needed is None or needed > MOST_SEEDS
    enough = f"more than {MOST_SEEDS} seeds" if many else f"about {count(needed, 'seed')}"
    where = f"on {w['workload']}" if w["workload"] else f"over {count(w['workloads'], 'workload')}"
    that = f"that of {w['b']}"
    return (
        f"To tell {w['a']} from {w['b']} {where} would take {enough} (80% power at this gap: its loss is "
        f"{_size(f, w, that)}, {count(f['n'], 'seed')})."
    )


def _stability(_f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    parts = [f"{same} of {of} times without one {kind}" for kind, same, of in w["kinds"] if of]
    return f"{w['a']} stays first {listing(parts, MOST_NAMES)}."


def _ranks(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    if f["verdict"] == "insufficient data":
        workloads = count(w["workloads"], "workload")
        return f"Average ranks are not tested over {workloads}: {w['fewest']} are the least."
    differ = "differ" if f["p_adjusted"] <= w["level"] else "cannot be told apart"
    return (
        f"Over {count(w['workloads'], 'workload')} the average ranks {differ} (Friedman, "
        f"{probability(f['p_adjusted'])}); best is {w['a']} with {figure_of(w['rank'])}, and ranks nearer "
        f"than {figure_of(w['critical'])} cannot be told apart."
    )


TEMPLATES: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], str]] = {
    "leader": _leader,
    "alone": _alone,
    "none": _none,
    "schedule": _schedule,
    "interaction": _interaction,
    "flip": _flip,
    "target": _target,
    "seeds": _seeds,
    "stability": _stability,
    "ranks": _ranks,
    **OPENINGS,
}
"""A sentence for each kind of finding, from the finding and its words."""
