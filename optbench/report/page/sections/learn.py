"""What the textbook says beside what this study measured: its claims, the oracle, and a lab to try it in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optbench.catalogue.workloads.landscapes import LANDSCAPES
from optbench.report.page.context import Content
from optbench.report.page.sections.claims import Claims, claims
from optbench.report.page.sections.oracle import Oracle, oracle
from optbench.report.tables import read_oracle
from optbench.tables.heavy_ball import CURVATURES
from optbench.theory.textbook.file import read_claims

if TYPE_CHECKING:
    from optbench.report.page.context import PageContext


@dataclass(frozen=True)
class LearnSection:
    """The Learn section.

    Attributes:
        claims: the textbook's claims, None where none was looked at.
        oracle: predicted beside measured, None where the study asks for none.
        curvatures: JSON for the lab: those of its ravine.
        start: JSON for the lab: where the ball starts.
    """

    claims: Claims | None
    oracle: Oracle | None
    curvatures: str
    start: str


def section(page: PageContext) -> Content:
    """Return the section."""
    titles = {shown.record.id: shown.record.title for shown in page.figures}
    return Content(
        LearnSection(
            claims=claims(read_claims(page.tables), titles),
            oracle=oracle(read_oracle(page.study, page.tables / "oracle.parquet")),
            curvatures=json.dumps(CURVATURES["ravine"]),
            start=json.dumps(LANDSCAPES["ravine"].start),
        )
    )
