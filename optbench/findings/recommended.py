"""The recommendations of a study as lines for a terminal, from findings.json alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from optbench.core.errors import CorruptFileError
from optbench.core.files import read_json
from optbench.core.text import escaped

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = "recommendation"
"""The id of the one over all workloads, and the start of those for one."""


def recommended(tables: Path) -> list[str]:
    """What to use, over all workloads first: one line each, none where nothing was found.

    Args:
        tables: results/<study>/tables.
    """
    try:
        found = read_json(tables / "findings.json", list)
    except (OSError, CorruptFileError):
        return []
    return [
        escaped(str(one["claim"]))
        for one in found
        if isinstance(one, dict) and str(one.get("id", "")).partition(":")[0] == NAME and "claim" in one
    ]
