"""`optbench verify`: a sample is trained again and held against what is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from studies import run, write_study

from optbench.trace import Trace, read_trace, write_trace

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


def test_a_sample_is_held_against_what_is_there(tmp_path: Path) -> None:
    write_study(tmp_path, STUDY)
    assert run("optbench", "verify", "study.yaml", cwd=tmp_path).returncode == 2
    assert run("optbench", "train", "study.yaml", "*", cwd=tmp_path).returncode == 0
    paths = sorted(tmp_path.glob("results/s/cells/line/sgd/constant/*.parquet"))
    change(paths[0], 1.0001)
    change(paths[1], 1.0001, commit="of another time")
    before = {path: path.read_bytes() for path in tmp_path.glob("results/s/cells/**/*.parquet")}
    done = run("optbench", "verify", "study.yaml", "--sample", "100%", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
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
    assert {path: path.read_bytes() for path in tmp_path.glob("results/**/*.parquet")} == before


@pytest.mark.parametrize("sample", ["0", "-1", "2.5", "101%", "some"])
def test_a_sample_that_means_nothing(tmp_path: Path, sample: str) -> None:
    write_study(tmp_path, STUDY)
    done = run("optbench", "verify", "study.yaml", "--sample", sample, cwd=tmp_path)
    assert done.returncode == 2
    assert "neither a share such as 5% nor a number of cells" in done.stderr
