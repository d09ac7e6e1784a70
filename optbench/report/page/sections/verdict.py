"""The verdict at the top of the page, and the finding that each section opens with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from optbench.core.words import interval, number
from optbench.findings.finding import DESCRIPTION
from optbench.report.page.context import Content
from optbench.report.page.sections.workloads import GLANCE_HEADS
from optbench.report.page.table import Table, TableEntry
from optbench.tables.read import read_frame, read_values

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from optbench.report.page.context import PageContext
    from optbench.report.page.sections.workloads import WorkloadResult
    from optbench.report.study import StudyView

CombinationKey = tuple[str, str]
"""Optimizer and schedule."""

LOSS: Final = "final_val_loss"

GLYPHS: Final = {
    "better": "▲",
    "worse": "▼",
    "no detectable difference": "=",
    "insufficient data": "?",
}
"""A sign for each verdict, beside its words."""


@dataclass(frozen=True)
class FindingView:
    """A finding as the page shows it.

    Attributes:
        id: of its element.
        claim: the sentence.
        verdict: in words.
        glyph: its sign.
        link: where the evidence is, `#...`, or "".
    """

    id: str
    claim: str
    verdict: str
    glyph: str
    link: str

    @property
    def gist(self) -> str:
        """The first sentence, what somebody reads who has ten seconds."""
        return self.claim[: len(self.claim) - len(self.rest)]

    @property
    def rest(self) -> str:
        """What follows the first sentence, with the space between them; "" for nothing."""
        first, between, _ = self.claim.partition(". ")
        return self.claim[len(first) + 1 :] if between else ""


@dataclass(frozen=True)
class VerdictView:
    """What can be said of the study as a whole.

    Attributes:
        headlines: at most three findings.
        more: the other findings on the study as a whole.
        nothing: a plain sentence where not one comparison could be told, else "".
        ranking: over workloads, or None.
    """

    headlines: tuple[FindingView, ...]
    more: tuple[FindingView, ...]
    nothing: str
    ranking: Table | None


@dataclass(frozen=True)
class Findings:
    """A study's findings and tests, for every section.

    Attributes:
        all: findings.json.
        ranking: the ranking table.
        comparisons: the table of comparisons.
        links: fragment of the page by a finding's figure.
    """

    all: tuple[dict[str, Any], ...]
    ranking: pd.DataFrame
    comparisons: pd.DataFrame
    links: Mapping[str, str]

    def shown(self, *ids: str) -> tuple[FindingView, ...]:
        """The findings of these ids that there are, in the order asked for."""
        by_id = {finding["id"]: finding for finding in self.all}
        return tuple(self._shown(by_id[id_]) for id_ in ids if id_ in by_id)

    def of_section(self, *names: str) -> tuple[FindingView, ...]:
        """The findings that name one of these sections."""
        return tuple(self._shown(f) for f in self.all if f["section"] in names)

    def _shown(self, finding: Mapping[str, Any]) -> FindingView:
        described = finding["test"] == DESCRIPTION
        verdict = "a description" if described else str(finding["verdict"])
        return FindingView(
            f"finding-{self.all.index(finding)}",
            str(finding["claim"]),
            verdict,
            GLYPHS.get(verdict, ""),
            self.links.get(str(finding["figure"]), ""),
        )

    def standing(self, workload: str, metric: str) -> dict[CombinationKey, Mapping[str, Any]]:
        """Rows of the ranking by optimizer and schedule, the first one first."""
        here = self.ranking[(self.ranking["workload"] == workload) & (self.ranking["metric"] == metric)]
        rows: list[dict[str, Any]] = here.to_dict("records")  # type: ignore[assignment]
        return {(str(r["optimizer"]), str(r["schedule"])): r for r in rows}

    def strong(self, workload: str, metric: str) -> frozenset[CombinationKey]:
        """The leader and what is not to be told from it, where that was tested."""
        rows = self.standing(workload, metric)
        tested = any(r["tied"] or r["better_than"] for r in rows.values())
        return frozenset(key for key, r in rows.items() if tested and (r["leader"] or r["tied"]))


def read_findings(tables: Path, links: Mapping[str, str]) -> Findings:
    """Returns what `optbench summarize` found."""
    return Findings(
        tuple(read_values(tables / "findings.json", list)),
        read_frame(tables / "ranking.parquet"),
        read_frame(tables / "comparisons.parquet"),
        links,
    )


@dataclass(frozen=True)
class VerdictSection:
    """The Verdict section.

    Attributes:
        verdict: headlines, further findings and the ranking.
        provenance: where the numbers come from, in a line.
        mixed: sentences on traces that were not made alike.
        heads: of the table at a glance.
        workloads: whose rows stand in it.
    """

    verdict: VerdictView
    provenance: str
    mixed: tuple[str, ...]
    heads: tuple[str, ...]
    workloads: tuple[WorkloadResult, ...]


def section(page: PageContext) -> Content:
    """Return the section, which says the gist of Workloads and of Methods too."""
    facts = page.data("methods").facts
    return Content(
        VerdictSection(
            verdict=verdict_view(page.study, page.findings),
            provenance=facts.line,
            mixed=facts.mixed,
            heads=GLANCE_HEADS,
            workloads=page.data("workloads"),
        )
    )


def verdict_view(study: StudyView, findings: Findings) -> VerdictView:
    """Returns the Verdict section."""
    headlines = tuple(findings._shown(f) for f in findings.all if f["headline"])
    at_top = {shown.id for shown in headlines}
    more = tuple(f for f in findings.of_section("verdict") if f.id not in at_top)
    tested = findings.comparisons[findings.comparisons["metric"] == LOSS]
    resolved = tested["verdict"].isin(["better", "worse"]).sum()
    nothing = ""
    if not resolved:
        n = len(tested)
        why = set(tested["verdict"]) or {"insufficient data"}
        nothing = (
            "Too little data to tell any two combinations apart: what follows describes these runs "
            "and no more."
            if why == {"insufficient data"}
            else f"None of {number(n)} comparisons shows a difference: nothing here can be called better "
            "or worse."
        )
    return VerdictView(headlines, more, nothing, _ranking(study, findings))


def _ranking(study: StudyView, findings: Findings) -> Table | None:
    rows = findings.standing("", LOSS)
    if not rows:
        return None
    strong = findings.strong("", LOSS)
    entries = tuple(
        (
            TableEntry(study.label("optimizers", key[0])),
            TableEntry(study.label("schedules", key[1])),
            TableEntry(
                number(float(r["estimate"])),
                interval(float(r["low"]), float(r["high"])),
                strong=key in strong,
                numeric=True,
            ),
            TableEntry("first" if r["leader"] else str(r["against_leader"])),
            TableEntry(f"{r['better_than']} / {r['worse_than']}", numeric=True),
            TableEntry(
                number(float(r["improvement"])),
                interval(float(r["improvement_low"]), float(r["improvement_high"])),
                numeric=True,
            ),
            TableEntry(number(float(r["average_rank"])), numeric=True),
            TableEntry(f"{r['n_ok']}/{r['n']}", numeric=True),
        )
        for key, r in rows.items()
    )
    return Table(
        "t-standing",
        "Over the workloads that all of these ran on: interquartile mean of final validation loss over the "
        "reference's, with its 95% interval (bootstrap over seeds). Bold: the first and what shows no "
        "detectable difference from it in paired tests, corrected for all comparisons of the study.",
        (
            "Optimizer",
            "Schedule",
            "Loss / reference's",
            "Against the first",
            "Better than / worse than",
            "Chance to beat the reference",
            "Average rank",
            "ok / n",
        ),
        entries,
    )
