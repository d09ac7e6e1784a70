"""What was measured: one machine-readable file, results.json, and the numbers of docs/ that come from it.

Every benchmark prints its rows and records them here under its own name, with the machine, the date and the
command, so that one alone can be run again. A page holds a place for each table, and for a number within a
sentence, between two marks: `<!-- loop -->` and `<!-- end of loop -->`. `python benchmarks/results.py` only
writes these anew; tests/whole/test_docs.py holds the pages against results.json.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from optbench.core import provenance

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
    _keep(benchmark, {"note": note, "rows": [asdict(row) for row in rows]})


def record_table(
    name: str,
    heads: Sequence[str],
    lines: Sequence[Sequence[str]],
    note: str = "",
    said: Mapping[str, str] = {},
) -> None:
    """Prints and keeps a table that has columns of its own, and writes the pages anew.

    Args:
        name: the table's, as in the marks of a page.
        heads: its columns.
        lines: its rows, as text.
        note: a sentence that stands above it, "" for none.
        said: numbers that sentences of the pages quote, by name; `<!-- NAME.KEY -->` is the place of one.
    """
    for line in lines:
        print("  ".join(line))
    for key, text in said.items():
        print(f"{name}.{key}: {text}")
    _keep(
        name, {"note": note, "heads": list(heads), "lines": [list(one) for one in lines], "said": dict(said)}
    )


def _keep(name: str, what: dict) -> None:
    found = _read()
    found[name] = {
        "command": " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": provenance.machine(),
        "versions": provenance.versions(),
        **what,
    }
    text = json.dumps(found, indent=1, sort_keys=True, allow_nan=False)
    RESULTS.write_text(f"{text}\n", encoding="utf-8")
    write_pages()


def places() -> dict[str, str]:
    """What belongs between the marks of each name: a table, or a number within a sentence."""
    found = _read()
    content = {name: "\n".join(["", *_table(one), ""]) for name, one in found.items()}
    content |= {
        f"{name}.{key}": text for name, one in found.items() for key, text in one.get("said", {}).items()
    }
    content |= {name: told(found) for name, told in DERIVED.items()}
    return content


def pages() -> dict[Path, str]:
    """Every page of docs/ with each table and number as results.json has it."""
    contents = places()
    written = {}
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        for name, content in contents.items():
            mark, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
            pattern = re.compile(f"{re.escape(mark)}.*?{re.escape(end)}", re.DOTALL)
            place = f"{mark}{content}{end}"
            text = pattern.sub(lambda _, place=place: place, text)
        written[page] = text
    return written


def write_pages() -> None:
    """Puts each table and number into docs/, between the two marks that wait for it there."""
    for page, text in pages().items():
        if text != page.read_text(encoding="utf-8"):
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
    heads = found.get("heads", ["case", "quantity", "measured", "asked"])
    rows = found["lines"] if "lines" in found else [Row(**row).cells() for row in found["rows"]]
    lines += [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def _values(found: dict, case: str, quantity: str) -> list[float]:
    """The numbers of all rows whose case and quantity hold these words."""
    return [row["value"] for row in found["rows"] if case in row["case"] and quantity in row["quantity"]]


def _batched_gain(found: dict) -> str:
    """The least and the largest gain of training tiny models' seeds together."""
    gains = _values(found["batched"], "", "as one over one at a time")
    large = _values(found["batched"], "MNIST-5k", "as one over one at a time")
    tiny = [gain for gain in gains if gain not in large]
    return f"{min(tiny):.1f} to {max(tiny):.1f} times"


def _adam_step(found: dict) -> str:
    """What a step of Adam takes beside one of SGD, over the repeats."""
    ratios = _values(found["timing_aa"], "", "Adam over SGD")
    return f"{min(ratios):.1f} to {max(ratios):.1f} times"


def _trace_size(found: dict) -> str:
    (megabytes,) = _values(found["scale"], "10,000 cells", "traces")
    return f"{megabytes / 10:.0f} kB"


def _million(found: dict) -> str:
    """What a hundred times the largest measured study would take, in proportion."""
    (megabytes,) = _values(found["scale"], "10,000 cells", "traces")
    (seconds,) = _values(found["scale"], "10,000 cells", "collect + summarize")
    return (
        f"about {megabytes / 10:.0f} GB of traces, and {100 * seconds / 60:.0f} minutes to gather and compare"
    )


DERIVED: dict[str, Callable[[dict], str]] = {
    "batched.gain": _batched_gain,
    "timing_aa.adam": _adam_step,
    "scale.trace": _trace_size,
    "scale.million": _million,
}
"""What sentences say of the tables, by the name of its place."""


def _number(value: float) -> str:
    """At most three digits that count, thousands kept whole."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"  # noqa: PLR2004


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    write_pages()
