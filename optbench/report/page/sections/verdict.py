"""The verdict at the top of the page, and the finding that each section opens with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from optbench.core.specs import RaceSpec
from optbench.core.status import OK
from optbench.core.words import count, interval, listing, number, percent
from optbench.findings import chinese
from optbench.findings.finding import DESCRIPTION
from optbench.findings.verdicts import (
    BELOW,
    BETTER,
    BETTER_EXACT,
    INSUFFICIENT,
    RACED,
    RESOLVED,
    SHARES,
    UNDECIDED,
    WORSE,
    WORSE_EXACT,
    kind_of,
)
from optbench.report.page.context import Content
from optbench.report.page.language import ENGLISH
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
    BETTER: "▲",
    WORSE: "▼",
    BETTER_EXACT: "▲",
    WORSE_EXACT: "▼",
    BELOW: "≈",
    "equal": "=",
    UNDECIDED: "~",
    INSUFFICIENT: "?",
}
"""A sign for each kind of verdict, beside its words."""

TONES: Final = {BETTER: "good", BETTER_EXACT: "good", WORSE: "bad", WORSE_EXACT: "bad"}
"""The colour of a verdict; all others are muted."""


@dataclass(frozen=True)
class FindingView:
    """A finding as the page shows it.

    Attributes:
        id: of its element.
        claim: the sentence.
        verdict: in words.
        glyph: its sign.
        tone: its colour, `good`, `bad` or `muted`.
        link: where the evidence is, `#...`, or "".
        kind: its id without its last part: `effect:schedule` of `effect:schedule:cosine`.
    """

    id: str
    claim: str
    verdict: str
    glyph: str
    tone: str
    link: str
    kind: str = ""

    @property
    def gist(self) -> str:
        """The first sentence, what somebody reads who has ten seconds."""
        return self.claim[: len(self.claim) - len(self.rest)]

    @property
    def rest(self) -> str:
        """What follows the first sentence, with the space between them; "" for nothing."""
        for stop in (". ", "。"):
            first, between, _ = self.claim.partition(stop)
            if between:
                return self.claim[len(first) + 1 :]
        return ""


@dataclass(frozen=True)
class VerdictView:
    """What can be said of the study as a whole.

    Attributes:
        headlines: at most three findings.
        more: the other findings on the study as a whole.
        nothing: a plain sentence where not one comparison could be told, else "".
        budget: the page's error in a line.
        ranking: over workloads, or None.
        effects: the main effects, or None.
    """

    headlines: tuple[FindingView, ...]
    more: tuple[FindingView, ...]
    nothing: str
    budget: str
    ranking: Table | None
    effects: Table | None


@dataclass(frozen=True)
class Findings:
    """A study's findings and tests, for every section.

    Attributes:
        all: findings.json.
        ranking: the ranking table.
        comparisons: the table of comparisons.
        main_effects: the table of main effects.
        links: fragment of the page by a finding's figure.
        language: of the sentences.
    """

    all: tuple[dict[str, Any], ...]
    ranking: pd.DataFrame
    comparisons: pd.DataFrame
    main_effects: pd.DataFrame
    links: Mapping[str, str]
    language: str = ENGLISH

    def shown(self, *ids: str) -> tuple[FindingView, ...]:
        """The findings of these ids that there are, in the order asked for."""
        by_id = {finding["id"]: finding for finding in self.all}
        return tuple(self._shown(by_id[id_]) for id_ in ids if id_ in by_id)

    def record(self, id_: str) -> dict[str, Any] | None:
        """A finding as findings.json has it."""
        return next((finding for finding in self.all if finding["id"] == id_), None)

    def of_section(self, *names: str) -> tuple[FindingView, ...]:
        """The findings that name one of these sections."""
        return tuple(self._shown(f) for f in self.all if f["section"] in names)

    def _shown(self, finding: Mapping[str, Any]) -> FindingView:
        described = finding["test"] == DESCRIPTION
        verdict = "a description" if described else str(finding["verdict"])
        return FindingView(
            f"finding-{self.all.index(finding)}",
            str(finding["claim"]) if self.language == ENGLISH else chinese.sentence(finding),
            f"{verdict}, exploratory" if finding["exploratory"] else verdict,
            GLYPHS.get(kind_of(verdict), ""),
            TONES.get(verdict, "muted"),
            self.links.get(str(finding["figure"]), ""),
            str(finding["id"]).rpartition(":")[0],
        )

    def standing(self, workload: str, metric: str) -> dict[CombinationKey, Mapping[str, Any]]:
        """Rows of the ranking by optimizer and schedule, the first one first."""
        here = self.ranking[(self.ranking["workload"] == workload) & (self.ranking["metric"] == metric)]
        rows: list[dict[str, Any]] = here.to_dict("records")  # type: ignore[assignment]
        return {(str(r["optimizer"]), str(r["schedule"])): r for r in rows}

    def strong(self, workload: str, metric: str) -> frozenset[CombinationKey]:
        """The first group of a ranking: the leader and what is not to be told from it."""
        return frozenset(key for key, r in self.standing(workload, metric).items() if r["group"] == 1)


def read_findings(tables: Path, links: Mapping[str, str], language: str = ENGLISH) -> Findings:
    """Returns what `optbench summarize` found, in sentences of a language."""
    return Findings(
        tuple(read_values(tables / "findings.json", list)),
        read_frame(tables / "ranking.parquet"),
        read_frame(tables / "comparisons.parquet"),
        read_frame(tables / "main_effects.parquet"),
        links,
        language,
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
    resolved = tested["verdict"].isin(RESOLVED).sum()
    nothing = ""
    if not (study.runs["status"] == OK.name).any():
        headlines = ()
        nothing = f"Not one of {count(len(study.runs), 'run')} ended well: there is nothing to compare."
    elif not resolved and not findings.main_effects["verdict"].isin(RESOLVED).any():
        n = len(tested)
        why = set(tested["verdict"]) or {INSUFFICIENT}
        nothing = (
            "Too little data to tell any two combinations apart: what follows describes these runs "
            "and no more."
            if why == {INSUFFICIENT}
            else f"None of {number(n)} comparisons could be decided: nothing here can be called better "
            "or worse."
        )
    return VerdictView(
        headlines, more, nothing, budget(study), _ranking(study, findings), _effects(study, findings)
    )


def budget(study: StudyView) -> str:
    """The page's budget of error, and how it is shared out."""
    rules = study.facts.get("report") or {}
    if any(rules.get(key) is None for key in ("error", "threshold", "equal_within")):
        return ""
    error, threshold, margin = (float(rules[key]) for key in ("error", "threshold", "equal_within"))
    race = RaceSpec.of_facts(study.facts) or RaceSpec(())
    spent = {**SHARES, "comparisons": RACED} if len(race.looks) > 1 else SHARES
    shares = listing([f"{percent(share * error)} to {what}" for what, share in spent.items()], len(spent))
    more = sum(one for _, one in race.extended)
    added = f" Looks that were declared later add at most {percent(more)}." if more else ""
    return (
        f"Error of the page: at most {percent(error)} for any false better, worse or equal among the "
        f"comparisons of final loss and the main effects ({shares}); all that is marked exploratory lies "
        f"outside of it. Differences below {percent(threshold)} are never called better; equal needs a "
        f"margin of {percent(margin)} or less.{added}"
    )


