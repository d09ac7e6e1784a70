"""A study's verdict on the terminal: its findings and the ranking, from the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from optbench.cli.output import plain
from optbench.core.errors import UserError
from optbench.core.words import NONE, interval, number
from optbench.findings.recommended import NAME, recommended

if TYPE_CHECKING:
    from pathlib import Path

    from rich.table import Table

MOST_ROWS = 12
"""Rows of a ranking that the terminal shows."""


def show_verdict(results: Path) -> None:
    """Prints the findings and the rankings of a result folder.

    Raises:
        UserError: it has no findings yet.
    """
    from rich.console import Console  # noqa: PLC0415

    from optbench.tables.read import read_frame, read_values  # noqa: PLC0415

    tables = results / "tables"
    if not (tables / "findings.json").exists():
        raise UserError(f"{results} has no findings: run the study, or 'optbench summarize {results}'")
    findings = read_values(tables / "findings.json", list)
    facts = read_values(tables / "study.json")
    ranking = read_frame(tables / "ranking.parquet")
    runs = read_frame(tables / "runs.parquet", columns=["status"])["status"].value_counts()
    console = Console()
    console.print(plain(facts.get("title") or results.name), style="bold")
    if facts.get("question"):
        console.print(plain(facts["question"], lines=True), highlight=False)
    counts = " + ".join(f"{count} {status}" for status, count in runs.sort_index().items())
    console.print(plain(f"{runs.sum()} expected = {counts}"), highlight=False)
    for finding in findings:
        if finding["headline"] and not finding["id"].startswith(NAME):
            console.print(plain(f"\n{finding['headline']}. {finding['claim']}", lines=True), highlight=False)
    console.print()
    for line in recommended(tables):
        console.print(line, highlight=False, markup=False)
    losses = ranking[ranking["metric"] == "final_val_loss"]
    for workload, rows in losses.groupby("workload", sort=False):
        console.print()
        console.print(_ranking(str(workload), rows.to_dict("records"), facts))  # type: ignore[arg-type]
    console.print(
        "Verdicts: against the first. The page and tables/findings.json have the rest.", style="dim"
    )


def _ranking(workload: str, rows: list[dict[str, Any]], facts: dict[str, Any]) -> Table:
    from rich.table import Table  # noqa: PLC0415

    quantity = "ratio to the reference" if rows[0]["quantity"] == "ratio" else "loss"
    title = _label(facts, "workloads", workload) if workload else "Over all workloads that they share"
    table = Table(title=plain(title), title_justify="left")
    for head in ("group", "optimizer", "schedule"):
        table.add_column(head)
    for head in (quantity, "95% interval", "ok/n"):
        table.add_column(head, justify="right")
    table.add_column("verdict")
    for row in rows[:MOST_ROWS]:
        table.add_row(
            plain(row["group"] or NONE),
            plain(_label(facts, "optimizers", row["optimizer"])),
            plain(_label(facts, "schedules", row["schedule"])),
            plain(number(row["estimate"])),
            plain(interval(row["low"], row["high"]) or NONE),
            plain(f"{row['n_ok']}/{row['n']}"),
            plain(_verdict(row)),
            style="bold" if row["group"] == 1 else "",
        )
    if len(rows) > MOST_ROWS:
        table.caption = f"and {len(rows) - MOST_ROWS} more"
    return table


def _verdict(row: dict[str, Any]) -> str:
    if row["leader"]:
        return "first"
    return plain(str(row["against_leader"] or "-"))


def _label(facts: dict[str, Any], kind: str, name: str) -> str:
    return str(((facts.get(kind) or {}).get(name) or {}).get("label") or name)
