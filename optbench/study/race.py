"""What a study's `seeds` and `extend` mean: which seeds there are, and at which of them a race looks."""

from __future__ import annotations

from itertools import count, islice
from typing import TYPE_CHECKING

from optbench.core.errors import UserError
from optbench.core.specs import RaceSpec
from optbench.study.file import FEWEST_SEEDS, RaceEntry

if TYPE_CHECKING:
    from optbench.study.file import StudyFile


def resolve_seeds(given: StudyFile) -> tuple[tuple[int, ...], RaceSpec | None]:
    """The seeds of a study in the order in which looks take them, and its race if it has one.

    An extension goes on with the smallest numbers that are no seed yet.

    Raises:
        UserError: a block of the matrix has seeds of its own beside a race, an extension adds no seed, or the
            budget does not reach for the first look.
    """
    entry = given.seeds if isinstance(given.seeds, RaceEntry) else None
    seeds = tuple(range(given.seeds.looks[-1]) if isinstance(given.seeds, RaceEntry) else given.seeds)
    if entry is None and not given.extend:
        return seeds, None
    key = "seeds" if entry else "extend"
    for place, block in enumerate(given.matrix or ()):
        if block.seeds is not None:
            raise UserError(
                f"matrix[{place}].seeds: the looks of {key!r} are those of every block; leave it out"
            )
    if len(seeds) < FEWEST_SEEDS:
        raise UserError(f"extend: the study must have {FEWEST_SEEDS} seeds or more; got {len(seeds)}")
    reached = len(seeds)
    for place, more in enumerate(given.extend):
        if more.seeds <= reached:
            raise UserError(
                f"extend[{place}].seeds must be more than {reached}, which are there; got {more.seeds}"
            )
        reached = more.seeds
    unused = (seed for seed in count() if seed not in set(seeds))
    race = RaceSpec(
        looks=tuple(entry.looks) if entry else (len(seeds),),
        equal_within=entry.equal_within if entry else None,
        budget=entry.budget if entry else None,
        extended=tuple((more.seeds, more.error) for more in given.extend),
    )
    return (*seeds, *islice(unused, reached - len(seeds))), race
