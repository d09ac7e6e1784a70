"""The textbook's claims as the page tells them: a table with a sign for each verdict."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from optbench.core.words import count, listing, power
from optbench.theory.textbook.file import UNMEASURED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CLAIM_GLYPHS: Final = {"supported": "✓", "refuted": "✕", "inconclusive": "?"}

_EXPONENT: Final = re.compile(r"(?<=\d)e([+-])0*(\d+)\b")


@dataclass(frozen=True)
class ClaimRow:
    """A row of the table.

    Attributes:
        id: A1 ... E4.
        text: the claim.
        verdict: supported, refuted or inconclusive.
        glyph: its sign.
        predicted: what the claim says of the cells.
        measured: what came out.
        condition: under which condition it holds, or "".
        test: how the verdict was reached.
        figure: id of its figure in the page, or "".
        title: of that figure.
    """

    id: str
    text: str
    verdict: str
    glyph: str
    predicted: str
    measured: str
    condition: str
    test: str
    figure: str
    title: str


@dataclass(frozen=True)
class Claims:
    """The table of claims.

    Attributes:
        lead: how many hold, in a sentence.
        rows: one a claim that was measured, in the textbook's order.
        rest: which claims the study has no cells for, in a sentence; "" for none.
    """

    lead: str
    rows: tuple[ClaimRow, ...]
    rest: str


def claims(found: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> Claims | None:
    """Return the table of claims, None where the study has cells of none.

    Args:
        found: claims.json.
        titles: figures of the page by id; a claim whose figure was not drawn links to none.
    """
    if not found:
        return None
    judged = [claim for claim in found if not str(claim["measured"]).startswith(UNMEASURED)]
    rows = tuple(
        ClaimRow(
            id=str(claim["id"]),
            text=prose(claim["text"]),
            verdict=str(claim["verdict"]),
            glyph=CLAIM_GLYPHS[str(claim["verdict"])],
            predicted=prose(claim["predicted"]),
            measured=prose(claim["measured"]),
            condition=prose(claim["condition"]),
            test=prose(claim["test"]),
            figure=str(claim["figure"]) if claim["figure"] in titles else "",
            title=titles.get(str(claim["figure"]), ""),
        )
        for claim in judged
    )
    counts = {verdict: [row.id for row in rows if row.verdict == verdict] for verdict in CLAIM_GLYPHS}
    said = [
        f"{len(ids)} {verdict}" + (f" ({listing(ids, most=len(ids))})" if verdict != "supported" else "")
        for verdict, ids in counts.items()
        if ids
    ]
    missing = [str(claim["id"]) for claim in found if claim not in judged]
    rest = (
        f"{listing(missing, most=len(missing))} {'is' if len(missing) == 1 else 'are'} not judged here: this "
        "study lacks some of the cells that they are about. config/textbook.yaml has those of all claims, "
        "tables/claims.json says what is missing."
        if missing
        else ""
    )
    lead = f"Of {count(len(rows), 'claim')}: {', '.join(said)}." if rows else ""
    return Claims(lead, rows, rest)


def prose(text: str) -> str:
    """Return a sentence with its numbers as the page writes them: `3.6e-04` becomes `3.6×10⁻⁴`."""
    return _EXPONENT.sub(lambda found: power(int("".join(found.groups()))), str(text)).replace("<-", "←")
