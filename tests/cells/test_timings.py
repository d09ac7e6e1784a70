"""Which timings a study means, and the digest of each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab.timing import timed_study
from optbench.cells.timings import select_timings, timing_path, timings_of
from optbench.study.resolve import read_study
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


PLUGGED_IN = """
study: s
seeds: 1
device: cpu
workloads: [ravine]
optimizers:
  one: {factory: "plugin:One", lr: 0.1}
  sgd:
  two: {factory: "plugin:Two", lr: 0.1}
  one_slower: {factory: "plugin:One", lr: 0.05}
  adam:
"""


def plugged_in(text: str) -> Study:
    Path("plugin.py").write_text("import torch\nOne = Two = torch.optim.SGD\n")
    Path("s.yaml").write_text(text)
    return read_study(Path("s.yaml"))


def test_each_plug_in_is_timed_beside_the_reference_alone(study):
    of_ours, one, two = timings_of(plugged_in(PLUGGED_IN))
    assert [[o.name for o in timing.optimizers] for timing in (of_ours, one, two)] == [
        ["sgd", "adam"],
        ["sgd", "one", "one_slower"],
        ["sgd", "two"],
    ]
    # 5 optimizers and the reference once more would share 12 s, 2 s each: here it is timed twice in each.
    assert [timing.seconds(12) for timing in (of_ours, one, two)] == [6, 8, 6]
    assert len({timing_path(timing) for timing in (of_ours, one, two)}) == 3
    assert select_timings([of_ours, one, two], ["ravine"]) == [of_ours, one, two]
    assert select_timings([of_ours, one, two], [str(timing_path(two))]) == [two]
    without = plugged_in("\n".join(line for line in PLUGGED_IN.splitlines() if "plugin" not in line))
    (alone,) = timings_of(without)
    assert (alone.digest, alone.seconds(12)) == (of_ours.digest, 12)


def test_a_reference_of_a_plug_in_is_timed_with_everybody(study):
    timings = timings_of(plugged_in(PLUGGED_IN + "report: {reference: one}\n"))
    assert [[o.name for o in timing.optimizers] for timing in timings] == [
        ["one", "sgd", "one_slower", "adam"],
        ["one", "two"],
    ]


def test_the_digest_follows_what_is_measured(study):
    def digests(changed: Study) -> list[str]:
        return [timing.digest for timing in timings_of(changed)]

    before = digests(study)
    assert digests(replace(study, seeds=(0, 1, 2), title="other")) == before
    assert all(a != b for a, b in zip(digests(replace(study, threads=2)), before, strict=True))
    faster = {**study.optimizers, "heavy_ball": replace(study.optimizers["heavy_ball"], lr=0.5)}
    after = digests(replace(study, optimizers=faster))
    assert (after[0] == before[0], after[1] == before[1]) == (True, False)
