"""What lies where a trace or a timing belongs, for whoever only looks: one truth for every command."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from optbench.cells.paths import check_complete
from optbench.cells.trace import OF_A_TRACE, check_facts, read_facts
from optbench.core.errors import CorruptFileError
from optbench.core.status import MISSING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CORRUPT: Final = "corrupt"
"""What is said instead of a status where a file is there that does not hold what was written into it."""

UNREADABLE: Final = "unreadable"
"""The same where nobody knows what it holds: such a file stays, and counts as there."""


@dataclass(frozen=True)
class Look:
    """What lies at a path.

    Attributes:
        status: that of the trace, `missing`, `corrupt` or `unreadable`; "" of a timing, which has none.
        problem: what is wrong, in one line that names the file; "" where nothing is.
        facts: of the trace or timing, empty where none can be had.
        times: the trace's times, likewise.
    """

    status: str
    problem: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    times: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether it is a whole trace, or timing, of what its name says."""
        return bool(self.facts)


def look_at(path: Path, kinds: Mapping[str, type] = OF_A_TRACE) -> Look:
    """What lies where a trace, or a timing, belongs; renames nothing and never raises for what lies there.

    Args:
        path: where.
        kinds: what it must say; `optbench.cells.timing_file.OF_A_TIMING` for a timing.
    """
    try:
        check_complete(path)
        facts, times = read_facts(path)
        check_facts(path, facts, kinds)
    except FileNotFoundError:
        return Look(MISSING.name)
    except CorruptFileError as problem:
        return Look(CORRUPT, str(problem))
    except OSError as problem:
        return Look(UNREADABLE, f"{path} cannot be read ({problem.strerror})")
    return Look(str(facts.get("status", "")), "", facts, times)
