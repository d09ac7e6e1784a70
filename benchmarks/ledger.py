"""What the benchmarks found: one machine-readable file, results.json, and the tables of docs/.

Every benchmark prints its rows and records them here under its own name, with the machine, the date and the
command, so that one alone can be run again. `python benchmarks/ledger.py` only writes the tables anew.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from optbench import provenance

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
DOCS = HERE.parent / "docs"


@dataclass(frozen=True)
class Row:
    """One measured quantity.

    Attributes:
        case: what was measured.
        quantity: which number of it.
        value: the number.
        unit: "" for a ratio.
        low: end of an interval, where there is one.
        high: the other end.
        limit: what the number should stay on the right side of, None where nothing is asked.
        side: which side that is.
    """

    case: str
    quantity: str
    value: float
    unit: str = ""
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    side: Literal["at most", "at least"] = "at most"

    @property
    def holds(self) -> bool | None:
        """Whether the number is on the right side; None where nothing is asked."""
        if self.limit is None:
            return None
        return self.value <= self.limit if self.side == "at most" else self.value >= self.limit

    def cells(self) -> tuple[str, str, str, str]:
        """The row as it is printed: case, quantity, value, what was asked for."""
        unit = f" {self.unit}" if self.unit else ""
        value = f"{_number(self.value)}{unit}"
        if self.low is not None and self.high is not None:
            value += f" ({_number(self.low)} to {_number(self.high)})"
        asked = ""
        if self.limit is not None:
            asked = f"{self.side} {_number(self.limit)}{unit}: {'holds' if self.holds else 'does not hold'}"
        return self.case, self.quantity, value, asked


def record(benchmark: str, rows: list[Row], note: str = "") -> None:
    """Prints the rows of a benchmark, keeps them in results.json and writes the tables of the page anew.

    Args:
        benchmark: its name: that of its script.
        rows: what it found.
        note: a sentence on what this run left out or took instead, "" for none.
    """
    for row in rows:
        print("  ".join(word.ljust(width) for word, width in zip(row.cells(), (34, 40, 26, 0), strict=True)))
    found = _read()
    found[benchmark] = {
        "command": " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": provenance.machine(),
        "versions": provenance.versions(),
        "note": note,
        "rows": [asdict(row) for row in rows],
    }
    text = json.dumps(found, indent=1, sort_keys=True, allow_nan=False)
    RESULTS.write_text(f"{text}\n", encoding="utf-8")
    write_pages()


def write_pages() -> None:
    """Puts each table into docs/, between the two marks that wait for it there."""
    tables = {benchmark: _table(found) for benchmark, found in _read().items()}
    for page in sorted(DOCS.rglob("*.md")):
        before = text = page.read_text(encoding="utf-8")
        for benchmark, lines in tables.items():
            mark, end = f"<!-- {benchmark} -->", f"<!-- end of {benchmark} -->"
            pattern = re.compile(f"{re.escape(mark)}.*?{re.escape(end)}", re.DOTALL)
            table = "\n".join([mark, *lines, end])
            text = pattern.sub(lambda _, table=table: table, text)
        if text != before:
            page.write_text(text, encoding="utf-8")


def _read() -> dict[str, dict]:
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}


def _table(found: dict) -> list[str]:
    machine, versions = found["machine"], found["versions"]
    where = (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}; "
        f"Python {versions['python']}, torch {versions['torch']}, snakemake {versions['snakemake']}"
    )
    lines = [f"`{found['command']}`, {found['date']}. {where}.", ""]
    if found["note"]:
        lines[1:1] = ["", found["note"]]
    lines += ["| case | quantity | measured | asked |", "|---|---|---|---|"]
    return lines + [f"| {' | '.join(Row(**row).cells())} |" for row in found["rows"]]


def _number(value: float) -> str:
    """At most three digits that count, thousands kept whole."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"  # noqa: PLR2004


if __name__ == "__main__":
    write_pages()
