"""Telling what the oracle found: a table for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optbench.cli.output import plain
from optbench.core.words import number

if TYPE_CHECKING:
    from pathlib import Path

WORDS_WIDTH = 120
"""Columns of a terminal from which on the quantity stands beside its name."""

EXIT_FACTS_DIFFER = 1
"""Exit status where a fact differs or was not measured: no mistake of the user's, which is 2."""


def print_oracle(results: Path) -> int:
    """Compares, writes tables/oracle, prints predicted beside measured; returns how many facts failed."""
    from rich.box import SIMPLE  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    from optbench.theory.oracle.table import AGREES, write_oracle  # noqa: PLC0415

    found = write_oracle(results / "tables")
    console = Console()
    words = console.width >= WORDS_WIDTH
    for topic, rows in found.groupby("topic", sort=False):
        table = Table(title=plain(topic), title_justify="left", box=SIMPLE, pad_edge=False)
        table.add_column("fact", no_wrap=True)
        if words:
            table.add_column("what")
        for head in ("predicted", "measured", "tolerance"):
            table.add_column(head, justify="right", no_wrap=True)
        table.add_column("verdict", no_wrap=True)
        for _, row in rows.iterrows():
            fine = row["verdict"] == AGREES
            numbers = (number(row[key], 6) for key in ("predicted", "measured"))
            table.add_row(
                plain(row["fact"]),
                *([plain(row["what"])] if words else []),
                *numbers,
                number(row["tolerance"], 1),
                f"[{'green' if fine else 'bold red'}]{plain(row['verdict'])}[/]",
            )
        console.print(table)
    failed = found.loc[found["verdict"] != AGREES, "fact"].tolist()
    for _, row in found[found["note"] != ""].iterrows():
        console.print(plain(f"{row['fact']}: {row['note']}"), highlight=False)
    console.print(
        f"{len(found) - len(failed)} of {len(found)} facts agree"
        + (f"; not: {plain(', '.join(map(str, failed)))}" if failed else ""),
        highlight=False,
    )
    return len(failed)
