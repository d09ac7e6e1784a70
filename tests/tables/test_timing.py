"""The table of step times: what is noisy, broken files, times to a target."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from lab.timing import rows_of, timed_study
from optbench.cells.timing_file import BATCH, KERNEL, OPTIMIZER, STEP, TWIN, read_timing
from optbench.cells.timings import timing_path, timings_of
from optbench.cells.trace import BadTraceError
from optbench.study.study import Study
from optbench.tables.timing import collect_timing, seconds_to_target
from optbench.training.timing.rounds import Rounds

# The flag


def blocks_of(ratios: np.ndarray, kernel: np.ndarray | None = None) -> Rounds:
    """Rounds in which the twin took `ratios` times as long as the reference."""
    rows = []
    for i, ratio in enumerate(ratios):
        for role, us in ((OPTIMIZER, 100.0), (TWIN, 100.0 * ratio)):
            rows.append(
                {
                    "round": i,
                    "kind": STEP,
                    "role": role,
                    "optimizer": "a",
                    "steps": 1,
                    "block_us": us,
                    "step_us": [us],
                }
            )
        rows.append(
            {"round": i, "kind": KERNEL, "steps": 1, "block_us": 1.0 if kernel is None else kernel[i]}
        )
        rows.append({"round": i, "kind": BATCH, "steps": 2, "block_us": 8.0})
    return Rounds(rows)


QUIET = 1 + np.linspace(-0.004, 0.004, 20)


@pytest.mark.parametrize(
    ("found", "facts", "word"),
    [
        (blocks_of(QUIET), {}, ""),
        (blocks_of(QUIET + 0.008), {}, ""),  # the interval misses 1, but by no more than chance may
        (blocks_of(QUIET + 0.03), {}, "against itself took 1.03"),
        (blocks_of(1 + np.linspace(-0.1, 0.1, 20)), {}, "known to"),
        (blocks_of(QUIET[:5]), {}, "5 rounds"),
        (blocks_of(QUIET), {"other_cpus": 0.39}, ""),
        (blocks_of(QUIET), {"other_cpus": 0.41}, "0.41 of 4 processors"),
        (blocks_of(QUIET), {"other_cpus": None}, ""),
        (blocks_of(QUIET, np.linspace(0.5, 1.5, 20)), {}, "fixed kernel"),
        (blocks_of(QUIET, np.linspace(0.95, 1.05, 20)), {}, ""),
    ],
)
def test_the_noise_flag_says_why(found, facts, word):
    row = rows_of(found, ["a"], **facts)["a"]
    assert row["noisy"] == bool(word)
    assert word in row["noise"]
    assert row["batch_us"] == 4


@pytest.fixture
def study(tmp_path, monkeypatch) -> Study:
    monkeypatch.chdir(tmp_path)
    return timed_study()


def test_a_broken_file_is_told(study):
    path = timing_path(timings_of(study)[0])
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PAR1 and then nothing")
    with pytest.raises(BadTraceError):
        read_timing(path)
    assert "is not whole" in collect_timing(study).loc[0, "error"]


def test_time_to_target_is_steps_times_step_time():
    runs = pd.DataFrame(
        {
            "workload": ["w", "w", "v", "w"],
            "optimizer": ["a", "b", "a", "a"],
            "steps_to_target": [1000.0, 1000.0, 5.0, math.nan],
        },
        index=[3, 1, 4, 7],
    )
    timing = pd.DataFrame({"workload": ["w", "w"], "optimizer": ["a", "b"], "step_time_us": [200.0, 500.0]})
    found = seconds_to_target(runs, timing)
    assert list(found.index) == [3, 1, 4, 7]
    assert found.tolist()[:2] == [0.2, 0.5]
    assert found.isna().tolist() == [False, False, True, True]
