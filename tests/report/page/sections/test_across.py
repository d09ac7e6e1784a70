"""What a reader's own choice is computed from: the runs' values, by measure, workload and combination."""

from __future__ import annotations

import pandas as pd
import pytest

from lab.fabricate import Fake, fabricate
from optbench.report.page.sections.across import choices
from optbench.report.study import read_study_view
from optbench.report.tables import read_timing_table

FAKE = Fake(
    seeds=3,
    timed=True,
    noise={"digits": "busy"},
    statuses={"digits/adam/constant/1": "diverged", "digits/sgd/constant/2": "missing"},
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    tables = fabricate(tmp_path_factory.mktemp("across") / "results" / "demo", FAKE) / "tables"
    view = read_study_view(tables)
    return view, choices(view, read_timing_table(view, tables / "timing.parquet"))


def test_every_run_stands_where_it_belongs(study):
    view, found = study
    names = [name for name, _, _ in found["combinations"]]
    runs = view.runs.set_index(["workload", "optimizer", "schedule", "seed"])
    for w, (workload, label, _) in enumerate(found["workloads"]):
        assert label == view.label("workloads", workload)
        for c, name in enumerate(names):
            optimizer, schedule = name.split("/")
            for seed, value in zip(
                found["seeds"][w][c], found["values"]["final_val_loss"][w][c], strict=True
            ):
                loss = runs.loc[(workload, optimizer, schedule, seed), "final_val_loss"]
                assert value is None if pd.isna(loss) else value == pytest.approx(loss, rel=1e-4)
    adam, sgd = names.index("adam/constant"), names.index("sgd/constant")
    assert found["values"]["final_val_loss"][1][adam][1] is None  # diverged
    assert found["seeds"][1][sgd] == [0, 1]  # missing: not there
    assert [reference for *_, reference in found["workloads"]] == [sgd, sgd]


def test_times_are_those_of_a_quiet_machine(study):
    _, found = study
    assert [key for key, _ in found["measures"]] == list(found["values"])
    times, steps = found["values"]["time_to_target"], found["values"]["steps_to_target"]
    assert {value for of_one in times[1] for value in of_one} == {None}  # `digits` was noisy
    sgd = [name for name, _, _ in found["combinations"]].index("sgd/constant")
    shown = [(t, s) for t, s in zip(times[0][sgd], steps[0][sgd], strict=True) if s is not None]
    assert shown
    assert all(t == pytest.approx(s * 100e-6, rel=1e-3) for t, s in shown)  # 100 microseconds a step
