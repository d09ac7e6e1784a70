"""Each workload's results in words and tables: the glance above the fold and the table of final results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from optbench.core.status import OK
from optbench.core.words import count, interval, listing, number
from optbench.report.page.context import Content
from optbench.report.page.table import Estimate, Table, TableEntry, estimate_entry
from optbench.tables.metrics import shown_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from optbench.report.page.context import PageContext
    from optbench.report.page.sections.verdict import Findings, FindingView
    from optbench.report.study import StudyView

CombinationKey = tuple[str, str]
"""Optimizer and schedule."""


def _shown_measures(study: StudyView) -> list[tuple[str, str, bool]]:
    """Metric, head and whether higher is worse, by column; the study's own measures that judge stand last."""
    own = study.facts.get("metrics") or {}
    judging = {name: facts for name, facts in own.items() if facts["direction"] != "none"}
    return [
        *((measure.name, measure.head, measure.direction == "lower") for measure in shown_in("results")),
        *((name, facts["label"], facts["direction"] == "lower") for name, facts in judging.items()),
    ]


RULE: Final = (
    "Over seeds, with 95% intervals: of the final validation loss the mean of its logarithm, undone (the "
    "median where a run diverged), of all else medians. Bold: the first and what cannot be told from it by "
    "paired tests (steps to target: exploratory); columns without bold were not tested, or could not be."
)

TESTED: Final = ("final_val_loss", "steps_to_target")
"""Columns with paired tests."""


@dataclass(frozen=True)
class WorkloadResult:
    """A workload's part of the page.

    Attributes:
        id: of its section.
        name: in the study file.
        label: in the page.
        facts: its size, budget and target in a line.
        found: the findings that it opens with.
        table: final results by optimizer and schedule.
        glance: entries of its row above the fold.
    """

    id: str
    name: str
    label: str
    facts: str
    found: tuple[FindingView, ...]
    table: Table
    glance: tuple[TableEntry, ...]


GLANCE_HEADS: Final = (
    "Workload",
    "Lowest final validation loss",
    "Not told apart from it",
    "Soonest to target (exploratory)",
)


def section(page: PageContext) -> Content:
    """Return the section: every workload's results, which the navigation lists."""
    results = workload_results(page.study, page.summary, page.findings)
    return Content(results, parts=tuple((result.id, result.label) for result in results))


def workload_results(
    study: StudyView, summary: pd.DataFrame, findings: Findings
) -> tuple[WorkloadResult, ...]:
    """Return every workload's results, in the study's order."""
    return tuple(_result(study, summary, findings, name, index) for index, name in enumerate(study.workloads))


def _result(
    study: StudyView, summary: pd.DataFrame, findings: Findings, workload: str, index: int
) -> WorkloadResult:
    rows = summary[summary["workload"] == workload]
    runs = study.runs[study.runs["workload"] == workload]
    measures: dict[str, dict[CombinationKey, Estimate]] = {
        metric: {
            (str(r.optimizer), str(r.schedule)): Estimate(float(r.estimate), float(r.low), float(r.high))  # type: ignore[arg-type]
            for r in rows[rows["metric"] == metric].itertuples()
        }
        for metric, _, _ in _shown_measures(study)
    }
    # What is compared is shown as it is compared.
    measures["final_val_loss"] = {
        key: Estimate(float(r["estimate"]), float(r["low"]), float(r["high"]))
        for key, r in findings.standing(workload, "final_val_loss").items()
    }
    return WorkloadResult(
        id=f"w-{index}",
        name=workload,
        label=study.label("workloads", workload),
        facts=_facts(study, workload),
        found=findings.shown(
            f"recommendation:{workload}", f"leader:{workload}", f"target:{workload}", f"seeds:{workload}"
        ),
        table=_table(
            study,
            runs,
            measures,
            {metric: findings.strong(workload, metric) for metric in TESTED},
            f"t-final-{index}",
            f"{study.label('workloads', workload)}: final results. {RULE}",
        ),
        glance=_glance(study, workload, runs, findings),
    )


def _name(study: StudyView, key: CombinationKey) -> str:
    return f"{study.label('optimizers', key[0])} · {study.label('schedules', key[1])}"


def _combinations(runs: pd.DataFrame) -> dict[CombinationKey, pd.DataFrame]:
    """What the table says of each combination's own runs: whether they ended ok, lr, steps to target."""
    needed = runs[["optimizer", "schedule", "lr", "steps_to_target"]].assign(ok=runs["status"].eq(OK.name))
    groups = needed.groupby(["optimizer", "schedule"], sort=False)
    return {(str(o), str(s)): group for (o, s), group in groups}


def _share_ok(ok: pd.Series) -> str:
    return f"{int(ok.sum())}/{len(ok)}"


