"""The plan of a search: what is left, in batches."""

from __future__ import annotations

from math import log10
from pathlib import Path

import pytest

from lab.studies import write_study
from lab.tuning import STUDY, Loss, Trainer
from optbench.cells.search import searches_of
from optbench.running.tuning import tune
from optbench.running.tuning_plan import make_tune_plan, read_tune_batch
from optbench.study.resolve import read_study
from optbench.study.study import Study


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    return read_study(write_study(tmp_path, STUDY))


def valley(bottom: float) -> Loss:
    """The squared distance from a rate in decades; seed 1001 half a unit above seed 1000."""
    return lambda cell: log10(cell.lr / bottom) ** 2 + 0.5 * (cell.seed == 1001)


def test_the_plan_covers_what_is_left(study: Study) -> None:
    searches = searches_of(study)
    paths = [search.path.as_posix() for search in searches]
    local = make_tune_plan(study, 4, again=False)
    assert local.choices == ()
    (name,) = local.batches
    batch = read_tune_batch(study.results / "plan" / f"{name}.json")
    assert (list(batch.choices), batch.workers, batch.again) == (paths, 4, False)
    tune(searches[:1], Trainer(valley(0.1)))
    after = make_tune_plan(study, 4, again=False)
    assert after.choices == (paths[0],)
    assert read_tune_batch(study.results / "plan" / f"{after.batches[0]}.json").choices == (paths[1],)
    forced = make_tune_plan(study, 1, again=True)
    assert forced.choices == ()
    assert read_tune_batch(study.results / "plan" / f"{forced.batches[0]}.json").again
    tune(searches, Trainer(valley(0.1)))
    assert make_tune_plan(study, 4).batches == ()


def test_a_cluster_gets_jobs_of_about_fifty_trials(study: Study, tmp_path: Path) -> None:
    many = STUDY.replace("seeds: 2,", "seeds: 20,")  # 7 x 20 = 140 trials a search
    plan = make_tune_plan(read_study(write_study(tmp_path, many)), None)
    assert len(plan.batches) == 2
    assert len(make_tune_plan(study, None).batches) == 1  # 28 trials in all
