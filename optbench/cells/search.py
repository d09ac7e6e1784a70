"""The search of one (workload, optimizer, schedule): its grid, its trials, its choice.

A candidate is a whole number, its place: the learning rate is 10^(place / per_decade), so that a wider grid,
and one of a multiple of its density, hold the trials of the narrower one. Every optimizer gets the same grid
and the same seeds. One that searches other settings too has the same number of candidates: its combinations
of settings take turns along the grid (place modulo their number), which thins each of them out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import product
from math import inf, isfinite, isnan, log10
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from optbench.cells.identity import OWN, identified, training_code
from optbench.cells.matrix import cells_of, seeds_together
from optbench.cells.paths import combination_folder, is_complete
from optbench.core.checksums import read_checked
from optbench.core.commands import optbench_command
from optbench.core.errors import CorruptFileError, UserError, nearest
from optbench.core.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from optbench.cells.cell import CellSpec
    from optbench.cells.slices import Code
    from optbench.core.specs import OptimizerSpec, Setting, TuningSpec
    from optbench.study.study import Study


@dataclass(frozen=True)
class Search:
    """One search.

    Attributes:
        cell: any of the evaluation cells that wait for its choice.
        tuning: the grid and the seeds.
        code: what `optbench.cells.identity.training_code` gives for the cell.
    """

    cell: CellSpec
    tuning: TuningSpec
    code: Code

    @property
    def name(self) -> str:
        """`workload/optimizer/schedule`."""
        return self.cell.combination

    @property
    def path(self) -> Path:
        """Where its choice is written."""
        return choice_path(self.cell)

    @property
    def identity(self) -> dict[str, Any]:
        """What its digest is taken from: the cell's identity but for what each cell has of its own."""
        whole = self.cell.identity
        shared = {key: value for key, value in whole["settings"].items() if key not in OWN}
        return {**whole, "settings": shared}

    @property
    def combinations(self) -> list[dict[str, Setting]]:
        """The combinations of settings that take turns along the grid; an empty one for lr alone."""
        return combinations(self.cell.optimizer)

    def lr(self, place: int) -> float:
        """The learning rate of a candidate: 10^(place / per_decade) to four significant digits."""
        return float(f"{10 ** (place / self.tuning.per_decade):.4g}")

    def settings(self, place: int) -> dict[str, Setting]:
        """The settings that a candidate tries beside its learning rate."""
        turns = self.combinations
        return turns[place % len(turns)]

    def trial(self, place: int, seed: int) -> CellSpec:
        """The cell that tries a candidate with one tuning seed.

        It is known by its own values and not by the grid it stands in: another grid finds it again.
        """
        optimizer = self.cell.optimizer
        cell = replace(
            self.cell,
            optimizer=replace(optimizer, settings={**optimizer.settings, **self.settings(place)}),
            lr=self.lr(place),
            seed=seed,
            probe_every=0,  # nothing asks how a trial oscillated
            tuning=None,
            search="",
            trial=True,
            together=seeds_together(self.tuning.seeds, self.tuning.together)[seed],
        )
        return identified(cell, self.code)

    def trials(self, grid: range) -> list[CellSpec]:
        """The trials of a grid: every candidate with every tuning seed."""
        return [self.trial(place, seed) for place in grid for seed in self.tuning.seeds]

    def is_covered(self, choice: Mapping[str, Any]) -> bool:
        """Whether a choice rests on every trial that the search asks for; a race's leaves some out."""
        return self.tuning.race or len(choice["trials"]) == len(self.trials(_places(self, choice)))


def combinations(optimizer: OptimizerSpec) -> list[dict[str, Setting]]:
    """Every combination of the settings that an optimizer searches beside its learning rate."""
    names = sorted(optimizer.search)
    return [dict(zip(names, c, strict=True)) for c in product(*(optimizer.search[name] for name in names))]


def searches_of(study: Study, cells: Iterable[CellSpec] | None = None) -> list[Search]:
    """The searches that cells wait for, each once, in the order of the cells.

    Args:
        study: the study.
        cells: some of its cells; left out: all.
    """
    code = training_code(study)
    found: dict[str, Search] = {}
    for cell in cells_of(study) if cells is None else cells:
        if cell.tuning is not None and cell.combination not in found:
            found[cell.combination] = Search(cell, cell.tuning, code(cell))
    return list(found.values())


