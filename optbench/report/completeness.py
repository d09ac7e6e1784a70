"""What became of every cell: counts that add up, and cards for what failed."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from optbench.phrases import count, listing
from optbench.report.context import Content
from optbench.report.text import number, rerun_command, scrub
from optbench.spec import STATUSES

if TYPE_CHECKING:
    import pandas as pd

    from optbench.report.context import PageContext

ALL_STATUSES: Final = (*STATUSES, "missing")
GLYPHS: Final = {"ok": "✓", "diverged": "↗", "error": "✕", "killed": "■", "timeout": "◷", "missing": "○"}
MEANINGS: Final = {
    "ok": "trained to the end of its budget",
    "diverged": "the loss or a weight stopped being finite; the curve is kept up to there",
    "error": "an exception in the optimizer, schedule or workload; the traceback stands below",
    "killed": "the process was ended from outside (out of memory, a crash)",
    "timeout": "ran past the study's limit for one cell",
    "missing": "planned, but no whole trace is there",
}
STRIP_WIDTH: Final = 1000
CELLS_SHOWN: Final = 12


@dataclass(frozen=True)
class Part:
    """A status with its count and its place in the strip.

    Attributes:
        status: one of `ALL_STATUSES`.
        glyph: its sign.
        meaning: a sentence's worth.
        count: cells.
        shown: the count as text.
        x: where its bar begins, of `STRIP_WIDTH`.
        width: of its bar; a status that occurs is always visible.
    """

    status: str
    glyph: str
    meaning: str
    count: int
    shown: str
    x: float
    width: float


@dataclass(frozen=True)
class Completeness:
    """The completeness line.

    Attributes:
        expected: cells planned; the sum of all counts.
        parts: one a status, in the order of `ALL_STATUSES`.
        sentence: the sum in words.
        rerun: the command that repeats what failed; "" where nothing did.
    """

    expected: int
    parts: tuple[Part, ...]
    sentence: str
    rerun: str


@dataclass(frozen=True)
class Failure:
    """Cells that ended alike.

    Attributes:
        id: of the card.
        status: theirs.
        glyph: its sign.
        reason: the last line of the error, or what the status means.
        count: how many cells.
        cells: (name, last finite step, rerun command) of the first few.
        names: of all of them.
        rest: a sentence on those not listed, or "".
        detail: traceback or log tail, home folders scrubbed; "" where there is none.
        told: what the detail is; "" where it says no more than the reason.
    """

    id: str
    status: str
    glyph: str
    reason: str
    count: int
    cells: tuple[tuple[str, str, str], ...]
    names: tuple[str, ...]
    rest: str
    detail: str
    told: str


@dataclass(frozen=True)
class CompletenessSection:
    """The Completeness section.

    Attributes:
        counts: by status.
        failures: a card for every different bad ending.
    """

    counts: Completeness
    failures: tuple[Failure, ...]


def section(page: PageContext) -> Content:
    """Return the section."""
    runs = page.study.runs
    return Content(CompletenessSection(completeness(runs, page.name), failures(runs, page.name)))


def completeness(runs: pd.DataFrame, study: str) -> Completeness:
    """Return the counts by status; an unknown status counts as an error."""
    counts = dict.fromkeys(ALL_STATUSES, 0)
    for status in runs["status"]:
        counts[status if status in counts else "error"] += 1
    expected = len(runs)
    least = 6.0
    shares = {s: max(STRIP_WIDTH * c / max(expected, 1), least if c else 0.0) for s, c in counts.items()}
    scale = STRIP_WIDTH / (sum(shares.values()) or 1.0)
    parts, x = [], 0.0
    for status, cells in counts.items():
        width = shares[status] * scale
        parts.append(
            Part(status, GLYPHS[status], MEANINGS[status], cells, number(cells), round(x, 1), round(width, 1))
        )
        x += width
    sum_of_parts = " + ".join(f"{number(cells)} {status}" for status, cells in counts.items())
    sentence = f"{number(expected)} expected = {sum_of_parts}"
    # A run that diverged would diverge again: it is a result and no failure to repeat.
    failed = any(counts[status] for status in ("error", "killed", "timeout"))
    rerun = f"optbench rerun {shlex.quote(study)} --failed" if failed else ""
    return Completeness(expected, tuple(parts), sentence, rerun)


def failures(runs: pd.DataFrame, study: str) -> tuple[Failure, ...]:
    """Return one card for every different ending of cells that are not ok, the most frequent first."""
    failed = runs[runs["status"] != "ok"].assign(error=lambda t: t["error"].fillna("").astype(str))
    cards = []
    for (status, error), group in failed.groupby(["status", "error"], sort=False):
        detail = scrub(str(error)).strip()
        last_line = detail.splitlines()[-1] if detail else MEANINGS.get(str(status), "")
        cells = tuple(
            (str(cell), number(_last_finite(str(status), float(steps))), rerun_command(study, str(cell)))
            for cell, steps in zip(group["cell"][:CELLS_SHOWN], group["steps"][:CELLS_SHOWN], strict=True)
        )
        rest = ""
        if len(group) > CELLS_SHOWN:
            combinations = sorted({str(c).rsplit("/", 1)[0] for c in group["cell"]})
            rest = (
                f"and {count(len(group) - CELLS_SHOWN, 'cell')} more, all in the cell list; "
                f"they are of {listing(combinations)}."
            )
        cards.append(
            Failure(
                id="",
                status=str(status),
                glyph=GLYPHS.get(str(status), GLYPHS["error"]),
                reason=last_line[:200],
                count=len(group),
                cells=cells,
                names=tuple(str(cell) for cell in group["cell"]),
                rest=rest,
                detail=detail,
                told=_told(str(status), detail, last_line),
            )
        )
    order = {
        status: index for index, status in enumerate(("error", "killed", "timeout", "diverged", "missing"))
    }
    cards.sort(key=lambda card: (order.get(card.status, 0), -card.count))
    return tuple(replace(card, id=f"f-{index}") for index, card in enumerate(cards))


def _told(status: str, detail: str, reason: str) -> str:
    if detail in ("", reason):
        return ""
    return "traceback" if status == "error" else "end of its log"


def _last_finite(status: str, steps: float) -> float:
    """The last step with a finite loss: a run that diverged records the step at which it did as its last."""
    return max(steps - 1, 0) if status == "diverged" else steps
