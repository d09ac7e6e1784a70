"""The `tune` stage: tries learning rates and writes down which one the evaluation cells train with.

A search tries its whole grid with all its seeds, in a race only what can still be chosen, then grows the grid
by a decade wherever the best candidate lies on its edge, up to the bound. Every trial is a cell of its own,
supervised and kept like any other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, isinf
from typing import TYPE_CHECKING, Any

from optbench.cells.cell import CellSpec
from optbench.cells.paths import is_complete, trace_path
from optbench.cells.search import best_of, first_grid, is_at_edge, next_trials, score, wider, with_choice
from optbench.cells.trace import cell_facts, read_trace
from optbench.cells.trials import trial_row
from optbench.core.checksums import with_checksum
from optbench.core.files import write_if_changed
from optbench.core.status import OUTCOMES
from optbench.running.plan import left_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from optbench.cells.cell import CellSpec
    from optbench.cells.search import Search

    Train = Callable[[Sequence[CellSpec], Sequence[CellSpec]], object]


@dataclass
class _Open:
    """A search that goes on, with its grid and the rows of the trials it knows, in the order of the seeds."""

    search: Search
    rows: dict[int, list[dict[str, Any]]]

    def to_try(self) -> list[tuple[int, int]]:
        """Place and tuning seed of each trial to try next; none where the grid is done."""
        seeds = self.search.tuning.seeds
        losses = {place: _losses(rows) for place, rows in self.rows.items()}
        return [(p, seeds[k]) for p, k in next_trials(losses, len(seeds), race=self.search.tuning.race)]

    @property
    def grid(self) -> range:
        return range(min(self.rows), max(self.rows) + 1)

    @property
    def best(self) -> int:
        """The best place of a grid that is done; what left a race is as bad as what failed."""
        count = len(self.search.tuning.seeds)
        losses = {place: _losses(rows) for place, rows in self.rows.items()}
        return best_of({place: [*tried, *[inf] * (count - len(tried))] for place, tried in losses.items()})

    def widen(self) -> bool:
        """Adds the places of a wider grid, whether there are any."""
        if not any(row["status"] in OUTCOMES for rows in self.rows.values() for row in rows):
            return False  # what fails at every rate for another reason than the rate is not mended by another
        grid = wider(self.search.tuning, self.grid, self.best, len(self.search.combinations))
        if grid is not None:
            self.rows = {place: self.rows.get(place, []) for place in grid}
        return grid is not None


def tune(searches: Iterable[Search], train: Train, *, again: bool = False) -> None:
    """Runs searches side by side and writes each one's choice; a trial that is finished is not repeated.

    All of them go through their grid together, so that the processes that train are busy to the end of it.

    Args:
        searches: what to search.
        train: called once a round with the trials to train and all trials of the round; it writes a trace for
            each of the former, whatever becomes of it.
        again: train finished trials again too.
    """
    going = [_Open(search, {place: [] for place in first_grid(search.tuning)}) for search in searches]
    while going:
        rounds = [(one, one.to_try()) for one in going]
        trials = [one.search.trial(*which) for one, wanted in rounds for which in wanted]
        unfinished = set(left_of(map(trace_path, trials)))
        left = [trial for trial in trials if again or trace_path(trial) in unfinished]
        if trials:
            train(left, trials)
        for one, wanted in rounds:
            for place, seed in wanted:
                one.rows[place].append(trial_row(one.search, place, seed))
        still = []
        for one in going:
            if one.to_try() or one.widen():
                still.append(one)
            else:
                _choose(one)
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


def _losses(trials: list[dict[str, Any]]) -> list[float]:
    return [inf if trial["val_loss"] is None else trial["val_loss"] for trial in trials]


def _choose(one: _Open) -> None:
    search, place = one.search, one.best
    found = score(_losses(one.rows[place]))
    choice = {
        "search": search.name,
        "identity": search.identity,
        "lr": search.lr(place),
        "settings": search.settings(place),
        "at_edge": is_at_edge(one.grid, place, len(search.combinations)),
        "failed": isinf(found),
        "score": None if isinf(found) else found,
        "trials": [trial for trials in one.rows.values() for trial in trials],
    }
    write_if_changed(search.path, json.dumps(with_checksum(choice), indent=1) + "\n")
