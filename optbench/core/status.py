"""What can become of a cell, declared once: names, texts, signs and what code asks of each.

Standard library only. A status is one entry of `STATUSES`; whoever counts, lists, colours or ranks cells
reads that table, so a new one is a line here (and the code that gives it to a cell).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class Status:
    """What became of a cell.

    Attributes:
        name: as traces and tables hold it.
        text: what it means, for the page.
        glyph: its sign, one character.
        tone: its colour in the page: a name among `optbench.report.page`'s palette (good, warn, bad, soft).
        hatch: marks over that colour in a tile of 8 by 8, as the data of an SVG path that is filled; "" for
            none. No two statuses share tone and hatch, so that the strip can be read without colour.
        card_order: place of its cards among those of cells that did not end ok.
        outcome: whether the training came to it by itself, `ok` or not: such a run is evidence and is not
            repeated. What is neither an outcome nor missing has failed.
        ran: whether there is a trace.
        repeatable: whether training the cell again must come to the same, whatever else the machine does.
        detail: what the text is that a trace keeps as `error`, "" where it says no more than `text`.
    """

    name: str
    text: str
    glyph: str
    tone: Literal["good", "warn", "bad", "soft"]
    hatch: str
    card_order: int
    outcome: bool
    ran: bool = True
    repeatable: bool = True
    detail: str = ""

    @property
    def failed(self) -> bool:
        """Whether it ended by what is no property of the run; `optbench rerun --failed` repeats it."""
        return self.ran and not self.outcome


OK: Final = Status("ok", "trained to the end of its budget", "✓", "good", "", card_order=5, outcome=True)
DIVERGED: Final = Status(
    "diverged",
    "the loss or a weight stopped being finite; the curve is kept up to there",
    "↗",
    "warn",
    "M0 0H3L8 5V8ZM0 5V8H3Z",
    card_order=3,
    outcome=True,
    detail="end of its log",
)
ERROR: Final = Status(
    "error",
    "an exception in the optimizer, schedule or workload; the traceback stands below",
    "✕",
    "bad",
    "M0 1L1 0L4 3L7 0L8 1L5 4L8 7L7 8L4 5L1 8L0 7L3 4Z",
    card_order=0,
    outcome=False,
    detail="traceback",
)
KILLED: Final = Status(
    "killed",
    "the process was ended from outside (out of memory, a crash)",
    "■",
    "bad",
    "M0 0H2.7V8H0Z",
    card_order=1,
    outcome=False,
    repeatable=False,
    detail="end of its log",
)
TIMEOUT: Final = Status(
    "timeout",
    "ran past the study's limit for one cell",
    "◷",
    "warn",
    "M0 0H8V2.7H0Z",
    card_order=2,
    outcome=False,
    repeatable=False,
    detail="end of its log",
)
MISSING: Final = Status(
    "missing",
    "planned, but no whole trace is there",
    "○",
    "soft",
    "M2.6 4A1.4 1.4 0 0 0 5.4 4A1.4 1.4 0 0 0 2.6 4Z",
    card_order=4,
    outcome=False,
    ran=False,
)

STATUSES: Final = (OK, DIVERGED, ERROR, KILLED, TIMEOUT, MISSING)
"""Every status, in the order of legends and counts."""

OUTCOMES: Final = frozenset(status.name for status in STATUSES if status.outcome)
"""Names of those that a run came to by itself: evidence, and a result to rank."""

FAILED: Final = frozenset(status.name for status in STATUSES if status.failed)
"""Names of those that are counted as failures and repeated by `rerun --failed`."""

REPEATABLE: Final = frozenset(status.name for status in STATUSES if status.ran and status.repeatable)
"""Names of those that a repetition must come to again."""


def status_of(name: str) -> Status:
    """The status of this name; `ERROR` for one that this version does not know."""
    return next((status for status in STATUSES if status.name == name), ERROR)
