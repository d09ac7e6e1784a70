"""A measure of a study's own is called like no column, and that is said before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.studies import optbench
from optbench.core.errors import UserError
from optbench.findings.interaction import HALF
from optbench.study.metrics import CURVES, RUNS, check_metric_names
from optbench.study.resolve import read_study
from optbench.tables.collect import RUN_COLUMNS
from optbench.tables.curves import CURVE_SCHEMA

STUDY = """
study: s
seeds: 1
workloads: {ravine: {steps: 5}}
optimizers: [sgd]
metrics: {NAME: "my_metrics:own"}
"""


def test_the_names_are_those_of_the_tables() -> None:
    assert {*RUN_COLUMNS, HALF} == RUNS
    assert set(CURVE_SCHEMA.names) == CURVES


@pytest.mark.parametrize("name", sorted(RUNS | CURVES))
def test_a_column_is_no_measure(tmp_path: Path, name: str) -> None:
    (tmp_path / "my_metrics.py").write_text("def own(curve):\n    return 0.0\n")
    file = tmp_path / "study.yaml"
    file.write_text(STUDY.replace("NAME", name))
    with pytest.raises(UserError, match=rf"metrics\.{name}: the (run|curve) table has a column of that name"):
        read_study(file)


def test_it_is_one_line_and_nothing_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my_metrics.py").write_text("def own(curve):\n    return 0.0\n")
    Path("study.yaml").write_text(STUDY.replace("NAME", "status"))
    told = optbench("run", "study.yaml")
    assert isinstance(told.exception, UserError)  # which `main` makes a line and exit status 2 of
    assert "\n" not in str(told.exception)
    assert not Path("results").exists()
    check_metric_names(["loss", "status_at_the_end"])
