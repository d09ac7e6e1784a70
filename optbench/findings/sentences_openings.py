"""Sentences of the findings that open sections, those of `optbench.findings.outcomes` (layer 2b)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optbench.phrases import MOST_NAMES, count, figure_of, listing, percent, probability

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _span(low: float | str | None, high: float | str | None) -> str:
    """` [low, high]`, nothing where there is no interval."""
    return "" if low is None and high is None else f" [{figure_of(low)}, {figure_of(high)}]"


def _shares(low: float | None, high: float | None) -> str:
    """` [12%, 34%]`, nothing where there is no interval."""
    return "" if low is None or high is None else f" [{percent(low)}, {percent(high)}]"


def _completeness(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    said = []
    for status, many, named, kinds in w["others"]:
        of = listing(named, MOST_NAMES) if kinds <= len(named) else f"{kinds} combinations, {named[0]} first"
        said.append(f"{many} {status} ({of})")
    share = f"{w['ok']} of {count(f['n'], 'planned cell')} ended ok, {percent(f['effect'])}"
    return f"{share}{_shares(f['low'], f['high'])}" + "".join(f"; {words}" for words in said) + "."


def _across(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    low, high = (
        f"{figure_of(end['estimate'])}{_span(end['low'], end['high'])} on {end['workload']}"
        for end in w["ends"]
    )
    between = f"a factor of {figure_of(f['effect'])}{_span(f['low'], f['high'])} between them"
    return (
        f"What depends most on the workload is {w['a']}: its final loss over the reference's is {low} and "
        f"{high}; {between}, {count(f['n'], 'seed')}."
    )


def _told(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
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
    p = f["p_adjusted"]
    evidence = count(f["n"], "seed") + (f", adjusted {probability(p)}" if p is not None else "")
    which = "Largest" if w["resolved"] else "The largest in these runs"
    return (
        f"{start}, by final validation loss. {which}: on {w['workload']}, the loss of {w['a']} is "
        f"{figure_of(f['effect'])} {against} that of {w['b']}{_span(f['low'], f['high'])}, {evidence}."
    )


def _sensitivity(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    lie = "lies" if w["edges"] == 1 else "lie"
    edges = f"{w['edges']} of {count(w['searches'], 'choice')} {lie} on the edge of the grid."
    if not w["ends"]:
        return f"No learning rate ended well with every tuning seed. {edges}"
    least, most = (
        f"{'at least ' if end['open'] else ''}{figure_of(end['width'])} ({end['name']})" for end in w["ends"]
    )
    ends = f": from {least} to {most}" if f["n"] > 1 else f": {most}"
    return (
        f"Learning rates within {percent(w['usable'])} of the best loss span {figure_of(f['effect'])} decades"
        f"{_span(f['low'], f['high'])} in the median over {count(f['n'], 'tuned combination')}{ends}. {edges}"
    )


def _fresh(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    parts = []
    if f["effect"] is not None:
        ends = f", from {figure_of(w['least'])} to {figure_of(w['most'])}" if f["n"] > 1 else ""
        parts.append(
            f"on fresh seeds the loss at the chosen rate is {figure_of(f['effect'])} times"
            f"{_span(f['low'], f['high'])} that on the tuning's seeds, in the median over "
            f"{count(f['n'], 'choice')}{ends}"
        )
    if w["lost"]:
        parts.append(f"for {w['lost']} of {count(w['searches'], 'choice')} a fresh run diverged or failed")
    said = "; ".join(parts) + "."
    return said[0].upper() + said[1:]


def _cosine(end: Mapping[str, Any], n: int | None = None) -> str:
    runs = f", {n} of {count(end['runs'], 'run')}" if n is not None else ""
    alone = ""
    if end["excess"] is not None:
        beyond = float(end["excess"])
        side = "above" if beyond > 0 else "below"
        alone = f", {figure_of(abs(beyond))} {side} what momentum alone gives"
    estimate = f"{figure_of(end['estimate'])}{_span(end['low'], end['high'])}"
    return f"{end['name']} (update cosine {estimate}{alone}{runs})"


def _oscillation(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    scale = "0 would be unrelated steps, −1 zig-zag."
    first = _cosine(w["ends"][0], f["n"])
    if len(w["ends"]) == 1:
        return f"Successive steps of {first}; {scale}"
    return f"Steps turn back most under {first}, and agree most under {_cosine(w['ends'][1])}; {scale}"


def _schedules(_f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    if w["schedules"] == 1:
        return "One schedule was run: there is nothing to compare."
    return "No optimizer has final losses under two schedules of one workload: there is nothing to compare."


def _cost(_f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    ratios = [
        f"{figure_of(end['ratio'])}{_span(end['low'], end['high'])} ({end['optimizer']} on "
        f"{end['workload']}, {count(end['rounds'], 'round')})"
        for end in w["ends"]
    ]
    parts = ["Only the reference's own steps were timed"]
    if len(ratios) == 1:
        parts = [f"A step takes {ratios[0]} times as long as the reference's"]
    elif ratios:
        parts = [f"A step takes from {ratios[0]} to {ratios[1]} times as long as the reference's"]
    if w["noisy"]:
        parts.append(f"the machine was too noisy for {w['noisy']} of {count(w['workloads'], 'workload')}")
    if w["untimed"]:
        pairs = count(w["pairs"], "pair")
        parts.append(f"there is no time for {w['untimed']} of {pairs} of workload and optimizer")
    return "; ".join(parts) + "."


def _learn(f: Mapping[str, Any], _w: Mapping[str, Any]) -> str:
    if not f["n"]:
        return (
            "No cell of this study is a heavy ball on a quadratic, whose rate has a closed form: nothing "
            "measured stands beside it here."
        )
    quartiles = f" (quartiles {percent(f['low'])} and {percent(f['high'])})" if f["low"] is not None else ""
    return (
        "Where the heavy ball's rate has a closed form, the loss shrank a step by the predicted factor to "
        f"within {percent(f['effect'])} in the median over {count(f['n'], 'cell')}{quartiles}."
    )


def _cells(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    alike = f"in {count(w['alike'], 'combination')} every seed gives the same loss"
    if not f["n"]:
        if w["alike"]:
            return f"Seeds make no difference here: {alike}."
        return f"No combination has two final losses to compare ({count(w['seeds'], 'seed')})."
    start = (
        "From its best seed to its worst, a combination's final validation loss differs by a factor of "
        f"{figure_of(f['effect'])}{_span(f['low'], f['high'])} in the median over "
        f"{count(f['n'], 'combination')}"
    )
    most = f"; most for {w['name']}, {figure_of(w['most'])} times" if f["n"] > 1 else ""
    return start + most + (f"; {alike}" if w["alike"] else "") + "."


def _methods(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
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


OPENINGS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], str]] = {
    "completeness": _completeness,
    "across": _across,
    "told": _told,
    "sensitivity": _sensitivity,
    "fresh": _fresh,
    "oscillation": _oscillation,
    "schedules": _schedules,
    "cost": _cost,
    "learn": _learn,
    "cells": _cells,
    "methods": _methods,
}
"""A sentence for each opening, from the finding and its words."""
