"""Two trainings held against each other: bit by bit, within a tolerance, and by the statistics."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy import stats

from optbench.cells.trace import Trace
from optbench.cli import cli
from optbench.core.errors import UserError
from optbench.findings.agreement import agreement, compare_results, passes, relative_difference


def trace(losses: Sequence[float], status: str = "ok", probe: float = 0.5) -> Trace:
    n = len(losses)
    return Trace(
        {"status": status},
        {"train_time_s": 1.0},
        np.array([*range(n), n], np.int32),
        ["validation"] * n + ["weights"],
        ["loss"] * n + ["update_cosine"],
        np.array([*losses, probe]),
    )


@pytest.mark.parametrize(
    ("a", "b", "kind", "worst"),
    [
        (trace([2.0, 1.0]), trace([2.0, 1.0]), "equal", 0.0),
        (trace([2.0, math.nan]), trace([2.0, math.nan]), "equal", 0.0),
        # |1 - 0.9995| / 1 = 0.0005: within 0.001; 0.998 is not.
        (trace([2.0, 1.0]), trace([2.0, 0.9995]), "close", 0.0005),
        (trace([2.0, 1.0]), trace([2.0, 0.998]), "different", 0.002),
        # A probe may move as it likes where the losses do not.
        (trace([2.0, 1.0]), trace([2.0, 1.0], probe=0.6), "close", 0.0),
        (trace([2.0, 1.0]), trace([2.0]), "different", math.inf),
        (trace([2.0, 1.0]), trace([2.0, 1.0], "diverged"), "different", math.inf),
        (trace([2.0, 1.0]), trace([2.0, math.nan]), "different", math.inf),
    ],
)
def test_traces_agree_as_far_as_their_losses(a: Trace, b: Trace, kind: str, worst: float) -> None:
    found = agreement(a, b)
    assert (found.kind, found.worst) == (kind, pytest.approx(worst))
    assert bool(found.why) == (kind != "equal")


def test_relative_difference_by_hand() -> None:
    assert relative_difference(np.array([]), np.array([])) == 0
    assert relative_difference(np.array([1.0, -4.0]), np.array([1.0, -5.0])) == pytest.approx(0.2)
    assert relative_difference(np.array([np.inf]), np.array([np.inf])) == 0
    assert relative_difference(np.array([0.0]), np.array([1e-300])) == 1


def results(
    folder: Path, losses: Sequence[float], optimizer: str = "adam", status: str = "ok", machine: str = "here"
) -> Path:
    """A result folder with one workload, schedule and optimizer; seed i has losses[i]."""
    rows = [
        {
            "cell": f"w/{optimizer}/constant/{seed}",
            "workload": "w",
            "optimizer": optimizer,
            "schedule": "constant",
            "seed": seed,
            "status": status,
            "steps": 10,
            "final_val_loss": loss,
        }
        for seed, loss in enumerate(losses)
    ]
    (folder / "tables").mkdir(parents=True)
    pd.DataFrame(rows).to_parquet(folder / "tables" / "runs.parquet")
    origin = {"versions": {"torch": "2"}, "machine": {"cpu": machine}}
    (folder / "tables" / "study.json").write_text(json.dumps({"provenance": origin}))
    return folder


BEFORE = [1.0, 1.1, 1.2, 0.9, 1.05, 0.95]


@pytest.mark.parametrize(
    ("after", "kind", "verdict", "holds"),
    [
        (BEFORE, "equal", "equal within 0%", True),
        ([x * 1.0001 for x in BEFORE], "close", "detected, below the threshold", True),
        ([x + 0.1 for x in BEFORE], "different", "worse", False),
        ([x - 0.1 for x in BEFORE], "different", "better", True),
        # Higher on every seed, but by a shift of half a percent: no practical matter.
        ([x + 0.005 for x in BEFORE], "different", "detected, below the threshold", True),
        # Three up, three down.
        (
            [x + d for x, d in zip(BEFORE, [0.1, -0.1] * 3, strict=True)],
            "different",
            "undecided",
            True,
        ),
        ([*[x + 0.1 for x in BEFORE[:5]]], "different", "insufficient data", False),
    ],
    ids=["equal", "close", "worse", "better", "hardly", "both ways", "five seeds"],
)
def test_verdicts(tmp_path: Path, after: list[float], kind: str, verdict: str, holds: bool) -> None:
    a = results(tmp_path / "a", BEFORE[: len(after)])
    rows = compare_results(a, results(tmp_path / "b", after))
    assert [(row.name, row.kind, row.verdict) for row in rows] == [("w/adam/constant", kind, verdict)]
    assert passes(rows, "not-worse") is holds
    assert passes(rows, "equal") is (kind == "equal")
    assert passes(rows, "close") is (kind != "different")


def test_the_numbers_behind_a_verdict(tmp_path: Path) -> None:
    rows = compare_results(
        results(tmp_path / "a", BEFORE), results(tmp_path / "b", [x + 0.1 for x in BEFORE])
    )
    d = np.log10([(x + 0.1) / x for x in BEFORE])
    wanted = stats.ttest_1samp(d, 0)
    assert (rows[0].n, rows[0].scale) == (6, "ratio")
    assert rows[0].effect == pytest.approx(10 ** d.mean())
    ends = wanted.confidence_interval()
    assert (rows[0].low, rows[0].high) == pytest.approx((10**ends.low, 10**ends.high))
    assert rows[0].p == pytest.approx(wanted.pvalue)


def test_runs_that_fail_now_are_worse_and_missing_ones_fail_the_gate(tmp_path: Path) -> None:
    a = results(tmp_path / "a", BEFORE)
    rows = compare_results(a, results(tmp_path / "b", [math.nan] * 6, status="diverged"))
    assert [(row.verdict, row.effect) for row in rows] == [("worse", math.inf)]
    rows = compare_results(a, results(tmp_path / "c", BEFORE[:4]))
    assert rows[0].missing == ("w/adam/constant/4", "w/adam/constant/5")
    assert not passes(rows, "not-worse")
    both = results(tmp_path / "d", [math.nan] * 6, status="diverged")
    assert compare_results(both, both)[0].verdict == "equal within 0%"


def test_an_optimizer_under_another_name(tmp_path: Path) -> None:
    a, b = results(tmp_path / "a", BEFORE), results(tmp_path / "b", BEFORE, "mine")
    with pytest.raises(UserError, match="share no cell"):
        compare_results(a, b)
    assert compare_results(a, b, rename={"adam": "mine"})[0].kind == "equal"
    with pytest.raises(UserError, match="no optimizer 'yours'"):
        compare_results(a, b, rename={"adam": "yours"})
    with pytest.raises(UserError, match="no result folder"):
        compare_results(a, tmp_path)


@pytest.mark.parametrize(
    ("shift", "more", "status"),
    [
        (0.0, [], 0),
        (0.1, [], 1),
        (-0.1, [], 0),
        (-0.1, ["--require", "close"], 1),
        (0.1, ["--threshold", "0.5"], 0),
    ],
)
def test_the_gate_of_a_ci(tmp_path: Path, shift: float, more: list[str], status: int) -> None:
    a = results(tmp_path / "a", BEFORE)
    b = results(tmp_path / "b", [x + shift for x in BEFORE], machine="elsewhere")
    done = CliRunner().invoke(cli, ["compare", str(a), str(b), *more])
    assert done.exit_code == status, done.output
    assert "w/adam/constant" in done.output
    assert "made on other machines" in done.output


def test_losses_from_one_end_of_the_floats_to_the_other_are_told_apart(tmp_path: Path) -> None:
    ends = [1.7e308 * k for k in (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)]
    (row,) = compare_results(results(tmp_path / "a", ends), results(tmp_path / "b", [-x for x in ends]))
    assert (row.kind, row.effect, row.scale, row.verdict) == ("different", -math.inf, "difference", "better")
