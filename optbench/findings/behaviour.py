"""Findings on how optimizers behave: rates that suit them, oscillation, step times, closed forms.

Each is a description: its effect is a number of the study's tables, or a median of such numbers, with the
interval that belongs to it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from optbench.core.words import as_number, count, percent, shortened
from optbench.findings.descriptions import describe, is_finite, median_effect
from optbench.findings.finding import Finding, as_json, key_of
from optbench.findings.sentences import interval_after
from optbench.tables.rows import COMBINATION, row_dicts
from optbench.tables.sensitivity import USABLE
from optbench.tables.step_times import is_quiet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from optbench.findings.analysis import Analysis

LONGEST_NOISE: Final = 200
"""Characters of a reason that a sentence has room for."""


def usable_rates(analysis: Analysis) -> Iterator[Finding]:
    """Over how many decades of learning rates an optimizer does about as well as at its best."""
    searches = analysis.measured.get("sensitivity")
    if searches is None or searches.empty:
        return
    known = row_dicts(
        searches[is_finite(searches["width_decades"])].sort_values("width_decades", kind="stable")
    )
    words = {
        "usable": USABLE,
        "searches": len(searches),
        "edges": int(searches["at_edge"].sum()),
        "ends": [
            {
                "name": analysis.name_on_workload(row),
                "width": float(row["width_decades"]),
                "open": bool(row["width_open"]),
            }
            for row in (known[0], known[-1])
        ]
        if known
        else [],
    }
    keys = [key_of("sensitivity", row, *COMBINATION) for row in known] or [{"table": "sensitivity"}]
    effect = median_effect([row["width_decades"] for row in known])
    figure = f"sensitivity/{known[-1]['workload']}" if known else ""
    yield describe("sensitivity", words, effect, len(known), keys, figure=figure, say=_say_sensitivity)


def _say_sensitivity(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    lie = "lies" if w["edges"] == 1 else "lie"
    edges = f"{w['edges']} of {count(w['searches'], 'choice')} {lie} on the edge of the grid."
    if not w["ends"]:
        return f"No learning rate ended well with every tuning seed. {edges}"
    least, most = (
        f"{'at least ' if end['open'] else ''}{as_number(end['width'])} ({end['name']})" for end in w["ends"]
    )
    ends = f": from {least} to {most}" if f["n"] > 1 else f": {most}"
    return (
        f"Learning rates within {percent(w['usable'])} of the best loss span {as_number(f['effect'])} decades"
        f"{interval_after(f['low'], f['high'])} in the median over "
        f"{count(f['n'], 'tuned combination')}{ends}. "
        f"{edges}"
    )


def fresh_seeds(analysis: Analysis) -> Iterator[Finding]:
    """How the loss at the chosen learning rates changed from the tuning's seeds to fresh ones."""
    searches = analysis.measured.get("sensitivity")
    if searches is None or searches.empty:
        return
    ratio = (searches["evaluation_loss"] / searches["tuning_loss"]).where(searches["tuning_loss"] > 0)
    finite = ratio[is_finite(ratio)].to_numpy(float)
    words = {
        "searches": len(searches),
        "lost": int(np.isposinf(searches["shrinkage"]).sum()),
        "least": as_json(finite.min() if len(finite) else math.nan),
        "most": as_json(finite.max() if len(finite) else math.nan),
    }
    if len(finite) or words["lost"]:
        keys = [{"table": "sensitivity"}]
        yield describe("sensitivity", words, median_effect(finite), len(finite), keys, say=_say_fresh)


