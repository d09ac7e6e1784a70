"""Which schedule helps whom, and what half of the budget would have said."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optbench.findings.comparisons import as_table, family, least_difference
from optbench.findings.decisions import Row, Rules
from optbench.findings.samples import PairedSamples, paired_differences
from optbench.findings.verdicts import RESOLVED, mirrored
from optbench.tables.curves import read_curves
from optbench.tables.rows import Combination

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

HALF = "half_val_loss"
"""The validation loss at the last evaluation of the first half of the budget."""


def compare_schedule_effects(by_workload: Sequence[PairedSamples], rules: Rules) -> pd.DataFrame:
    """Whether a schedule helps one optimizer more than another: an exploratory family of its own.

    The schedule effect of an optimizer at a seed is its score under the schedule minus its score under the
    base, the first schedule that the workload has. A row compares the effects of two optimizers, paired by
    seed: `effect` is the ratio of their ratios, below 1 where the schedule helps a more than b.

    Returns:
        Columns as in `Comparison`, with `base` after `schedule_b`; `schedule_a` and `schedule_b` are the
        schedule that is compared with the base.
    """
    rows: list[Row] = []
    bases: list[str] = []
    for samples in by_workload:
        for row, base in _effects(samples, rules.threshold):
            rows.append(row)
            bases.append(base)
    table = as_table(family(rows, "schedule_effect", rules))
    table.insert(list(table.columns).index("schedule_b") + 1, "base", bases)
    return table


def _effects(samples: PairedSamples, threshold: float) -> Iterator[tuple[Row, str]]:
    place = {name: i for i, name in enumerate(samples.combinations)}
    optimizers = list(dict.fromkeys(name.optimizer for name in samples.combinations))
    schedules = list(dict.fromkeys(name.schedule for name in samples.combinations))
    scores, fixed = samples.scores, samples.fixed
    ended = np.isfinite(samples.measured)
    least = least_difference(samples.measured, threshold, ratio=samples.is_ratio)
    rates = [" ".join(f"{rate:g}" for rate in found) for found in samples.rates]
    base = schedules[0]
    for schedule in schedules[1:]:
        both = [o for o in optimizers if (o, base) in place and (o, schedule) in place]
        pairs = {o: (place[Combination(o, schedule)], place[Combination(o, base)]) for o in both}
        gain = {o: paired_differences(scores[i], scores[j]) for o, (i, j) in pairs.items()}
        for a, b in combinations(both, 2):
            four = [*pairs[a], *pairs[b]]
            ran = samples.there[four].all(axis=0)
            differences = paired_differences(gain[a], gain[b])
            yield (
                Row(
                    workload=samples.workload,
                    a=Combination(a, schedule),
                    b=Combination(b, schedule),
                    scale="ratio" if samples.is_ratio else "difference",
                    workloads=1,
                    n=int(samples.meant[four].all(axis=0).sum()),
                    ran=int((ran & ~np.isnan(differences)).sum()),
                    n_ok=int(samples.ok[four].all(axis=0).sum()),
                    wins=int((differences[ran] < 0).sum()),
                    ties=int((differences[ran] == 0).sum()),
                    lr=(rates[pairs[a][0]], rates[pairs[b][0]]),
                    seeds=samples.seeds,
                    differences=differences,
                    exact=bool(fixed[four].all()),
                    compared=bool(ended[four].any(axis=0).any()),
                    threshold=least,
                    group=f"effects {samples.workload}",
                    group_size=len(optimizers),
                ),
                base,
            )


def with_half(
    runs: pd.DataFrame, curves: Path, budgets: Mapping[str, float]
) -> tuple[pd.DataFrame, dict[str, int]]:
    """The run table with the validation loss half-way, and the step at which each workload has it.

    That is the last evaluated step of any run not above half the budget. A run that broke off
    before has none.

    Args:
        runs: the run table.
        curves: the curve table's file.
        budgets: steps of each workload; where it is not known, the most steps of any of its runs.
    """
    rows = read_curves(curves, split=["validation"], metric=["loss"])
    rows = rows.astype({"step": float, "value": float}).merge(
        runs[["cell", "workload"]], on="cell", how="inner"
    )
    longest = runs.groupby("workload")["steps"].max()
    half = {w: budgets.get(str(w), float(most)) / 2 for w, most in longest.items()}
    early = rows[(rows["step"] > 0) & (rows["step"] <= rows["workload"].map(half).astype(float))]
    steps = {str(w): int(s) for w, s in early.groupby("workload")["step"].max().items()}
    at = early[early["step"] == early["workload"].map(steps).astype(float)].set_index("cell")["value"]
    values = at.where(np.isfinite(at)).reindex(runs["cell"]).to_numpy(float)
    return runs.assign(**{HALF: values}), steps


def turned_round(final: pd.DataFrame, half: pd.DataFrame) -> pd.DataFrame:
    """The comparisons that say `better` half-way and `worse` at the end, or the other way round.

    Args:
        final: comparisons of the final validation loss.
        half: comparisons of the loss half-way.

    Returns:
        Their rows of `final`, with `half_effect`, `half_low`, `half_high`, `half_p_adjusted` and
        `half_verdict`.
    """
    who = ["workload", "a", "schedule_a", "b", "schedule_b"]
    columns = ["effect", "low", "high", "p_adjusted", "verdict"]
    before = half[who + columns].rename(columns={name: f"half_{name}" for name in columns})
    both = final.merge(before, on=who, how="inner")
    chosen = [
        before in RESOLVED and after == mirrored(before)
        for before, after in zip(both["half_verdict"], both["verdict"], strict=True)
    ]
    return both[np.array(chosen, bool)] if len(both) else both
