"""What the tables of a study hold, and which file of a folder, which may be anybody's, does not hold it.

Reading and drawing trust what they read. Where they then fail, this finds out whose fault that is: it names
the file and its key or column, or nothing, and then the fault is one of optbench's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from optbench.core.errors import CorruptFileError
from optbench.core.text import shown
from optbench.tables.curves import CURVE_SCHEMA
from optbench.tables.read import read_frame, read_values
from optbench.tables.timing import TIMING_COLUMNS
from optbench.tables.tuning import TUNING_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_NAMES: Final = {
    **dict.fromkeys(("workload", "least_workload", "most_workload"), "workloads"),
    **dict.fromkeys(("optimizer", "a", "b", "against_optimizer", "leader_optimizer"), "optimizers"),
    **dict.fromkeys(
        ("schedule", "schedule_a", "schedule_b", "against_schedule", "leader_schedule"), "schedules"
    ),
}
"""Columns whose words are names of the study, or empty, by their kind in study.json; the kind of every column
is looked at when a table is read."""

_COMBINATION: Final = ("workload", "optimizer", "schedule")
_ESTIMATE: Final = ("estimate", "low", "high")

_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "runs": ("cell", *_COMBINATION, "lr", "seed", "status", "steps", "final_val_loss", "error"),
    "curves": tuple(CURVE_SCHEMA.names),
    "timing": TIMING_COLUMNS,
    "tuning": tuple(TUNING_COLUMNS),
    "summary": (*_COMBINATION, "metric", "n", "n_ok", *_ESTIMATE),
    "convergence": (*_COMBINATION, "split", "metric", "step", "median", "low", "high"),
    "comparisons": ("workload", "a", "b", "metric", "n", "low", "high", "verdict"),
    "ranking": (*_COMBINATION, "metric", "place", *_ESTIMATE),
    "ratios": ("kind", *_COMBINATION, *_ESTIMATE),
}
"""Columns that a table must have, of an earlier version too; those of the others are what they are."""

_ENTRIES: Final = {"label": str, "factory": str}

_STUDY: Final[Mapping[str, type]] = {
    **dict.fromkeys(("study", "title", "question", "config_path", "config_text"), str),
    **dict.fromkeys(("report", "workloads", "optimizers", "schedules", "datasets", "provenance"), dict),
    "seeds": list,
}
"""What study.json must say, and of which kind."""

_LISTS: Final[Mapping[str, Mapping[str, type]]] = {
    "findings.json": {**dict.fromkeys(("id", "section", "claim", "verdict"), str), "rows": list},
    "claims.json": dict.fromkeys(("id", "text", "predicted", "verdict"), str),
}
"""The same of each entry of the files that are lists."""


def what_is_wrong(results: Path) -> CorruptFileError | None:
    """The first file of a result folder's tables that is not as optbench writes it; None where all are.

    Args:
        results: the folder.
    """
    try:
        return next(_problems(results / "tables"), None)
    except CorruptFileError as problem:
        return problem


def _problems(tables: Path) -> Iterator[CorruptFileError]:
    facts: dict[str, Any] = {}
    if (tables / "study.json").exists():
        facts = read_values(tables / "study.json")
        yield from _of_study(tables / "study.json", facts)
    for name, kinds in _LISTS.items():
        file = tables / name
        for place, entry in enumerate(read_values(file, list) if file.exists() else ()):
            yield from _of_entry(file, f"[{place}]", entry, kinds)
    for file in sorted(tables.glob("*.parquet")):
        yield from _of_table(file, read_frame(file), facts)


def _of_study(file: Path, facts: dict[str, Any]) -> Iterator[CorruptFileError]:
    yield from _of_entry(file, "", facts, _STUDY)
    for kind in ("workloads", "optimizers", "schedules"):
        for name, entry in facts[kind].items():
            yield from _of_entry(file, f"{kind}.{name}", entry, _ENTRIES)
    for name, entry in facts["datasets"].items():
        yield from _of_entry(file, f"datasets.{name}", entry, {})


def _of_entry(file: Path, place: str, entry: object, kinds: Mapping[str, type]) -> Iterator[CorruptFileError]:
    """What is wrong with one mapping of a JSON file."""
    if not isinstance(entry, dict):
        yield _not_ours(file, f"{place} must be a mapping; got {shown(entry)}")
        return
    for key, kind in kinds.items():
        at = f"{place}.{key}".removeprefix(".")
        if key not in entry:
            yield _not_ours(file, f"{at} is not there")
        elif not isinstance(entry[key], kind):
            yield _not_ours(file, f"{at} must be {_KINDS[kind]}; got {shown(entry[key])}")


_KINDS: Final[Mapping[type, str]] = {str: "a text", dict: "a mapping", list: "a list"}


def _of_table(file: Path, table: pd.DataFrame, facts: dict[str, Any]) -> Iterator[CorruptFileError]:
    for column in _COLUMNS.get(file.stem, ()):
        if column not in table:
            yield _not_ours(file, f"it has no column {column!r}")
    for column in sorted(set(table.columns) & set(_NAMES)):
        known = facts.get(_NAMES[column], {})
        for word in table[column].dropna().unique().tolist():
            if facts and word not in known and word:
                yield _not_ours(file, f"the column {column!r} names {shown(word)}, which study.json does not")
    if file.stem == "runs":
        for row in table[["cell", *_COMBINATION, "seed"]].to_dict("records"):
            name = "/".join(str(row[key]) for key in (*_COMBINATION, "seed"))
            if row["cell"] != name:
                yield _not_ours(file, f"the column 'cell' says {shown(row['cell'])} of {shown(name)}")


def _not_ours(file: Path, why: str) -> CorruptFileError:
    return CorruptFileError(file, f"is not as optbench writes it: {why}")
