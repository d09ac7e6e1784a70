"""What became of every cell: counts that add up, and cards for what failed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from optbench.core.commands import optbench_command
from optbench.core.status import DIVERGED, OK, STATUSES, Status, status_of
from optbench.core.words import count, listing, number, shortened
from optbench.report.page.context import Content
from optbench.report.page.text import rerun_command, scrub

if TYPE_CHECKING:
    import pandas as pd

    from optbench.report.page.context import PageContext

STRIP_WIDTH: Final = 1000
CELLS_SHOWN: Final = 12

LONGEST_DETAIL: Final = 20_000
"""Characters of a traceback or log that its card holds."""


@dataclass(frozen=True)
class StatusCount:
    """A status with its count and its place in the strip.

    Attributes:
        status: one of `optbench.core.status.STATUSES`.
        count: cells.
        shown: the count as text.
        x: where its bar begins, of `STRIP_WIDTH`.
        width: of its bar; a status that occurs is always visible.
    """

    status: Status
    count: int
    shown: str
    x: float
    width: float


@dataclass(frozen=True)
class Completeness:
    """The completeness line.

    Attributes:
        expected: cells planned; the sum of all counts.
        parts: one a status, in the order of `STATUSES`.
        sentence: the sum in words.
        rerun: the command that repeats what failed; "" where nothing did.
    """

    expected: int
    parts: tuple[StatusCount, ...]
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
        detail_name: what the detail is; "" where it says no more than the reason.
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
    detail_name: str


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
    return Content(CompletenessSection(status_counts(runs, page.name), failures(runs, page.name)))


def status_counts(runs: pd.DataFrame, study: str) -> Completeness:
    """Return the counts by status; an unknown status counts as an error."""
    counts = dict.fromkeys(STATUSES, 0)
    for name in runs["status"]:
        counts[status_of(str(name))] += 1
    expected = len(runs)
    least = 6.0
    shares = {s: max(STRIP_WIDTH * c / max(expected, 1), least if c else 0.0) for s, c in counts.items()}
    scale = STRIP_WIDTH / (sum(shares.values()) or 1.0)
    parts, x = [], 0.0
    for status, cells in counts.items():
        width = shares[status] * scale
        parts.append(StatusCount(status, cells, number(cells), round(x, 1), round(width, 1)))
        x += width
    sum_of_parts = " + ".join(f"{number(cells)} {status.name}" for status, cells in counts.items())
    sentence = f"{number(expected)} expected = {sum_of_parts}"
    # A run that diverged would diverge again: it is a result and no failure to repeat.
    failed = any(cells for status, cells in counts.items() if status.failed)
    rerun = optbench_command("rerun", study, options=("--failed",)) if failed else ""
    return Completeness(expected, tuple(parts), sentence, rerun)


def failures(runs: pd.DataFrame, study: str) -> tuple[Failure, ...]:
    """Return one card for every different ending of cells that are not ok, the most frequent first."""
    failed = runs[runs["status"] != OK.name].assign(error=lambda t: t["error"].fillna("").astype(str))
    cards = []
    for (name, error), group in failed.groupby(["status", "error"], sort=False):
        status = status_of(str(name))
        detail = shortened(scrub(str(error)).strip(), LONGEST_DETAIL, "tables/runs.csv has them")
        last_line = detail.splitlines()[-1] if detail else status.text
        cells = tuple(
            (str(cell), number(_last_finite(str(name), float(steps))), rerun_command(study, str(cell)))
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
                status=str(name),
                glyph=status.glyph,
                reason=last_line[:200],
                count=len(group),
                cells=cells,
                names=tuple(str(cell) for cell in group["cell"]),
                rest=rest,
                detail=detail,
                detail_name="" if detail in ("", last_line) else status.detail,
            )
        )
    cards.sort(key=lambda card: (status_of(card.status).card_order, -card.count))
    return tuple(replace(card, id=f"f-{index}") for index, card in enumerate(cards))


def _last_finite(status: str, steps: float) -> float:
    """The last step with a finite loss: a run that diverged records the step at which it did as its last."""
    return max(steps - 1, 0) if status == DIVERGED.name else steps
