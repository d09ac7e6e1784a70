"""What Snakemake has to tune: which searches are left, in which batches (no torch, no pandas).

On one machine there is one batch, whose workers share all its trials. On a cluster there are as many as the
trials of their first grids fill jobs. A batch is a file that says what its job does, so that a job that reads
the workflow again decides nothing.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optbench.cells.identity import digest
from optbench.cells.search import first_grid, is_finished, read_choice, searches_of
from optbench.core.errors import CorruptFileError
from optbench.core.files import put_aside, read_json
from optbench.running.plan import CELLS_PER_CLUSTER_JOB, plan_folder, remove_mark, write_batch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from optbench.cells.search import Search
    from optbench.study.study import Study


@dataclass(frozen=True)
class TunePlan:
    """What there is to tune for a study.

    Attributes:
        choices: paths of the choices that are made and whose trials are all there.
        batches: names of the batches that cover the searches left.
    """

    choices: tuple[str, ...]
    batches: tuple[str, ...]


@dataclass(frozen=True)
class TuneBatch:
    """What one job does.

    Attributes:
        choices: paths of the choices to make.
        workers: training processes.
        again: whether finished trials are repeated.
    """

    choices: tuple[str, ...]
    workers: int
    again: bool


def searches_left(searches: Sequence[Search], *, look_only: bool = False) -> list[Search]:
    """The searches without a choice, or trials, that are whole; a corrupt choice is named and set aside.

    Args:
        searches: some searches.
        look_only: whether nothing is to be renamed.
    """
    left = [search for search in searches if not is_finished(search)]
    for search in left:
        try:
            read_choice(search.path)
        except CorruptFileError as problem:
            told = f"{problem}; it will be made anew" if look_only else put_aside(problem, "made anew")
            print(f"optbench: {told}", file=sys.stderr)  # noqa: T201
    return left


def make_tune_plan(
    study: Study, cores: int | None, *, again: bool = False, look_only: bool = False
) -> TunePlan:
    """Cuts the searches that are left into batches and writes the batch files.

    Args:
        study: the study.
        cores: cores that Snakemake may use, None on a cluster.
        again: whether finished searches and their trials count as left.
        look_only: whether nothing will run, so that a corrupt choice stays where it is.
    """
    searches = searches_of(study) if study.tuning else []
    unfinished = searches if again else searches_left(searches, look_only=look_only)
    left = [search.path.as_posix() for search in unfinished]
    finished = [search for search in searches if search.path.as_posix() not in set(left)]
    count, workers = 1, max(1, (cores or 1) // study.threads)
    if cores is None and study.tuning:
        trials = len(first_grid(study.tuning)) * len(study.tuning.seeds)
        count = -(-len(left) * trials // CELLS_PER_CLUSTER_JOB)
    names = []
    for start in range(min(count, len(left))):
        values = {"choices": left[start::count], "workers": workers, "again": again}
        name = digest(values)
        write_batch(plan_folder(study) / f"{name}.json", json.dumps(values, indent=1) + "\n")
        remove_mark(plan_folder(study) / f"{name}.tuned")
        names.append(name)
    return TunePlan(tuple(search.path.as_posix() for search in finished), tuple(names))


def read_tune_batch(file: Path) -> TuneBatch:
    """What a batch file of `make_tune_plan` says.

    Raises:
        CorruptFileError: it is none; a plan is written anew whenever the workflow is read.
        OSError: it may not be read.
    """
    values = read_json(file)
    if values.keys() != {"choices", "workers", "again"}:
        raise CorruptFileError(file, "is not a batch of a plan (snakemake writes it anew)")
    return TuneBatch(tuple(values["choices"]), values["workers"], values["again"])
