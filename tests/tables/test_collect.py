"""Tables say which traces cannot be read, and which were not made alike."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lab.studies import write_study
from optbench.cells.cell import CellSpec
from optbench.cells.matrix import cells_of
from optbench.cells.paths import trace_path
from optbench.cells.trace import Trace, cell_facts, write_trace
from optbench.running.plan import left_of
from optbench.study.resolve import read_study
from optbench.study.study import Study
from optbench.tables import collect as collecting
from optbench.tables.collect import collect
from optbench.training.loop import train_cell


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Four cells, each with a trace of one loss."""
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(
        "study: s\nseeds: 4\nworkloads: {ravine: {spread: 0.1}}\noptimizers: [sgd]\n"
    )
    study = read_study(Path("study.yaml"))
    for cell in cells_of(study):
        write(cell)
    return study


def write(cell: CellSpec, **facts: object) -> None:
    own = {"status": "ok", "error": "", "steps": 0, "kernels": {"cpu_capability": "AVX2"}}
    rows = np.array([0], np.int32), ["validation"], ["loss"], np.array([1.0])
    write_trace(trace_path(cell), Trace({**cell_facts(cell), **own, **facts}, {}, *rows))


def tables(study: Study) -> tuple[pd.DataFrame, dict]:
    collect(study)
    folder = study.results / "tables"
    return pd.read_parquet(folder / "runs.parquet"), json.loads((folder / "study.json").read_text())


def test_traces_that_were_made_alike_have_one_origin(study: Study) -> None:
    runs, facts = tables(study)
    assert list(runs["origin"]) == [0] * 4
    assert facts["mixed"] == []
    (origin,) = facts["origins"]
    assert origin["machine"]["cpu"]
    assert {"python", "torch", "numpy", "optbench"} == set(origin["versions"])
    assert (origin["device"], origin["threads"]) == ("cpu", 1)


def test_traces_that_were_not_say_so(study: Study) -> None:
    cells = cells_of(study)
    write(cells[1], machine={"cpu": "another"})
    write(cells[2], versions={"torch": "0"}, kernels={"cpu_capability": "AVX512"})
    write(cells[3], status="killed", kernels=None)  # it could not tell, which is no difference
    runs, facts = tables(study)
    assert runs["origin"].nunique() == len(facts["origins"]) == 4
    assert [facts["origins"][place]["machine"] for place in runs["origin"]][1] == {"cpu": "another"}
    told = " ".join(facts["mixed"])
    assert "2 different versions" in told
    assert "2 different machines" in told
    assert "2 different sets of torch's kernels" in told
    assert "commits" not in told


def test_a_spoilt_trace_is_named_set_aside_and_left_to_train(
    study: Study, capsys: pytest.CaptureFixture
) -> None:
    cells = cells_of(study)
    spoilt, foreign = trace_path(cells[1]), trace_path(cells[2])
    data = bytearray(spoilt.read_bytes())
    data[40] ^= 1  # the frame is whole, what it holds is not
    spoilt.write_bytes(data)
    write(cells[2], digest=cells[3].digest, remark=cells[2].digest)
    runs, _ = tables(study)
    assert list(runs["status"]) == ["ok", "missing", "missing", "ok"]
    assert runs["origin"].isna().tolist() == [False, True, True, False]
    told = capsys.readouterr().err
    for path in (spoilt, foreign):
        assert path.with_name(f"{path.name}.corrupt").exists()
        assert f"set aside as {path.name}.corrupt" in told
        assert "set aside" in runs.loc[runs["path"] == path.as_posix(), "error"].item()
    assert left_of(map(trace_path, cells)) == [spoilt, foreign]


STUDY = """
    study: s
    seeds: 2
    timing: false
    workloads: {ravine: {steps: 5, spread: 0.1}}
    optimizers: [sgd, heavy_ball]
    """


def test_tables_are_the_same_bytes_however_many_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = read_study(write_study(tmp_path, STUDY))
    first, *others = cells_of(study)  # the first stays missing
    for cell in others:
        write_trace(trace_path(cell), train_cell(cell, study.data_folder))
    monkeypatch.setattr(collecting, "ROW_GROUP", 1)
    monkeypatch.setattr(collecting, "TRACES_WORTH_A_PROCESS", 1)
    found = []
    for cores in (1, 2):
        assert collect(study, cores) == {"missing": 1, "ok": 3}
        found.append({file.name: file.read_bytes() for file in (study.results / "tables").iterdir()})
    assert found[0] == found[1]
    assert {"runs.csv", "curves.parquet", "study.json"} <= found[0].keys()
    assert first.name in found[0]["runs.csv"].decode()
