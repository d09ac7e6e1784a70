"""`optbench verify`: a sample is trained again and held against what is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lab.studies import optbench, write_study
from optbench.cells.trace import Trace, read_trace, write_trace
from optbench.core.errors import UserError

STUDY = """
    study: s
    seeds: 2
    timing: false
    workloads: {line: {factory: "plugin:line"}}
    optimizers: {sgd: {lr: 0.1}, mine: {factory: "plugin:RaisesAtStep10", lr: 0.1}}
    """


def change(path: Path, factor: float, **facts: object) -> None:
    """Scales the last loss of a trace and says of it what it did not say."""
    trace = read_trace(path)
    value = np.array(trace.value)
    value[np.array(trace.metric) == "loss"] *= factor
    rest = (trace.step, trace.split, trace.metric)
    write_trace(path, Trace({**trace.facts, **facts}, trace.times, *rest, value))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path, STUDY)
    return tmp_path


@pytest.mark.usefixtures("trained_here")
def test_a_sample_is_held_against_what_is_there(folder: Path) -> None:
    assert isinstance(optbench("verify", "study.yaml").exception, UserError)
    assert optbench("train", "study.yaml", "*").exit_code == 0
    paths = sorted(folder.glob("results/s/cells/line/sgd/constant/*.parquet"))
    change(paths[0], 1.0001)
    change(paths[1], 1.0001, commit="of another time")
    before = {path: path.read_bytes() for path in folder.glob("results/s/cells/**/*.parquet")}
    done = optbench("verify", "study.yaml", "--sample", "100%")
    assert done.exit_code == 1, done.stderr
    lines = {line.split()[1]: line for line in done.stdout.splitlines()}
    assert lines["line/mine/constant/0"].startswith(
        "ok  line/mine/constant/0  equal (must agree bit for bit)"
    )
    assert lines["line/sgd/constant/0"].startswith("BAD line/sgd/constant/0  close (must agree bit for bit)")
    assert lines["line/sgd/constant/1"].startswith(
        "ok  line/sgd/constant/1  close (must agree to 0.001: other commit)"
    )
    assert "3 of 4 cells hold up" in done.stderr
    # Nothing but the study itself is left, as it was.
    assert {path: path.read_bytes() for path in folder.glob("results/**/*.parquet")} == before


@pytest.mark.parametrize("sample", ["0", "-1", "2.5", "101%", "some"])
def test_a_sample_that_means_nothing(folder: Path, sample: str) -> None:
    done = optbench("verify", "study.yaml", "--sample", sample)
    assert done.exit_code == 2
    assert "neither a share such as 5% nor a number of cells" in done.stderr
