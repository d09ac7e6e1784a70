"""Work on several processes: the same results, in the same order."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab.fabricate import fabricate
from lab.studies import write_study

from optbench.cells.matrix import cells_of
from optbench.cells.paths import trace_path
from optbench.cells.trace import write_trace
from optbench.core.processes import map_in_processes, run_beside
from optbench.findings.analysis import compare_all
from optbench.findings.write import write_findings
from optbench.study.resolve import read_study
from optbench.tables import collect
from optbench.training.loop import train_cell

STUDY = """
    study: s
    seeds: 2
    timing: false
    workloads: {ravine: {steps: 5}}
    optimizers: [sgd, heavy_ball]
    """


def test_results_come_in_the_items_order() -> None:
    assert list(map_in_processes(str, range(20), 2)) == [str(number) for number in range(20)]


def test_what_fails_there_is_raised_here() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        list(map_in_processes(int, ["1", "two", "3"], 2))


@pytest.mark.parametrize("apart", [False, True])
def test_work_beside_a_block_gives_its_result_or_its_mistake(*, apart: bool) -> None:
    with run_beside(str, 7, apart=apart) as seven, run_beside(int, "two", apart=apart) as mistake:
        pass
    assert seven() == "7"
    with pytest.raises(ValueError, match="invalid literal"):
        mistake()


def test_findings_are_the_same_bytes_wherever_runs_were_compared(tmp_path: Path) -> None:
    results = fabricate(tmp_path / "study")
    tables = results / "tables"
    here = {file.name: file.read_bytes() for file in tables.iterdir()}
    with run_beside(compare_all, tables, apart=True) as compared:
        write_findings(results, compared())
    assert {file.name: file.read_bytes() for file in tables.iterdir()} == here
    assert {"comparisons.parquet", "ranking.csv", "findings.json"} <= here.keys()


def test_tables_are_the_same_bytes_however_many_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = read_study(write_study(tmp_path, STUDY))
    first, *others = cells_of(study)  # the first stays missing
    for cell in others:
        write_trace(trace_path(cell), train_cell(cell, study.data_folder))
    monkeypatch.setattr(collect, "ROW_GROUP", 1)
    monkeypatch.setattr(collect, "TRACES_WORTH_A_PROCESS", 1)
    found = []
    for cores in (1, 2):
        assert collect.collect(study, cores) == {"missing": 1, "ok": 3}
        found.append({file.name: file.read_bytes() for file in (study.results / "tables").iterdir()})
    assert found[0] == found[1]
    assert {"runs.csv", "curves.parquet", "study.json"} <= found[0].keys()
    assert first.name in found[0]["runs.csv"].decode()
