"""A lesson on momentum with labs to try it in, and what this study measured of it: claims and oracle."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from optbench.catalogue.workloads.landscapes import LANDSCAPES
from optbench.report.page.context import Content
from optbench.report.page.sections.claims import Claims, claims
from optbench.report.page.sections.oracle import Oracle, oracle
from optbench.report.tables import read_oracle
from optbench.tables.heavy_ball import CURVATURES
from optbench.theory.textbook.file import read_claims

if TYPE_CHECKING:
    from optbench.report.page.context import PageContext
    from optbench.report.page.sections.verdict import FindingView

EFFECTS: Final = 3
"""Main effects of schedules that the last part of the lesson repeats."""


@dataclass(frozen=True)
class LearnSection:
    """The Learn section.

    Attributes:
        claims: the textbook's claims, None where none was looked at.
        oracle: predicted beside measured, None where the study asks for none.
        measured: what this study found of schedules, in sentences.
        setting: JSON for the labs: the curvatures of the ravine, and where its runs start.
    """

    claims: Claims | None
    oracle: Oracle | None
    measured: tuple[FindingView, ...]
    setting: str


def section(page: PageContext) -> Content:
    """Return the section."""
    titles = {shown.record.id: shown.record.title for shown in page.figures}
    effects = [one for one in page.findings.of_section("schedules") if one.kind == "effect:schedule"]
    return Content(
        LearnSection(
            claims=claims(read_claims(page.tables), titles),
            oracle=oracle(read_oracle(page.study, page.tables / "oracle.parquet")),
            measured=tuple(effects[:EFFECTS]),
            setting=json.dumps({"curvatures": CURVATURES["ravine"], "start": LANDSCAPES["ravine"].start}),
        )
    )