def select_searches(searches: Sequence[Search], wanted: Iterable[str]) -> list[Search]:
    """The searches whose name, or whose choice's path, matches one of `wanted` (`*` and `?` as in a shell).

    Raises:
        UserError: a pattern matches none.
    """
    chosen: dict[str, Search] = {}
    for pattern in wanted:
        hits = [s for s in searches if pattern == s.path.as_posix() or fnmatchcase(s.name, pattern)]
        if not hits:
            close = nearest(pattern, [search.name for search in searches])
            raise UserError(
                f"nothing is tuned that is called {shown(pattern)}{close} (workload/optimizer/schedule)"
            )
        chosen.update((search.name, search) for search in hits)
    return list(chosen.values())


def choice_path(cell: CellSpec) -> Path:
    """Where the choice lies that gives a tuned cell its learning rate."""
    return combination_folder(cell, "tuning") / f"choice-{cell.search}.json"


def read_choice(path: Path) -> dict[str, Any] | None:
    """What a search chose (docs/reference/tables.md#tuning); None where there is no choice yet.

    Raises:
        CorruptFileError: what lies there is no choice, or not the one that was written.
        OSError: it may not be read.
    """
    try:
        choice = read_checked(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    trials = choice.get("trials")
    if (
        any(not isinstance(choice.get(key), kind) for key, kind in _OF_A_CHOICE.items())
        or not trials
        or any(not (isinstance(one, dict) and one.keys() >= _OF_A_TRIAL) for one in trials)
    ):
        raise CorruptFileError(path, "is not a choice of optbench")
    return choice


_OF_A_CHOICE: Final[Mapping[str, type | tuple[type, ...]]] = {
    "search": str,
    "lr": (int, float),
    "settings": dict,
    "at_edge": bool,
    "trials": list,
}
"""What a choice must hold for the cells that wait for it, and of which kind."""

_OF_A_TRIAL = {"lr", "path"}


def choice_if_whole(path: Path) -> dict[str, Any] | None:
    """What a search chose; None where there is no choice, or a corrupt one: then it is to be made again."""
    try:
        return read_choice(path)
    except CorruptFileError:
        return None


def is_finished(search: Search) -> bool:
    """Whether a search has its choice and every trial that it rests on is still there, both whole."""
    choice = choice_if_whole(search.path)
    return (
        choice is not None
        and search.is_covered(choice)
        and all(is_complete(Path(trial["path"])) for trial in choice["trials"])
    )


def with_choice(cell: CellSpec) -> CellSpec:
    """The cell with the learning rate and the settings that its tuning chose; itself where it has them.

    Raises:
        UserError: there is no choice yet, or a corrupt one.
    """
    if cell.tuning is None or not isnan(cell.lr):
        return cell
    choice = read_choice(choice_path(cell))
    if choice is None:
        raise UserError(
            f"{cell.name}: its learning rate has not been chosen yet "
            f"({optbench_command('tune', cell.study, cell.combination)})"
        )
    settings = {**cell.optimizer.settings, **choice["settings"]}
    return replace(cell, lr=choice["lr"], optimizer=replace(cell.optimizer, settings=settings))


def known_trials(study: Study) -> list[CellSpec]:
    """The trials of every search of a study: those that its choice rests on, else those of its first grid."""
    found: list[CellSpec] = []
    for search in searches_of(study) if study.tuning else []:
        choice = choice_if_whole(search.path)
        if choice is None:
            found += search.trials(first_grid(search.tuning))
            continue
        trials = search.trials(_places(search, choice))
        if search.is_covered(choice):
            rests_on = {(trial["lr"], trial["seed"]) for trial in choice["trials"]}
            trials = [trial for trial in trials if (trial.lr, trial.seed) in rests_on]
        found += trials
    return found


def _places(search: Search, choice: Mapping[str, Any]) -> range:
    """The places that a search's choice rests on."""
    places = [round(log10(trial["lr"]) * search.tuning.per_decade) for trial in choice["trials"]]
    return range(min(places), max(places) + 1)


def at_own_lr(cell: CellSpec) -> list[CellSpec]:
    """A cell that waits for a tuning, at its optimizer's own lr and once for each combination of settings.

    For a look at what a study names before anything is tuned; a cell with a learning rate stays as it is.
    """
    if cell.tuning is None:
        return [cell]
    own = cell.optimizer
    tried = [
        replace(own, name=f"{own.name} {turn or ''}".strip(), settings={**own.settings, **turn})
        for turn in combinations(own)
    ]
    return [replace(cell, optimizer=optimizer, lr=own.lr) for optimizer in tried]


def first_grid(tuning: TuningSpec) -> range:
    """The places from `low` to `high`, both moved to the nearest place and both included."""
    low, high = (round(log10(end) * tuning.per_decade) for end in (tuning.low, tuning.high))
    return range(low, high + 1)


def wider(tuning: TuningSpec, grid: range, best: int, turns: int = 1) -> range | None:
    """The grid to go on with: a decade more beyond each edge that the best candidate lies on.

    Args:
        tuning: how far the grid may grow (`widen` decades beyond the first one on either side).
        grid: the places tried so far.
        best: the best of them.
        turns: combinations that take turns: a place is on an edge if its own combination has none beyond it.

    Returns:
        The wider grid; None where the best has neighbours on both sides or the bound is reached.
    """
    first = first_grid(tuning)
    reach = tuning.widen * tuning.per_decade
    low, high = grid.start, grid.stop
    if best - turns < grid.start:
        low = max(grid.start - tuning.per_decade, first.start - reach)
    if best + turns >= grid.stop:
        high = min(grid.stop + tuning.per_decade, first.stop + reach)
    return range(low, high) if (low, high) != (grid.start, grid.stop) else None


def is_at_edge(grid: range, best: int, turns: int = 1) -> bool:
    """Whether the best candidate's combination has no candidate beyond it on one side."""
    return best - turns < grid.start or best + turns >= grid.stop


def score(losses: Sequence[float]) -> float:
    """The score of a candidate: the mean of its trials' final validation losses, inf if one of them has none.

    A rate at which one seed in three diverges is no rate to recommend, so a failure is not averaged away.
    """
    return sum(losses) / len(losses) if losses and all(isfinite(loss) for loss in losses) else inf


def next_trials(
    losses: Mapping[int, Sequence[float]], seeds: int, *, race: bool = False
) -> list[tuple[int, int]]:
    """What to try next: (place, how many of the seeds it was tried with before), nothing where all is known.

    Without a race every place is tried with every seed. With one, all are tried with the first seed, then
    the best of them with the others, and from then on only what can still be chosen goes on, a seed at a
    time. A place can't be once one of its trials failed, or once the losses it has, with none below 0 to
    come, make its score worse than the best one. So `best_of` gives the same place as without a race. Where a
    loss below 0 was seen in the search nothing is known of those to come, and only failures leave it. Where
    no place ended well with every seed, all are tried with all: the fewest failures decide.

    Args:
        losses: by place of the grid what it was tried with, in the order of the seeds; inf for a failure.
        seeds: how many tuning seeds there are.
        race: whether places leave.
    """
    left = [(place, k) for place, tried in losses.items() for k in range(len(tried), seeds)]
    if not race:
        return left
    untried = [(place, k) for place, k in left if not losses[place]]
    if untried:
        return [(place, k) for place, k in untried if k == 0]
    going = [place for place, tried in losses.items() if all(map(isfinite, tried))]
    whole = [place for place in going if len(losses[place]) == seeds]
    if not whole:
        first = best_of({place: losses[place] for place in going}) if going else None
        return left if first is None else [(place, k) for place, k in left if place == first]
    bound = min(score(losses[place]) for place in whole)
    signed = any(loss < 0 for tried in losses.values() for loss in tried)
    return [
        (place, len(losses[place]))
        for place in going
        if place not in whole and (signed or sum(losses[place]) / seeds <= bound)
    ]


def best_of(losses: Mapping[int, Sequence[float]]) -> int:
    """The place with the lowest score; among equals the one with fewer failures, then the smaller rate.

    Args:
        losses: the final validation losses of every place's trials, inf or NaN for one that has none.
    """

    def rank(place: int) -> tuple[float, int, int]:
        failures = sum(not isfinite(loss) for loss in losses[place])
        return score(losses[place]), failures, place

    return min(losses, key=rank)
