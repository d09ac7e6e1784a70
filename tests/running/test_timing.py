"""The timing stage runs in a process of its own, and a crash leaves a file that says so."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from lab.timing import timed_study
from optbench.cells.timing_file import read_timing
from optbench.cells.timings import timing_path, timings_of
from optbench.running.launcher import Launcher
from optbench.running.timing import time_in_child
from optbench.study.study import Study
from optbench.tables.timing import TIMING_COLUMNS, collect_timing


@pytest.fixture
def study(tmp_path, monkeypatch) -> Study:
    monkeypatch.chdir(tmp_path)
    return timed_study()


def test_a_crash_leaves_a_file_that_says_so(study):
    timing = timings_of(study)[0]
    with Launcher() as launcher:
        problem = time_in_child(
            timing, study.data_folder, study.folder, 0.1, launcher, module="optbench.no_such_module"
        )
    assert problem == "the timing process ended with exit status 1"
    facts = read_timing(timing_path(timing))[1]
    assert "no_such_module" in facts["error"]
    table = collect_timing(study)
    assert list(table.columns) == list(TIMING_COLUMNS)
    assert len(table) == 5
    assert table["step_time_us"].isna().all()
    assert set(table.loc[table["workload"] == "tiny_sigmoid", "error"]) == {"not measured"}
    again = pd.read_parquet("results/s/tables/timing.parquet")
    pd.testing.assert_frame_equal(again, table)
    assert Path("results/s/tables/timing.csv").exists()


def test_the_verb_measures_in_a_process_of_its_own(study):
    from click.testing import CliRunner

    from optbench.cli import cli

    result = CliRunner().invoke(cli, ["time", "s.yaml", "tiny_sigmoid", "--seconds", "0.05"])
    assert result.exit_code == 0, result.output
    assert "tiny_sigmoid: timed with 3 optimizers" in result.output
    table = collect_timing(study).set_index(["workload", "optimizer"])
    assert (table.loc["tiny_sigmoid", "step_time_us"] > 0).all()
    assert table.loc[("tiny_sigmoid", "heavy_ball"), "state_bytes_per_param"] == 4
