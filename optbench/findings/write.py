"""The findings engine: from a study's tables to statements with their evidence.

docs/reference/findings.md says how a finding is made, which families its tests belong to, and how to
recompute one.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from optbench.core.files import write_text
from optbench.findings import behaviour, effects, leaders, outcomes, racing, recommendations, schedules
from optbench.findings.analysis import compare_all, with_measured, write_analysis
from optbench.findings.finding import Finding, template_of
from optbench.findings.verdicts import RESOLVED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from optbench.findings.analysis import Analysis
    from optbench.findings.finding import Say

HEADLINES = 3
"""Findings at the top of the page."""

SENTENCES: Mapping[str, Say] = {
    template_of(say): say
    for kind in (recommendations, leaders, effects, racing, schedules, outcomes, behaviour)
    for say in kind.SAYS
}
"""The sentence of each template."""


def write_findings(results: Path, compared: Analysis | None = None) -> list[Finding]:
    """Writes tables/findings.json and the tables it rests on; returns the findings.

    Args:
        results: results/<study>, with what `collect`, `summarize` and `summarize_tuning` left in tables/.
        compared: what `compare_all` makes of these tables, where it is there already.
    """
    tables = results / "tables"
    analysis = with_measured(compared or compare_all(tables), tables)
    write_analysis(analysis, tables)
    found = find(analysis)
    text = json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False, sort_keys=True)
    write_text(tables / "findings.json", text + "\n")
    return found


def find(analysis: Analysis) -> list[Finding]:
    """Every finding of a study, the headlines first, then in the order of the page."""
    found = [
        *recommendations.recommendations(analysis),
        *leaders.overall(analysis),
        *leaders.leaders(analysis),
        *effects.effects(analysis),
        *racing.races(analysis),
        *schedules.schedules(analysis),
        *schedules.flips(analysis),
        *leaders.targets(analysis),
        *outcomes.completeness(analysis),
        *outcomes.across(analysis),
        *outcomes.told_apart(analysis),
        *behaviour.usable_rates(analysis),
        *behaviour.fresh_seeds(analysis),
        *behaviour.oscillation(analysis),
        *schedules.no_schedules(analysis),
        *behaviour.step_times(analysis),
        *behaviour.rates(analysis),
        *outcomes.spread(analysis),
        *outcomes.provenance_of_runs(analysis),
    ]
    return _with_headlines(found)


def sentence(finding: Mapping[str, Any]) -> str:
    """The claim of a finding.

    Args:
        finding: its fields but `claim`: numbers under their names, all else in `words`, the template's
            name in `template`.

    Raises:
        KeyError: no such template, or a field that it needs is missing.
    """
    return SENTENCES[finding["template"]](finding, finding["words"])


def _with_headlines(found: list[Finding]) -> list[Finding]:
    """Numbers the three findings for the top of the page: what to use, what a schedule does, what to mind."""
    wanted = (
        "recommendation",
        "effect:schedule",
        "effect:optimizer",
        "overall",
        "leader",
        "flip",
        "seeds",
        "target",
    )
    chosen: list[Finding] = []
    for kind in wanted:
        of_kind = [f for f in found if f["id"] == kind or f["id"].startswith(f"{kind}:")]
        # What could be resolved comes first; a flip that did not happen is no headline.
        of_kind = [f for f in of_kind if kind != "flip" or f["verdict"] in RESOLVED]
        if kind == "leader" and chosen:
            continue
        of_kind.sort(key=lambda f: f["id"] != kind and f["verdict"] not in RESOLVED)
        chosen += of_kind[:1]
    for place, finding in enumerate(chosen[:HEADLINES], start=1):
        finding["headline"] = place
    return sorted(found, key=lambda f: f["headline"] or math.inf)
