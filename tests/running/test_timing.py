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
from optbench.study.resolve import read_study
from optbench.study.study import Study
from optbench.tables.timing import TIMING_COLUMNS, collect_timing


@pytest.fixture
def study(tmp_path, monkeypatch) -> Study:
    monkeypatch.chdir(tmp_path)
    return timed_study()


def test_a_crash_leaves_a_file_that_says_so(study):
    timing = timings_of(study)[0]
    with Launcher() as launcher:
        problem, errors = time_in_child(
            timing, study.data_folder, study.folder, 0.1, 60, launcher, module="optbench.no_such_module"
        )
    assert (problem, errors) == ("the timing process ended with exit status 1", {})
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


def test_a_plug_in_that_slows_its_process_slows_nobody_else(tmp_path, monkeypatch):
    """A hook on every optimizer's step that sleeps for 20 ms: an Adam step on the ravine takes far less."""
    monkeypatch.chdir(tmp_path)
    Path("plugin.py").write_text(
        "import time, torch\n"
        "from torch.optim.optimizer import register_optimizer_step_pre_hook\n"
        "class Slow(torch.optim.SGD):\n"
        "    def __init__(self, params, lr):\n"
        "        super().__init__(params, lr=lr)\n"
        "        register_optimizer_step_pre_hook(lambda *_: time.sleep(0.02))\n"
    )
    Path("s.yaml").write_text(
        "study: s\nseeds: 1\ndevice: cpu\nworkloads: [ravine]\n"
        "optimizers: {slow: {factory: 'plugin:Slow', lr: 0.1}, sgd: null, adam: null}\n"
    )
    study = read_study(Path("s.yaml"))
    with Launcher() as launcher:
        for timing in timings_of(study):
            assert time_in_child(timing, study.data_folder, study.folder, 0.5, 60, launcher) == ("", {})
    table = collect_timing(study).set_index("optimizer")
    assert list(table.index) == ["sgd", "slow", "adam"]
    assert (table.loc[["sgd", "adam"], "step_time_us"] < 10_000).all()
    assert table.loc["slow", "step_time_us"] > 20_000
    assert table.loc["sgd", "ratio_to_sgd"] == 1


def test_what_never_comes_back_is_waited_for_by_the_cells_own_limit(tmp_path, monkeypatch):
    """Each of two optimizers, and the reference's twin, may take the 2 s of a cell; ten budgets are 1 s."""
    monkeypatch.chdir(tmp_path)
    Path("plugin.py").write_text(
        "import time, torch\n"
        "class Sleeps(torch.optim.SGD):\n"
        "    def step(self, closure=None):\n"
        "        time.sleep(3600)\n"
    )
    Path("s.yaml").write_text(
        "study: s\nseeds: 1\ndevice: cpu\ntimeout_s: 2\nworkloads: [ravine]\n"
        "optimizers: {sleeps: {factory: 'plugin:Sleeps', lr: 0.1}, sgd: null}\n"
    )
    study = read_study(Path("s.yaml"))
    (timing,) = [one for one in timings_of(study) if len(one.optimizers) == 2]
    with Launcher() as launcher:
        problem, _ = time_in_child(timing, study.data_folder, study.folder, 0.1, study.timeout_s, launcher)
    assert problem == "the timing process did not end within 7 s"


def test_the_verb_measures_in_a_process_of_its_own(study):
    from click.testing import CliRunner

    from optbench.cli import cli

    result = CliRunner().invoke(cli, ["time", "s.yaml", "tiny_sigmoid", "--seconds", "0.05"])
    assert result.exit_code == 0, result.output
    assert "tiny_sigmoid: timed with 3 optimizers" in result.output
    table = collect_timing(study).set_index(["workload", "optimizer"])
    assert (table.loc["tiny_sigmoid", "step_time_us"] > 0).all()
    assert table.loc[("tiny_sigmoid", "heavy_ball"), "state_bytes_per_param"] == 4


def test_the_verb_counts_those_that_were_timed(tmp_path, monkeypatch):
    """One that cannot be made, one that raises in a step, and a workload of which none can be timed."""
    monkeypatch.chdir(tmp_path)
    Path("plugin.py").write_text(
        "import torch\n"
        "class Raises(torch.optim.SGD):\n"
        "    def step(self, closure=None):\n"
        "        raise LookupError('no step')\n"
    )
    Path("s.yaml").write_text(
        "study: s\nseeds: 1\ndevice: cpu\ntiming: {seconds: 0.01}\nreport: {reference: sgd}\n"
        "workloads: [ravine]\noptimizers: {sgd: null, odd: {like: adam, fused: true, foreach: true},\n"
        "  raises: {factory: 'plugin:Raises', lr: 0.1}}\n"
    )
    from click.testing import CliRunner

    from optbench.cli import cli

    built_in, plugin = CliRunner().invoke(cli, ["time", "s.yaml"]).stderr.splitlines()
    assert built_in.startswith(
        "optbench: ravine: timed with 1 of 2 optimizers (odd: optimizers.odd.fused = True: "
    )
    assert plugin == "optbench: ravine: timed with 1 of 2 optimizers (raises: LookupError: no step)"
    Path("s.yaml").write_text(
        Path("s.yaml").read_text().replace("sgd: null", "sgd: {foreach: true, fused: true}")
    )
    built_in, plugin = CliRunner().invoke(cli, ["time", "s.yaml"]).stderr.splitlines()
    assert built_in.startswith("optbench: ravine: timed with 0 of 2 optimizers (odd: optimizers.odd.")
    assert "; sgd: optimizers.sgd." in built_in
