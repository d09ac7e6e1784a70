"""claims.json, as those read it who do not check claims."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optbench.tables.read import read_values

if TYPE_CHECKING:
    from pathlib import Path

FILE = "claims.json"

UNMEASURED = "not measured:"
"""What the measurement of a claim begins with where a study lacks cells that it is about."""


def read_claims(tables: Path) -> list[dict[str, Any]]:
    """Reads what `optbench.theory.textbook.claims.write_claims` wrote; nothing where there is no file."""
    file = tables / FILE
    found: list[dict[str, Any]] = read_values(file, list) if file.exists() else []
    return found
