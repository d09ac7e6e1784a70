"""The race, as the page tells it: who left at which look and why, who is left, and what was not needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from optbench.core.words import NONE, count, interval, number
from optbench.findings.verdicts import DROPPED, FUTILE, IN, LEFT_EQUAL, WINNER
from optbench.report.page.context import Content, FoldedPart
from optbench.report.page.table import Table, TableEntry
from optbench.report.tables import read_race
from optbench.tables.rows import row_dicts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from optbench.report.page.context import PageContext
    from optbench.report.page.sections.verdict import FindingView
    from optbench.report.study import StudyView

STATES: Final = {
    WINNER: "the only one left",
    LEFT_EQUAL: "left, equal",
    FUTILE: "left, given up",
    IN: "left",
    DROPPED: "worse",
}
"""What the page calls the states of the table, whoever is left first."""

FOLDED: Final = 24
"""Rows beyond which a workload's table is folded."""


@dataclass(frozen=True, kw_only=True)
class RacedWorkload(FoldedPart):
    """A workload's part of the section.

    Attributes:
        findings: what became of it, in a sentence.
        table: a row a combination, at its last look.
        folded: whether the table is long.
    """

    findings: tuple[FindingView, ...]
    table: Table
    folded: bool


@dataclass(frozen=True)
class RaceSection:
    """The section.

    Attributes:
        looks: of the race: at so many seeds, with such a chance of a false claim.
        workloads: each of them.
    """

    looks: Table
    workloads: tuple[RacedWorkload, ...]


def section(page: PageContext) -> Content | None:
    """Return the section; None where no look of a race was held."""
    rows = read_race(page.tables)
    if rows is None:
        return None
    parts = []
    for index, name in enumerate(page.study.workloads):
        here = rows[rows["workload"] == name]
        if here.empty:
            continue
        last = here.sort_values("look", kind="stable").groupby(["optimizer", "schedule"], sort=False).tail(1)
        table = _table(page.study, f"t-race-{index}", name, last)
        told = page.findings.shown(f"race:{name}")
        left = int(last["state"].ne(DROPPED).sum())
        gist = f"{left} of {count(len(last), 'combination')} left after {count(int(here['n'].max()), 'seed')}"
        parts.append(
            RacedWorkload(
                id=f"r-{index}",
                name=name,
                label=page.study.label("workloads", name),
                gist=gist,
                findings=told,
                table=table,
                folded=len(table.rows) > FOLDED,
            )
        )
    return Content(RaceSection(_looks(rows), tuple(parts)))


def _looks(rows: pd.DataFrame) -> Table:
    entries = []
    for look, here in rows.groupby("look", sort=True):
        states = here["state"].value_counts()
        entries.append(
            (
                TableEntry(str(look)),
                TableEntry(number(int(here["n"].iloc[0])), numeric=True),
                TableEntry(f"{number(100 * float(here['level'].iloc[0]), 2)}%", numeric=True),
                TableEntry(number(len(here)), numeric=True),
                TableEntry(number(int(states.get(DROPPED, 0))), numeric=True),
                TableEntry(number(int(states.get(IN, 0))), numeric=True),
            )
        )
    return Table(
        "t-race-looks",
        "The looks: all pairs of those still in, of all workloads, are tested together, at the level that "
        "the look may spend; levels add up to what the page's budget has for its pairs.",
        ("Look", "Seeds", "Level", "In before", "Left", "Go on"),
        tuple(entries),
    )


def _table(study: StudyView, id_: str, workload: str, last: pd.DataFrame) -> Table:
    order = list(STATES)
    ordered = sorted(row_dicts(last), key=lambda row: (order.index(row["state"]), -row["n"], row["effect"]))
    label = study.label("workloads", workload)
    return Table(
        id_,
        f"{label}: every combination at its last look, its loss over that of the one it stands against. "
        "Intervals (95%) and p values are those of that look: where somebody left, they were looked at "
        "because they are extreme, and the true ratio is likely nearer to 1.",
        ("Combination", "Seeds", "State", "Against", "Ratio", "Adjusted p"),
        tuple(_row(study, row) for row in ordered),
    )


def _row(study: StudyView, row: Mapping[str, Any]) -> tuple[TableEntry, ...]:
    def name(optimizer: str, schedule: str) -> str:
        return f"{study.label('optimizers', optimizer)} · {study.label('schedules', schedule)}"

    alone = not row["against_optimizer"]
    return (
        TableEntry(name(row["optimizer"], row["schedule"])),
        TableEntry(number(int(row["n"])), numeric=True),
        TableEntry(STATES[row["state"]], strong=row["state"] != DROPPED),
        TableEntry(NONE if alone else name(row["against_optimizer"], row["against_schedule"])),
        TableEntry(
            NONE if alone else number(float(row["effect"])),
            "" if alone else interval(float(row["low"]), float(row["high"])),
            numeric=True,
        ),
        TableEntry(number(float(row["p_adjusted"]), 2), numeric=True),
    )
