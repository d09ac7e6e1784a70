"""The `tune` stage: tries learning rates and writes down which one the evaluation cells train with.

A search tries its whole grid with all its seeds, then grows the grid by a decade wherever the best candidate
lies on its edge, up to the bound. Every trial is a cell of its own, supervised and kept like any other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, isinf
from typing import TYPE_CHECKING, Any

from optbench.cells.cell import CellSpec
from optbench.cells.paths import is_complete, trace_path
from optbench.cells.search import best_of, first_grid, is_at_edge, score, wider, with_choice
from optbench.cells.trace import cell_facts, read_trace
from optbench.cells.trials import trial_row
from optbench.core.checksums import with_checksum
from optbench.core.files import write_if_changed
from optbench.core.status import OUTCOMES
from optbench.running.plan import left_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from optbench.cells.cell import CellSpec
    from optbench.cells.search import Search

    Train = Callable[[Sequence[CellSpec], Sequence[CellSpec]], object]


@dataclass
class _Open:
    """A search that goes on, with the places it has tried or is about to."""

    search: Search
    grid: range


def tune(searches: Iterable[Search], train: Train, *, again: bool = False) -> None:
    """Runs searches side by side and writes each one's choice; a trial that is finished is not repeated.

    All of them go through their grid together, so that the processes that train are busy to the end of it.

    Args:
        searches: what to search.
        train: called once a round with the trials to train and all trials of the round; it writes a trace for
            each of the former, whatever becomes of it.
        again: train finished trials again too.
    """
    going = [_Open(search, first_grid(search.tuning)) for search in searches]
    trained: set[Path] = set()
    while going:
        trials = [trial for one in going for trial in one.search.trials(one.grid)]
        paths = [trace_path(trial) for trial in trials]
        unfinished = set(left_of(paths))
        left = [
            trial
            for trial, path in zip(trials, paths, strict=True)
            if (again and path not in trained) or path in unfinished
        ]
        trained.update(map(trace_path, left))
        train(left, trials)
        still = []
        for one in going:
            rows = {place: _rows(one.search, place) for place in one.grid}
            grid = _next(one, rows)
            if grid is not None:
                still.append(_Open(one.search, grid))
            else:
                _choose(one, rows)
        going = still


def drop_stale(cells: Iterable[CellSpec]) -> list[CellSpec]:
    """Deletes the traces of tuned cells that were trained with another choice than the present one.

    That happens where trials came out differently the second time: repeated on another machine, say, or after
    one had run out of memory.

    Args:
        cells: evaluation cells.

    Returns:
        Those whose trace was deleted.
    """
    dropped = []
    for cell in cells:
        path = trace_path(cell)
        if cell.tuning is None or not is_complete(path):
            continue
        facts, chosen = read_trace(path).facts, cell_facts(with_choice(cell))
        if any(_as_json(facts[key]) != _as_json(chosen[key]) for key in ("lr", "settings")):
            path.unlink()
            dropped.append(cell)
    return dropped


def _as_json(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _rows(search: Search, place: int) -> list[dict[str, Any]]:
    return [trial_row(search, place, seed) for seed in search.tuning.seeds]


def _best(rows: dict[int, list[dict[str, Any]]]) -> int:
    return best_of({place: _losses(trials) for place, trials in rows.items()})


def _losses(trials: list[dict[str, Any]]) -> list[float]:
    return [inf if trial["val_loss"] is None else trial["val_loss"] for trial in trials]


def _next(one: _Open, rows: dict[int, list[dict[str, Any]]]) -> range | None:
    if not any(trial["status"] in OUTCOMES for trials in rows.values() for trial in trials):
        return None  # what fails at every rate for another reason than the rate is not mended by another rate
    return wider(one.search.tuning, one.grid, _best(rows), len(one.search.combinations))


def _choose(one: _Open, rows: dict[int, list[dict[str, Any]]]) -> None:
    place = _best(rows)
    found = score(_losses(rows[place]))
    choice = {
        "search": one.search.name,
        "identity": one.search.identity,
        "lr": one.search.lr(place),
        "settings": one.search.settings(place),
        "at_edge": is_at_edge(one.grid, place, len(one.search.combinations)),
        "failed": isinf(found),
        "score": None if isinf(found) else found,
        "trials": [trial for trials in rows.values() for trial in trials],
    }
    write_if_changed(one.search.path, json.dumps(with_checksum(choice), indent=1) + "\n")
