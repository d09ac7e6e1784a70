"""Studies whose losses are known: traces made up from an array, and the public stages from there on.

A study is laid out once and then filled with other losses as often as wanted: its traces are overwritten,
and `optbench collect` and `optbench summarize` run in this process, in the current folder. Nothing is
trained.
"""

from __future__ import annotations

import json
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from optbench.cells.matrix import cells_of
from optbench.cells.paths import trace_path
from optbench.cells.trace import Trace, cell_facts, write_trace
from optbench.cli import cli
from optbench.core.status import DIVERGED, OK
from optbench.findings.analysis import compare_all
from optbench.study.resolve import read_study

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPTIMIZERS = ("sgd", "heavy_ball", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "lion", "muon")
SCHEDULES = ("constant", "cosine")
WORKLOADS = {"digits_mlp": 32, "logistic_regression": None, "digits_mlp_again": 32}
"""Names with batch sizes, in the order of real_noise.csv. The third is a copy of the first."""

STEPS, EVERY = 40, 10
EVALUATED = tuple(range(0, STEPS + 1, EVERY))
LEVELS = (0.4, -0.6, -0.8, -0.95, -1.0)
"""log10 of the loss at the evaluated steps, before noise: a curve that falls and flattens."""

TARGET = 10 ** LEVELS[-2]
"""The loss that counts as reached: half of all runs reach it an evaluation earlier than the others."""

BROKE_OFF = 2
"""Evaluations that a diverged run has."""


@dataclass(frozen=True)
class Shape:
    """How many of each make up a study."""

    workloads: int
    optimizers: int
    seeds: int
    schedules: int = len(SCHEDULES)

    @property
    def cells(self) -> tuple[int, int, int, int]:
        """Workloads x optimizers x schedules x seeds: the order of the study's cells."""
        return self.workloads, self.optimizers, self.schedules, self.seeds


DECIDED = ("comparisons", "main_effects", "interactions")
"""The tables that hold verdicts."""


@dataclass(frozen=True)
class Runs:
    """What the runs of a study come to.

    Attributes:
        noise: log10 of the loss less its level at the evaluations after the first, shape (4, *cells).
        diverged: which of them diverge, shape (*cells).
    """

    noise: NDArray[np.float64]
    diverged: NDArray[np.bool_]


class Fabricated:
    """A study in the current folder whose traces are made up."""

    def __init__(self, name: str, shape: Shape) -> None:
        self.shape = shape
        self.file = Path(f"{name}.yaml")
        self.file.write_text(_text(name, shape), encoding="utf-8")
        study = read_study(self.file)
        self.results = study.results
        # Who a cell is stays the same whatever it comes to.
        self._cells = [(trace_path(cell), _facts(cell_facts(cell))) for cell in cells_of(study)]

    def fill(self, runs: Runs) -> None:
        """Writes the trace of every cell."""
        noise = runs.noise.reshape(len(EVALUATED) - 1, -1)
        losses = 10 ** (np.array(LEVELS)[:, None] + np.vstack([np.zeros(noise.shape[1]), noise]))
        for (path, facts), loss, diverged in zip(
            self._cells, losses.T, runs.diverged.ravel().tolist(), strict=True
        ):
            write_trace(path, _trace(facts, loss, diverged=diverged))

    def decide(self, *, whole: bool) -> dict[str, list[dict[str, Any]]]:
        """Every table with verdicts by its name, and the findings.

        Args:
            whole: by the commands that a user gives, findings and all; else `collect` and what decides, which
                takes a third of the time: findings repeat verdicts of these tables.
        """
        folder = self.results / "tables"
        self._run("collect")
        if not whole:
            decided = compare_all(folder)
            tables = {name: getattr(decided, name) for name in DECIDED}
            return {name: table.to_dict("records") for name, table in tables.items()}
        self._run("summarize")
        found = {file.stem: pd.read_parquet(file) for file in sorted(folder.glob("*.parquet"))}
        rows = {name: table.to_dict("records") for name, table in found.items() if "verdict" in table}
        return rows | {"findings": json.loads((folder / "findings.json").read_text(encoding="utf-8"))}

    def _run(self, stage: str) -> None:
        with redirect_stderr(StringIO()):
            cli.main([stage, str(self.file)], standalone_mode=False)


def _text(name: str, shape: Shape) -> str:
    overrides = f"eval_every: {EVERY}, target: {TARGET:.6g}"
    lines = [f"study: {name}", "device: cpu", f"seeds: {shape.seeds}", "timing: false", "probes: false"]
    lines += ["workloads:"]
    for workload in list(WORKLOADS)[: shape.workloads]:
        like = workload.removesuffix("_again")
        lines += [f"  {workload}: {{{f'like: {like}, ' if like != workload else ''}{overrides}}}"]
    lines += [f"optimizers: [{', '.join(OPTIMIZERS[: shape.optimizers])}]"]
    lines += [f"schedules: [{', '.join(SCHEDULES[: shape.schedules])}]"]
    return "\n".join(lines) + "\n"


def _facts(of_cell: dict[str, Any]) -> dict[str, Any]:
    """What a trace of this cell would say beside its outcome."""
    batch_size = WORKLOADS[of_cell["workload"]]
    workload = {
        "budget": STEPS,
        "eval_every": EVERY,
        "target": TARGET,
        "optimum": None,
        "batch_size": batch_size,
        "steps_per_epoch": 34 if batch_size else 1,
        "n_train": 1079,
        "n_validation": 359,
        "n_test": 359,
        "n_parameters": 2410,
        "coordinates": [],
        "landscape": "",
        "descends_its_loss": False,
        "drop_last": False,
    }
    execution = {"seeds": "alone", "step": "eager", "why": ""}
    return {**of_cell, "workload_facts": workload, "execution": execution}


def _trace(facts: dict[str, Any], loss: NDArray[np.float64], *, diverged: bool) -> Trace:
    if diverged:
        loss = loss[:BROKE_OFF]
    seen, n = EVALUATED[: len(loss)], len(loss)
    outcome = {"status": OK.name, "error": "", "steps": STEPS}
    if diverged:
        step = seen[-1] + 1
        outcome = {"status": DIVERGED.name, "error": f"batch loss nan at step {step}", "steps": step}
    return Trace(
        facts={**facts, **outcome},
        times={"train_time_s": 0.1, "eval_time_s": 0.0, "probe_time_s": 0.0, "started": 0.0},
        step=np.array([*seen, *seen], np.int32),
        split=["train"] * n + ["validation"] * n,
        metric=["loss"] * (2 * n),
        value=np.concatenate([loss, loss]),
    )
