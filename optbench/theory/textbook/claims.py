"""The textbook's claims, each checked against a study's tables: claims.json."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from optbench.core.files import write_text
from optbench.theory.textbook import family, momentum, ravine, regimes, regression
from optbench.theory.textbook.decay import DECAY
from optbench.theory.textbook.evidence import UnfinishedError, find_cells, read_tables
from optbench.theory.textbook.file import FILE, UNMEASURED
from optbench.theory.textbook.verdict import INCONCLUSIVE, finite, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from optbench.theory.textbook.evidence import Tables
    from optbench.theory.textbook.verdict import Claim

CLAIMS: tuple[Claim, ...] = (
    *momentum.CLAIMS,
    *regimes.CLAIMS,
    *family.CLAIMS,
    ravine.ZIG_ZAG,
    momentum.AGREEMENT,
    DECAY,
    *ravine.CLAIMS,
    *regression.CLAIMS,
)
"""A1 ... E4, in order."""


def write_claims(results: Path) -> list[dict[str, Any]]:
    """Writes results/<study>/tables/claims.json; see `check_claims` for what is in it."""
    tables = results / "tables"
    found = check_claims(read_tables(tables))
    write_text(tables / FILE, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return found


def check_claims(tables: Tables, claims: Sequence[Claim] = CLAIMS) -> list[dict[str, Any]]:
    """Every claim of which the study plans at least one cell, with its verdict.

    Returns:
        Dicts with id, text, predicted, measured, verdict (supported, refuted, inconclusive), figure (an id
        of figures.json or ""), condition, test, source, values (the measured numbers, null where one is not
        finite), p and n (of every paired test) and rows (the cells looked at).
    """
    found = (_check(tables, claim) for claim in claims)
    return [one for one in found if one is not None]


def _check(tables: Tables, claim: Claim) -> dict[str, Any] | None:
    needed = {name: find_cells(tables, need) for name, need in claim.needs.items()}
    cells = {name: found for name, found in needed.items() if found is not None}
    if not cells:
        return None
    wanted = {name: find_cells(tables, need) for name, need in claim.wants.items()}
    cells |= {name: found for name, found in wanted.items() if found is not None and len(found.trained)}
    result: dict[str, Any] = {
        "id": claim.id,
        "text": claim.text,
        "predicted": claim.predicted,
        "measured": "",
        "verdict": INCONCLUSIVE,
        "figure": "",
        "condition": "",
        "test": claim.test,
        "source": claim.source,
        "values": {},
        "tests": [],
        "rows": sorted({str(cell) for found in cells.values() for cell in found.runs["cell"]}),
    }
    absent = [name for name, found in needed.items() if found is None]
    if absent:
        return result | {"measured": f"{UNMEASURED} the study has no cells for {', '.join(absent)}"}
    try:
        outcome = claim.check(cells)
    except UnfinishedError as reason:
        return result | {"measured": f"not measured: {reason}"}
    return result | {
        "measured": "; ".join(part.said for part in outcome.parts),
        "verdict": verdict(outcome.parts),
        "figure": outcome.figure,
        "condition": outcome.condition,
        "values": finite(outcome.values),
        "tests": [{"p": part.p, "n": part.n} for part in outcome.parts if part.n],
    }
