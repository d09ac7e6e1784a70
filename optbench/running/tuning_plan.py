"""What Snakemake has to tune: which searches are left, in which batches (no torch, no pandas).

On one machine there is one batch, whose workers share all its trials. On a cluster there are as many as the
trials of their first grids fill jobs. A batch is a file that says what its job does, so that a job that reads
the workflow again decides nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optbench.cells.identity import digest
from optbench.cells.search import first_grid, is_finished, searches_of
from optbench.core.files import write_if_changed
from optbench.running.plan import CELLS_PER_CLUSTER_JOB, plan_folder

if TYPE_CHECKING:
    from pathlib import Path

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


def make_tune_plan(study: Study, cores: int | None, *, again: bool = False) -> TunePlan:
    """Cuts the searches that are left into batches and writes the batch files.

    Args:
        study: the study.
        cores: cores that Snakemake may use, None on a cluster.
        again: whether finished searches and their trials count as left.
    """
    searches = searches_of(study) if study.tuning else []
    finished = [] if again else [search for search in searches if is_finished(search)]
    done = {search.path for search in finished}
    left = [search.path.as_posix() for search in searches if search.path not in done]
    count, workers = 1, max(1, (cores or 1) // study.threads)
    if cores is None and study.tuning:
        trials = len(first_grid(study.tuning)) * len(study.tuning.seeds)
        count = -(-len(left) * trials // CELLS_PER_CLUSTER_JOB)
    names = []
    for start in range(min(count, len(left))):
        values = {"choices": left[start::count], "workers": workers, "again": again}
        name = digest(values)
        write_if_changed(plan_folder(study) / f"{name}.json", json.dumps(values, indent=1) + "\n")
        (plan_folder(study) / f"{name}.tuned").unlink(missing_ok=True)
        names.append(name)
    return TunePlan(tuple(search.path.as_posix() for search in finished), tuple(names))


def read_tune_batch(file: Path) -> TuneBatch:
    """What a batch file of `make_tune_plan` says."""
    values = json.loads(file.read_text(encoding="utf-8"))
    return TuneBatch(tuple(values["choices"]), values["workers"], values["again"])