def _table(
    study: StudyView,
    runs: pd.DataFrame,
    measures: dict[str, dict[CombinationKey, Estimate]],
    strong: Mapping[str, frozenset[CombinationKey]],
    table_id: str,
    caption: str,
) -> Table:
    shown = [spec for spec in _shown_measures(study) if measures[spec[0]]]
    if not runs["steps_to_target"].notna().any():
        shown = [spec for spec in shown if spec[0] != "steps_to_target"]
    rows = []
    finals = measures["final_val_loss"]
    combinations = _combinations(runs)
    for key in sorted(combinations, key=lambda k: _rank(finals.get(k))):
        group = combinations[key]
        entries = [
            TableEntry(study.label("optimizers", key[0])),
            TableEntry(study.label("schedules", key[1])),
            TableEntry(_rates(group), numeric=True),
            TableEntry(_share_ok(group["ok"]), numeric=True),
        ]
        for metric, _, worse in shown:
            reaches = metric == "steps_to_target"
            entry = estimate_entry(
                measures[metric].get(key),
                strong=key in strong.get(metric, ()),
                higher_is_worse=worse,
                missing="not reached" if reaches else "–",
            )
            if reaches:
                reached = f"reached {int(group[metric].notna().sum())}/{len(group)}"
                entry = TableEntry(entry.text, f"{entry.note} {reached}".strip(), entry.strong, numeric=True)
            entries.append(entry)
        rows.append(tuple(entries))
    heads = ("Optimizer", "Schedule", "lr", "ok / n", *(head for _, head, _ in shown))
    return Table(table_id, caption, heads, tuple(rows))


def _rank(measure: Estimate | None) -> tuple[int, float]:
    if measure is None or np.isnan(measure.estimate):
        return (2, 0.0)
    return (0, measure.estimate) if np.isfinite(measure.estimate) else (1, 0.0)


def _rates(runs: pd.DataFrame) -> str:
    rates = sorted({float(lr) for lr in runs["lr"] if np.isfinite(lr)})
    if not rates:
        return "–"
    return number(rates[0]) if len(rates) == 1 else f"{number(rates[0])} to {number(rates[-1])}"


def _glance(
    study: StudyView, workload: str, runs: pd.DataFrame, findings: Findings
) -> tuple[TableEntry, ...]:
    standing = findings.standing(workload, "final_val_loss")
    leader = next((key for key, row in standing.items() if row["leader"]), None)
    if leader is None:
        first, second = (
            TableEntry("none is finite", f"{_share_ok(runs['status'].eq(OK.name))} runs ok"),
            TableEntry("–"),
        )
    else:
        found = standing[leader]
        span = interval(float(found["low"]), float(found["high"]))
        value = f"{number(float(found['estimate']))} {span}".strip()
        first = TableEntry(_name(study, leader), value, strong=bool(found["better_than"]))
        names = [_name(study, key) for key, row in standing.items() if row["tied"]]
        tested = bool(found["group"])
        count = f"{len(names)} of {len(standing) - 1} others"
        second = TableEntry(count, listing(names, 3)) if tested else TableEntry("insufficient data")
    return TableEntry(study.label("workloads", workload)), first, second, _soonest(study, workload, findings)


def _soonest(study: StudyView, workload: str, findings: Findings) -> TableEntry:
    """Which combinations have the lowest median of steps to target; all that share it are named."""
    standing = findings.standing(workload, "steps_to_target")
    first = [key for key, row in standing.items() if row["place"] == 1 and np.isfinite(row["estimate"])]
    if not first:
        return TableEntry("not reached" if study.fact("workloads", workload, "target") is not None else "–")
    found = standing[first[0]]
    names = listing([_name(study, key) for key in first], 3)
    return TableEntry(
        names, f"{number(float(found['estimate']))} steps, reached {found['n_ok']}/{found['n']}"
    )


def _facts(study: StudyView, workload: str) -> str:
    """Size, budget and target of a workload, as far as they are known."""

    def counted(key: str, noun: str) -> str:
        value = study.fact("workloads", workload, key)
        return count(int(value), noun) if isinstance(value, (int, float)) else ""

    batch = study.fact("workloads", workload, "batch_size")
    target = study.fact("workloads", workload, "target")
    optimum = study.fact("workloads", workload, "optimum")
    dataset = study.fact("workloads", workload, "dataset")
    parts = [
        f"data {dataset}" if dataset else "",
        counted("n_train", "training example") if dataset else "",
        counted("n_parameters", "parameter"),
        counted("steps", "step"),
        f"batch {number(batch)}" if batch else "full batch",
        f"target {number(float(target))}" if target is not None else "",
        f"least possible training loss {number(float(optimum))}" if optimum is not None else "",
    ]
    return " · ".join(part for part in parts if part)