def _effects(study: StudyView, findings: Findings) -> Table | None:
    """The main effects, those over all kinds of workloads in bold."""
    rows = findings.main_effects.to_dict("records")
    if not rows:
        return None

    def named_(factor: str, name: str) -> str:
        return study.label(f"{factor}s", name)

    def end(row: Mapping[Any, Any], which: str) -> TableEntry:
        workload = str(row[f"{which}_workload"])
        return TableEntry(
            number(float(row[which])), study.label("workloads", workload) if workload else "", numeric=True
        )

    entries = tuple(
        (
            TableEntry(named_(row["what"], row["name"]), strong=not row["kind"]),
            TableEntry(named_(row["what"], row["against"])),
            TableEntry(str(row["kind"] or "all"), f"{row['workloads']} workloads, {row['parts']} pairs"),
            TableEntry(
                number(float(row["effect"])),
                interval(float(row["low"]), float(row["high"])),
                strong=row["verdict"] in RESOLVED,
                numeric=True,
            ),
            TableEntry(str(row["verdict"])),
            TableEntry(f"{row['wins']}/{row['pairs']}", numeric=True),
            end(row, "least"),
            end(row, "most"),
        )
        for row in rows
    )
    return Table(
        "t-effects",
        "Main effects, declared before any run: each schedule over the first one and each optimizer over the "
        "reference, all else alike, pooled over all pairs of the study and over each kind of workload. "
        "Loss: the mean over pairs and seeds of log ratios, as a ratio, with its 95% interval. Bold: better "
        "or worse.",
        ("With", "Instead of", "On", "Loss, times", "Verdict", "Seeds lower", "Lowest on", "Highest on"),
        entries,
    )


def _ranking(study: StudyView, findings: Findings) -> Table | None:
    rows = findings.standing("", LOSS)
    if not rows:
        return None
    strong = findings.strong("", LOSS)
    entries = tuple(
        (
            TableEntry(str(r["group"] or "–"), numeric=True),
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
        "Over the workloads that all of these ran on: final validation loss over the reference's "
        "(interquartile mean over workloads, mean over seeds, of the logarithm), with its 95% interval. "
        "Those of a group cannot be told apart from its first by paired tests within the page's budget of "
        "error. Bold: the first group.",
        (
            "Group",
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
