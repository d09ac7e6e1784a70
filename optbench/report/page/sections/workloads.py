"""Each workload's results in words and tables: the glance above the fold and the table of final results."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from optbench.core.status import OK
from optbench.core.words import NONE, as_number, change, changes, count, listing, number
from optbench.findings import chinese
from optbench.findings.verdicts import EXACT
from optbench.report.page.context import Content, FoldedPart
from optbench.report.page.language import ENGLISH
from optbench.report.page.table import Estimate, Table, TableEntry, estimate_entry
from optbench.tables.metrics import shown_in
from optbench.tables.rows import row_dicts

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


TESTED: Final = ("final_val_loss", "steps_to_target")
"""Columns with paired tests."""


@dataclass(frozen=True, kw_only=True)
class WorkloadResult(FoldedPart):
    """A workload's part of the page.

    Attributes:
        facts: its size, budget and target in a line.
        found: the findings that it opens with.
        table: final results by optimizer and schedule.
        glance: entries of its row above the fold.
    """

    facts: str
    found: tuple[FindingView, ...]
    table: Table
    glance: tuple[TableEntry, ...]


GLANCE_HEADS: Final = (
    "On",
    "Use",
    "At lr",
    "Loss, against the reference",
    "As good, by these runs",
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


def _rule(summary: pd.DataFrame) -> str:
    """What the table shows, and how often its intervals hold what they are of."""
    known = sorted({round(100 * c, 1) for c in summary["coverage"] if math.isfinite(c) and c > 0})
    span = f"{known[0]:g}" if len(known) == 1 else f"{known[0]:g} to {known[-1]:g}" if known else ""
    medians = f"medians, with intervals between order statistics, which cover {span}%" if known else "medians"
    return (
        "Over seeds: of the final validation loss the mean of its logarithm, undone, with its 95% interval "
        f"(the median where a run diverged); of all else {medians}. Bold: the first and what cannot be told "
        "from it by paired tests (steps to target: exploratory); columns without bold were not tested, or "
        "could not be."
    )


def _estimate(row: Mapping[str, Any]) -> Estimate:
    """An estimate with its interval, which one run has none of."""
    ends = (float(row["low"]), float(row["high"])) if row["n"] > 1 else (math.nan, math.nan)
    return Estimate(float(row["estimate"]), *ends)


def _result(
    study: StudyView, summary: pd.DataFrame, findings: Findings, workload: str, index: int
) -> WorkloadResult:
    rows = summary[summary["workload"] == workload]
    runs = study.runs[study.runs["workload"] == workload]
    measures: dict[str, dict[CombinationKey, Estimate]] = {
        metric: {
            (str(r["optimizer"]), str(r["schedule"])): _estimate(r)
            for r in row_dicts(rows[rows["metric"] == metric])
        }
        for metric, _, _ in _shown_measures(study)
    }
    # What is compared is shown as it is compared.
    measures["final_val_loss"] = {
        key: _estimate(r) for key, r in findings.standing(workload, "final_val_loss").items()
    }
    row = _glance(study, workload, findings)
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
            f"{study.label('workloads', workload)}: final results. {_rule(rows)}",
        ),
        glance=row,
        gist=_gist(row, findings.language),
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


def _glance(study: StudyView, workload: str, findings: Findings) -> tuple[TableEntry, ...]:
    """What to use on a workload: a row of the table above the fold.

    It says what the recommendation in findings.json says.
    """
    found = findings.record(f"recommendation:{workload}")
    where = study.label("workloads", workload)
    if findings.language != ENGLISH:
        use, *others = chinese.glance(found)
        told = found is not None and bool(found["words"]["told"])
        return TableEntry(where), TableEntry(*use, strong=told), *(TableEntry(*each) for each in others)
    if found is None:
        nothing = TableEntry(NONE)
        return TableEntry(where), TableEntry("no run has a finite loss"), nothing, nothing, nothing
    words = found["words"]
    return TableEntry(where), _use(words), _lr(words["rate"]), _gain(found), _as_good(words)


def _use(words: Mapping[str, Any]) -> TableEntry:
    if words["told"]:
        return TableEntry(words["a"], strong=True)
    if not words["others"]:
        return TableEntry(words["a"], "nothing else was run")
    why = "none is better than another" if words["tested"] else f"fewer than {words['fewest']} seeds"
    return TableEntry("no recommendation", f"{why}; lowest: {words['a']}")


def _lr(rate: Mapping[str, Any]) -> TableEntry:
    edge = ", at the edge of the search" if rate["edge"] else ""
    value = "its own on each" if rate["lr"] is None else as_number(rate["lr"])
    origin = "searched" if rate["tuned"] else "given" if rate["source"] else "untuned"
    return TableEntry(value, f"{origin}{edge}")


def _gain(found: Mapping[str, Any]) -> TableEntry:
    words, effect = found["words"], found["effect"]
    if words["reference"] is None:
        return TableEntry("it is the reference")
    if effect is None:
        return TableEntry(NONE)
    ends = [found["low"], found["high"]]
    if found["test"] == EXACT:
        return TableEntry(change(effect), "exact")
    span = "" if None in ends else f"{changes(*ends)}; "
    return TableEntry(change(effect), f"{span}{words['wins']} of {count(found['n'], 'seed')}")


def _as_good(words: Mapping[str, Any]) -> TableEntry:
    names = words["as_good"]
    if not words["tested"]:
        return TableEntry("not tested")
    if not names:
        return TableEntry("nothing else")
    return TableEntry(f"{len(names)} of {count(words['others'], 'other')}", listing(names, 2))


def _gist(entries: tuple[TableEntry, ...], language: str) -> str:
    """The row above the fold as half a sentence: `Adam · Cosine: 25% lower; as good: 2 of 15 others`."""
    _, use, _, gain, as_good = entries
    if not use.strong:
        return use.text if use.note == "" else f"{use.text}: {use.note}"
    if language != ENGLISH:
        return f"{use.text}：{gain.text}；同样好的：{as_good.text}"
    return f"{use.text}: {gain.text}; as good: {as_good.text}"


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
