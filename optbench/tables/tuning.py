"""From trials to the tuning table: a part of the `collect` stage."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pandas as pd

from optbench.cells.search import first_grid, read_choice, searches_of
from optbench.cells.trials import trial_row
from optbench.core.errors import CorruptFileError
from optbench.core.files import write_table

if TYPE_CHECKING:
    from optbench.cells.search import Search
    from optbench.study.study import Study

TUNING_COLUMNS: dict[str, str] = {
    "workload": "str",
    "optimizer": "str",
    "schedule": "str",
    "lr": "float64",
    "seed": "int64",
    "status": "str",
    "val_loss": "float64",
    "selected": "bool",
    "at_edge": "bool",
    "settings": "str",
    "in_first_grid": "bool",
    "initial_val_loss": "float64",
    "path": "str",
}
"""Columns of the tuning table with their types (docs/reference/tables.md#tuning says what they hold)."""


def collect_tuning(study: Study) -> None:
    """Writes tables/tuning (parquet, csv): a row a trial, in the study's order, by learning rate and seed.

    A study that tunes nothing has an empty table.
    """
    folder = study.results / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    write_table(tuning_table(study), folder / "tuning")


def tuning_table(study: Study) -> pd.DataFrame:
    """The trials of a study.

    A search that has made no choice stands there with the trials of its first grid, `missing` where there is
    none yet.
    """
    rows = [row for search in (searches_of(study) if study.tuning else []) for row in _rows(search)]
    return pd.DataFrame(rows, columns=list(TUNING_COLUMNS)).astype(TUNING_COLUMNS)


def _rows(search: Search) -> list[dict[str, Any]]:
    try:
        choice = read_choice(search.path)
    except CorruptFileError as problem:
        print(f"optbench: {problem}; the next run makes it anew", file=sys.stderr)  # noqa: T201
        choice = None
    places = first_grid(search.tuning)
    if choice is None:
        trials = [trial_row(search, place, seed) for place in places for seed in search.tuning.seeds]
        chosen = None
    else:
        trials, chosen = choice["trials"], (choice["lr"], choice["settings"])
    first = {search.lr(place) for place in places}
    cell = search.cell
    return [
        {
            **trial,
            "workload": cell.workload.name,
            "optimizer": cell.optimizer.name,
            "schedule": cell.schedule.name,
            "selected": (trial["lr"], trial["settings"]) == chosen,
            "at_edge": choice is not None and choice["at_edge"],
            "settings": json.dumps(trial["settings"], sort_keys=True) if trial["settings"] else "",
            "in_first_grid": trial["lr"] in first,
        }
        for trial in trials
    ]
