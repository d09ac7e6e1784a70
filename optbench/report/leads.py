"""The finding that a section opens with where findings.json has none for it: from its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from optbench.figures.tables import row_dicts, rows_of
from optbench.report.text import interval, number, plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from optbench.figures.easel import Study
    from optbench.report.verdict import Findings


def across_lead(study: Study, ratios: pd.DataFrame) -> str:
    """Return whose standing against the reference differs most from workload to workload, "" without two.

    Args:
        study: names.
        ratios: the table of ratios to the reference.
    """
    rows = rows_of(ratios, kind="reference")
    if rows.empty:
        return ""
    usable = rows[rows["estimate"].gt(0) & np.isfinite(rows["estimate"].to_numpy(float))]
    by_combination = usable.groupby(["optimizer", "schedule"], sort=False)["estimate"]
    spread = np.log(by_combination.max() / by_combination.min())
    if spread.empty or not spread.max() > 0:
        return ""
    optimizer, schedule = spread.idxmax()
    own = usable[(usable["optimizer"] == optimizer) & (usable["schedule"] == schedule)]
    low, high = _ends(own)
    return (
        f"What depends most on the workload is {_combination(study, low)}: its final loss is "
        f"{_ratio(low)} times the reference's on {study.label('workloads', str(low['workload']))} and "
        f"{_ratio(high)} times on {study.label('workloads', str(high['workload']))}, "
        f"n = {plural(int(min(low['pairs'], high['pairs'])), 'pair')} of runs each."
    )


def workloads_lead(study: Study, findings: Findings, metric: str) -> str:
    """Return on how many workloads anything could be told apart, in a sentence."""
    tests = findings.comparisons[findings.comparisons["metric"] == metric]
    tests = tests[tests["workload"].isin(study.workloads)]
    resolved = tests[tests["verdict"].isin(["better", "worse"])]
    told = resolved["workload"].nunique()
    return (
        f"On {told} of {plural(len(study.workloads), 'workload')} at least one combination is better than "
        f"another: {plural(len(resolved), 'difference')} in {plural(len(tests), 'comparison')} by final "
        "validation loss, paired by seed and corrected for the whole study."
    )


def oscillation_lead(study: Study, summary: pd.DataFrame) -> str:
    """Return which combinations turn back most and least, by their median update cosine."""
    rows = rows_of(summary, metric="update_cosine")
    if rows.empty:
        return ""
    rows = rows[np.isfinite(rows["estimate"].to_numpy(float))]
    if rows.empty:
        return ""
    least, most = (
        row_dicts(rows.loc[[at]])[0] for at in (rows["estimate"].idxmin(), rows["estimate"].idxmax())
    )
    if len(rows) == 1:
        return f"Successive steps of {_cosine(study, least)}; 0 would be unrelated steps, −1 zig-zag."
    return (
        f"Steps turn back most under {_cosine(study, least)}, and agree most under {_cosine(study, most)}; "
        "0 would be unrelated steps, −1 zig-zag."
    )


def learn_lead(rates: pd.DataFrame) -> str:
    """Return how near the measured factor a step of heavy-ball cells came to the closed form; "" for none."""
    if rates.empty:
        return ""
    both = rates[["predicted", "measured"]].to_numpy(float)
    both = both[np.isfinite(both).all(axis=1)]
    if not len(both):
        return ""
    off = np.abs(both[:, 1] / both[:, 0] - 1) * 100
    low, middle, high = np.quantile(off, [0.25, 0.5, 0.75])
    return (
        "Where the heavy ball's rate has a closed form, the loss shrank a step by the predicted factor to "
        f"within {number(float(middle), 2)}% in the median (quartiles "
        f"{interval(*(float(f'{end:.2g}') for end in (low, high)))}%, n = {plural(len(both), 'cell')})."
    )


def methods_lead(study: Study) -> str:
    """Return how many cells rest on how many seeds, and whether they were made alike."""
    facts: Mapping[str, Any] = study.facts
    seeds = study.runs["seed"].nunique()
    alike = (
        "they were not all made alike, as the notes below say"
        if facts.get("mixed")
        else "all of them made by the same versions on the same kind of machine"
    )
    return (
        f"{plural(len(study.runs), 'cell')}: {plural(len(study.workloads), 'workload')}, "
        f"{plural(len(study.optimizers), 'optimizer')}, {plural(len(study.schedules), 'schedule')}, "
        f"n = {plural(int(seeds), 'seed')}; {alike}."
    )


def _ends(rows: pd.DataFrame) -> tuple[dict[str, Any], dict[str, Any]]:
    """The rows with the lowest and the highest estimate."""
    ordered = row_dicts(rows.sort_values("estimate", kind="stable"))
    return ordered[0], ordered[-1]


def _combination(study: Study, row: Mapping[str, Any]) -> str:
    optimizer = study.label("optimizers", str(row["optimizer"]))
    return f"{optimizer}, {study.label('schedules', str(row['schedule']))}"


def _ratio(row: Mapping[str, Any]) -> str:
    span = interval(float(row["low"]), float(row["high"]))
    return f"{number(float(row['estimate']))}{' ' + span if span else ''}"


def _cosine(study: Study, row: Mapping[str, Any]) -> str:
    where = study.label("workloads", str(row["workload"]))
    runs = f"{row['n_ok']} of {plural(int(row['n']), 'run')}"
    return f"{_combination(study, row)} on {where} (update cosine {_ratio(row)}, n = {runs})"
