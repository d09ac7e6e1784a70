"""The findings engine: from a study's tables to statements with their evidence (layer 2b).

docs/reference/findings.md says how a finding is made, which families its tests belong to, and how to
recompute one.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from optbench.files import write_text
from optbench.finding import RESOLVED, Finding
from optbench.grounds import compare_all, with_measured, write_grounds
from optbench.openings import openings
from optbench.statements import leaders, overall, targets
from optbench.statements_schedules import flips, schedules

if TYPE_CHECKING:
    from pathlib import Path

    from optbench.grounds import Grounds

HEADLINES = 3
"""Findings at the top of the page."""


def write_findings(results: Path, compared: Grounds | None = None) -> list[Finding]:
    """Writes tables/findings.json and the tables it rests on; returns the findings.

    Args:
        results: results/<study>, with what `collect`, `summarize` and `summarize_tuning` left in tables/.
        compared: what `compare_all` makes of these tables, where it is there already.
    """
    tables = results / "tables"
    grounds = with_measured(compared or compare_all(tables), tables)
    write_grounds(grounds, tables)
    found = find(grounds)
    text = json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False, sort_keys=True)
    write_text(tables / "findings.json", text + "\n")
    return found


def find(grounds: Grounds) -> list[Finding]:
    """Every finding of a study, the headlines first."""
    found = [
        *overall(grounds),
        *leaders(grounds),
        *schedules(grounds),
        *flips(grounds),
        *targets(grounds),
        *openings(grounds),
    ]
    return _with_headlines(found)


def _with_headlines(found: list[Finding]) -> list[Finding]:
    """Numbers the three findings for the top of the page: who leads, the schedule, and what to beware of."""
    wanted = ("overall", "leader", "schedule", "flip", "stability", "seeds", "target")
    chosen: list[Finding] = []
    for kind in wanted:
        of_kind = [f for f in found if f["id"].partition(":")[0] == kind]
        # What could be resolved comes first; a flip that did not happen is no headline.
        of_kind = [f for f in of_kind if kind != "flip" or f["verdict"] in RESOLVED]
        if kind == "leader" and chosen:
            continue
        of_kind.sort(key=lambda f: f["verdict"] not in RESOLVED)
        chosen += of_kind[:1]
    for place, finding in enumerate(chosen[:HEADLINES], start=1):
        finding["headline"] = place
    return sorted(found, key=lambda f: f["headline"] or math.inf)
