"""Which timings a study means, and the digest of each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab.timing import timed_study
from optbench.cells.timings import select_timings, timing_path, timings_of
from optbench.study.study import Study


@pytest.fixture
def study(tmp_path, monkeypatch) -> Study:
    monkeypatch.chdir(tmp_path)
    return timed_study()


def test_a_study_means_one_timing_a_workload(study):
    ravine, tiny = timings_of(study)
    assert [o.name for o in ravine.optimizers] == ["sgd", "adam"]
    assert [o.name for o in tiny.optimizers] == ["sgd", "adam", "heavy_ball"]
    assert timing_path(tiny) == Path(f"results/s/timing/tiny_sigmoid-{tiny.digest}.parquet")
    assert select_timings([ravine, tiny], []) == [ravine, tiny]
    assert select_timings([ravine, tiny], ["tiny_sigmoid", str(timing_path(tiny))]) == [tiny]
    with pytest.raises(ValueError, match="did you mean 'ravine'"):
        select_timings([ravine, tiny], ["ravin"])


def test_the_digest_follows_what_is_measured(study):
    def digests(changed: Study) -> list[str]:
        return [timing.digest for timing in timings_of(changed)]

    before = digests(study)
    assert digests(replace(study, seeds=(0, 1, 2), title="other")) == before
    assert all(a != b for a, b in zip(digests(replace(study, threads=2)), before, strict=True))
    faster = {**study.optimizers, "heavy_ball": replace(study.optimizers["heavy_ball"], lr=0.5)}
    after = digests(replace(study, optimizers=faster))
    assert (after[0] == before[0], after[1] == before[1]) == (True, False)