def _say_fresh(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    parts = []
    if f["effect"] is not None:
        ends = f", from {as_number(w['least'])} to {as_number(w['most'])}" if f["n"] > 1 else ""
        parts.append(
            f"on fresh seeds the loss at the chosen rate is {as_number(f['effect'])} times"
            f"{interval_after(f['low'], f['high'])} that on the tuning's seeds, in the median over "
            f"{count(f['n'], 'choice')}{ends}"
        )
    if w["lost"]:
        parts.append(f"for {w['lost']} of {count(w['searches'], 'choice')} a fresh run diverged or failed")
    said = "; ".join(parts) + "."
    return said[0].upper() + said[1:]


def oscillation(analysis: Analysis) -> Iterator[Finding]:
    """Where consecutive steps turn back most and agree most, by the median update cosine."""
    summary = analysis.measured["summary"]
    of = {
        metric: summary[summary["metric"] == metric] for metric in ("update_cosine", "update_cosine_excess")
    }
    cosines = of["update_cosine"][is_finite(of["update_cosine"]["estimate"])]
    if cosines.empty:
        return
    excess = {
        tuple(row[c] for c in COMBINATION): row["estimate"] for row in row_dicts(of["update_cosine_excess"])
    }
    ordered = row_dicts(cosines.sort_values("estimate", kind="stable"))
    ends = ordered[:1] if len(ordered) == 1 else [ordered[0], ordered[-1]]
    words = {
        "ends": [
            {
                "name": analysis.name_on_workload(row),
                "runs": int(row["n"]),
                **{name: as_json(row[name]) for name in ("estimate", "low", "high")},
                "excess": as_json(excess.get(tuple(row[c] for c in COMBINATION), math.nan)),
            }
            for row in ends
        ]
    }
    first = ends[0]
    keys = [key_of("summary", row, "metric", *COMBINATION) for row in ends]
    effect = first["estimate"], first["low"], first["high"]
    n, figure = int(first["n_ok"]), f"oscillation/{first['workload']}"
    yield describe("oscillation", words, effect, n, keys, figure=figure, say=_say_oscillation)


def _say_oscillation(f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    scale = "0 would be unrelated steps, −1 zig-zag."
    first = _cosine(w["ends"][0], f["n"])
    if len(w["ends"]) == 1:
        return f"Successive steps of {first}; {scale}"
    return f"Steps turn back most under {first}, and agree most under {_cosine(w['ends'][1])}; {scale}"


def _cosine(end: Mapping[str, Any], n: int | None = None) -> str:
    runs = f", {n} of {count(end['runs'], 'run')}" if n is not None else ""
    alone = ""
    if end["excess"] is not None:
        beyond = float(end["excess"])
        side = "above" if beyond > 0 else "below"
        alone = f", {as_number(abs(beyond))} {side} what momentum alone gives"
    estimate = f"{as_number(end['estimate'])}{interval_after(end['low'], end['high'])}"
    return f"{end['name']} (update cosine {estimate}{alone}{runs})"


def step_times(analysis: Analysis) -> Iterator[Finding]:
    """How long a step takes beside the reference's, from the cheapest to the dearest.

    Of what was measured while the machine was noisy no ratio is told, but that it is withheld and why.
    """
    timing = analysis.measured.get("timing")
    if timing is None or not timing["step_time_us"].notna().any():
        return
    measured = timing[timing["step_time_us"].notna()]
    compared = measured[measured["ratio_to_sgd"].notna() & (measured["optimizer"] != measured["reference"])]
    ordered = row_dicts(compared[is_quiet(compared)].sort_values("ratio_to_sgd", kind="stable"))
    loud = measured[~is_quiet(measured)].drop_duplicates("workload")
    words = {
        "ends": [
            {
                "optimizer": analysis.label("optimizers", row["optimizer"]),
                "workload": analysis.label("workloads", row["workload"]),
                "ratio": as_json(row["ratio_to_sgd"]),
                "low": as_json(row["ratio_low"]),
                "high": as_json(row["ratio_high"]),
                "rounds": int(row["rounds"]),
            }
            for row in (ordered[:1] if len(ordered) == 1 else [*ordered[:1], *ordered[-1:]])
        ],
        "workloads": int(measured["workload"].nunique()),
        "compared": len(compared),
        "noisy": [
            {
                "workload": analysis.label("workloads", row["workload"]),
                "why": " ".join(shortened(str(row["noise"]), LONGEST_NOISE, "see tables/timing.csv").split()),
            }
            for row in row_dicts(loud)
        ],
        "untimed": len(timing) - len(measured),
        "pairs": len(timing),
    }
    keys = [key_of("timing", row, "workload", "optimizer") for row in (*ordered[:1], *ordered[1:][-1:])]
    last = ordered[-1] if ordered else {}
    effect = tuple(last.get(name, math.nan) for name in ("ratio_to_sgd", "ratio_low", "ratio_high"))
    n, figure = int(last.get("rounds", 0)), f"cost/{last['workload']}" if last else ""
    yield describe("cost", words, effect, n, keys or [{"table": "timing"}], figure=figure, say=_say_cost)


def _say_cost(_f: Mapping[str, Any], w: Mapping[str, Any]) -> str:
    ratios = [
        f"{as_number(end['ratio'])}{interval_after(end['low'], end['high'])} ({end['optimizer']} on "
        f"{end['workload']}, {count(end['rounds'], 'round')})"
        for end in w["ends"]
    ]
    parts = []
    if len(ratios) == 1:
        parts = [f"A step takes {ratios[0]} times as long as the reference's"]
    elif ratios:
        parts = [f"A step takes from {ratios[0]} to {ratios[1]} times as long as the reference's"]
    elif not w["compared"]:
        parts = ["Only the reference's own steps were timed"]
    if w["noisy"]:
        first = w["noisy"][0]
        more = f", and {len(w['noisy']) - 1} more" if len(w["noisy"]) > 1 else ""
        of = (
            f"of {len(w['noisy'])} of {count(w['workloads'], 'workload')} the ratios are withheld, for the "
            f"machine was too noisy ({first['workload']}: {first['why']}{more})"
        )
        parts.append(of if parts else of[0].upper() + of[1:])
    if w["untimed"]:
        pairs = count(w["pairs"], "pair")
        parts.append(f"there is no time for {w['untimed']} of {pairs} of workload and optimizer")
    return "; ".join(parts) + "."


def rates(analysis: Analysis) -> Iterator[Finding]:
    """How near the measured factor a step of heavy-ball cells came to the closed form."""
    table = analysis.measured["rates"]
    both = table[["predicted", "measured"]].to_numpy(float)
    both = both[np.isfinite(both).all(axis=1)]
    off = np.abs(both[:, 1] / both[:, 0] - 1)
    low, middle, high = np.quantile(off, [0.25, 0.5, 0.75]) if len(off) else 3 * [math.nan]
    yield describe("learn", {}, (middle, low, high), len(off), [{"table": "rates"}], say=_say_learn)


def _say_learn(f: Mapping[str, Any], _w: Mapping[str, Any]) -> str:
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


SAYS: Final = (_say_sensitivity, _say_fresh, _say_oscillation, _say_cost, _say_learn)
"""What this kind of finding says, by template."""
