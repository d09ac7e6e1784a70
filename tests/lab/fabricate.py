"""Fabricated tables of a study, as `collect` and `summarize` write them, for tests of figures and the page.

Everything follows from the arguments; the numbers are made up but for the ravine, which is computed.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from optbench.findings.write import write_findings
from optbench.tables.figure_tables import write_figure_tables
from optbench.tables.sensitivity import summarize_tuning
from optbench.tables.tuning import TUNING_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TRACEBACK = """Traceback (most recent call last):
  File "/home/alice/lab/my_lab.py", line 7, in step
    raise ValueError("<script>alert('step 10')</script> & co")
ValueError: <script>alert('step 10')</script> & co"""

HOSTILE = ("</script><script>alert(1)</script>", "quo\"te's & <b>", "学习率 动量", r"$\alpha_{1}^{2}$ %#~{}")
"""Names that break pages, formulas, shells and LaTeX."""


@dataclass(frozen=True)
class Fake:
    """What to fabricate.

    Attributes:
        workloads: names; `ravine` is computed, the rest invented.
        optimizers: names.
        schedules: names.
        seeds: how many.
        evaluations: points of a curve.
        statuses: status by cell name where it isn't `ok`.
        status: of all other cells.
        config_path: the study file.
        title: of the study.
        oscillation: whether the run table and the summary have its measures.
        timed: whether there is a timing table.
        noise: why a workload's timing is noisy, by name.
        untimed: why there is no time, by workload/optimizer.
        tuned: whether learning rates were searched.
        reference: the optimizer of all ratios, "" for the first.
        race: seeds at the looks of a race; empty for none.
    """

    workloads: tuple[str, ...] = ("ravine", "digits")
    optimizers: tuple[str, ...] = ("sgd", "momentum", "adam")
    schedules: tuple[str, ...] = ("constant", "cosine")
    seeds: int = 4
    evaluations: int = 51
    statuses: Mapping[str, str] = field(default_factory=dict)
    status: str = "ok"
    config_path: str = "config/mine.yaml"
    title: str = "Three optimizers on two workloads"
    oscillation: bool = False
    timed: bool = False
    noise: Mapping[str, str] = field(default_factory=dict)
    untimed: Mapping[str, str] = field(default_factory=dict)
    tuned: bool = False
    reference: str = ""
    race: tuple[int, ...] = ()

    @property
    def cells(self) -> int:
        """How many cells that makes."""
        return len(self.workloads) * len(self.optimizers) * len(self.schedules) * self.seeds


def large(cells: int) -> Fake:
    """Return a study of about `cells` cells in the shape of a real one, with everything measured."""
    names = ("sgd", "momentum", "adam", *(f"optimizer_{i}" for i in range(7)))
    if cells < 2000:
        workloads, optimizers, schedules, seeds = 3, 6, 2, 6
    else:
        workloads, optimizers, schedules, seeds = 10, 10, 4, 25
    return Fake(
        workloads=("ravine", *(f"workload_{i}" for i in range(workloads - 1))),
        optimizers=names[:optimizers],
        schedules=("constant", "cosine", "step", "warmup_cosine")[:schedules],
        seeds=max(round(cells / (workloads * optimizers * schedules)), 1) if cells < 2000 else seeds,
        evaluations=26,
        oscillation=True,
        timed=True,
    )


def ravine_path(momentum: float, lr: float, steps: int) -> np.ndarray:
    """Return the positions of heavy ball on x^2/16 + 9 y^2 from (-2.4, 0.2), shape (steps + 1, 2)."""
    place, velocity = np.array([-2.4, 0.2]), np.zeros(2)
    path = [place]
    for _ in range(steps):
        velocity = momentum * velocity + np.array([place[0] / 8, 18 * place[1]])
        place = place - lr * velocity
        path.append(place)
    return np.array(path)


def fabricate(results: Path, fake: Fake | None = None) -> Path:
    """Write results/<study>/tables and return the results folder."""
    fake = fake or Fake()
    tables = results / "tables"
    tables.mkdir(parents=True, exist_ok=True)
    runs, curves = _runs(results.name, fake)
    if fake.oscillation:
        runs = with_oscillation(runs)
    if fake.timed:
        timing_table(fake).to_parquet(tables / "timing.parquet", index=False)
    runs.to_parquet(tables / "runs.parquet", index=False)
    curves.to_parquet(tables / "curves.parquet", index=False)
    _convergence(runs, curves).to_parquet(tables / "convergence.parquet", index=False)
    _summary(runs).to_parquet(tables / "summary.parquet", index=False)
    (tables / "study.json").write_text(json.dumps(_study(results.name, fake)), encoding="utf-8")
    write_figure_tables(tables)
    if fake.tuned:
        tuning_table(fake).to_parquet(tables / "tuning.parquet", index=False)
        summarize_tuning(results)
    write_findings(results)
    return results


def _runs(study: str, fake: Fake) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows: list[dict[str, Any]] = []
    curves: list[pd.DataFrame] = []
    rng = np.random.default_rng(0)
    for workload in fake.workloads:
        for o, optimizer in enumerate(fake.optimizers):
            for s, schedule in enumerate(fake.schedules):
                for seed in range(fake.seeds):
                    cell = f"{workload}/{optimizer}/{schedule}/{seed}"
                    status = fake.statuses.get(cell, fake.status)
                    steps = np.arange(fake.evaluations)
                    lr = 0.1 / 10**o
                    if workload == "ravine":
                        path = ravine_path((0.0, 0.8, 0.9)[o % 3], 0.1 / (1 + s), fake.evaluations - 1)
                        loss = path[:, 0] ** 2 / 16 + 9 * path[:, 1] ** 2
                        lr = 0.1 / (1 + s)
                    else:
                        path = np.empty((0, 2))
                        floor = 0.05 * (1 + o) * (1 + 0.2 * s) * math.exp(0.1 * rng.standard_normal())
                        loss = floor + 2.3 * np.exp(-steps / (5 + 2 * o))
                    whole = status == "ok"
                    until = len(steps) if whole else (0 if status == "missing" else len(steps) // 3)
                    digest = f"{hash_of(cell):08x}"
                    trace = f"{workload}/{optimizer}/{schedule}/seed{seed}-{digest}.parquet"
                    crossing = np.flatnonzero(loss[:until] <= 0.2)
                    reached = float(steps[crossing[0]]) if crossing.size else math.nan
                    rows.append(
                        {
                            "cell": cell,
                            "workload": workload,
                            "optimizer": optimizer,
                            "schedule": schedule,
                            "lr": lr,
                            "ruleset": "tuned" if fake.tuned else "fixed",
                            "seed": seed,
                            "status": status,
                            "steps": max(until - 1, 0),
                            "final_train_loss": loss[-1] * 0.9 if whole else math.nan,
                            "final_val_loss": loss[-1] if whole else math.nan,
                            "best_val_loss": loss[:until].min() if until else math.nan,
                            "final_val_accuracy": (
                                math.exp(-loss[-1]) if whole and workload != "ravine" else math.nan
                            ),
                            "final_test_loss": loss[-1] * 1.1 if whole else math.nan,
                            "final_test_accuracy": math.nan,
                            "steps_to_target": reached,
                            "train_time_s": 0.1 + 0.01 * o if status != "missing" else math.nan,
                            "digest": digest,
                            "error": TRACEBACK if status == "error" else "",
                            "path": f"results/{study}/cells/{trace}",
                        }
                    )
                    pairs = [("validation", "loss", loss), ("train", "loss", loss * 0.9)]
                    if workload != "ravine":
                        pairs.append(("validation", "accuracy", np.exp(-loss)))
                    share = np.ones(len(steps)) if s == 0 else (1 + np.cos(np.pi * steps / steps[-1])) / 2
                    pairs.append(("schedule", "lr", lr * share))
                    if len(path):
                        pairs += [("weights", "x", path[:, 0]), ("weights", "y", path[:, 1])]
                    curves += [
                        pd.DataFrame(
                            {"cell": cell, "step": steps[:until], "split": a, "metric": b, "value": v[:until]}
                        )
                        for a, b, v in pairs
                    ]
    return pd.DataFrame(rows), pd.concat(curves, ignore_index=True)


def with_oscillation(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs with the measures of oscillation: NaN where a run never started."""
    started = runs["status"].ne("missing").to_numpy()
    cosine = np.linspace(-0.9, 0.9, len(runs)).round(3)
    ravine = runs["workload"].eq("ravine").to_numpy()
    measures = {
        "update_cosine": cosine,
        "update_cosine_excess": cosine - 0.1,
        "gradient_cosine": -cosine,
        "sign_flip_rate": (1 - cosine) / 2,
        "tortuosity": 2 - cosine,
        "overshoot": np.where(ravine, cosine / 2, np.nan),
        "loss_rise": cosine**2,
        "residual_amplitude": cosine**2 / 1000,
    }
    return runs.assign(**{name: np.where(started, values, np.nan) for name, values in measures.items()})


def timing_table(fake: Fake) -> pd.DataFrame:
    """Return step times in no useful order: 100 us for the reference, then 1.5 times as long each."""
    rows = []
    for workload in reversed(fake.workloads):
        for o, optimizer in enumerate(fake.optimizers):
            error = fake.untimed.get(f"{workload}/{optimizer}", "")
            known = math.nan if error else 1.0
            ratio = 1.5**o * known
            noise = fake.noise.get(workload, "")
            rows.append(
                {
                    "workload": workload,
                    "optimizer": optimizer,
                    "step_time_us": 100 * ratio,
                    "step_time_low": 96 * ratio,
                    "step_time_high": 105 * ratio,
                    "step_time_p95_us": 120 * ratio,
                    "optimizer_step_us": 30 * ratio,
                    "ratio_to_sgd": ratio,
                    "ratio_low": ratio * 0.98**o,
                    "ratio_high": ratio * 1.03**o,
                    "state_bytes_per_param": 4.0 * o * known,
                    "peak_memory_bytes": 2048 * (1 + o) * known,
                    "noisy": bool(noise),
                    "rounds": 0 if error else 12 + o,
                    "reference": fake.reference or fake.optimizers[0],
                    "threads": 1,
                    "device": "cpu",
                    "machine": "Example CPU, 8 cores, Linux 6.1",
                    "noise": noise,
                    "error": error,
                }
            )
    return pd.DataFrame(rows)


def tuning_table(fake: Fake) -> pd.DataFrame:
    """Return trials of four rates and two seeds: a parabola in log lr, wide for every third optimizer.

    The first optimizer chooses the edge of the grid, the second diverges above its choice.
    """
    rows = [
        {
            "workload": workload,
            "optimizer": optimizer,
            "schedule": schedule,
            "lr": 10.0**power,
            "seed": seed,
            "status": "diverged" if (o % 3, power) == (1, 0) else "ok",
            "val_loss": (
                math.nan
                if (o % 3, power) == (1, 0)
                else 0.1 + (0.005 if o % 3 == 2 else 1) * (power + o % 3) ** 2
            ),
            "selected": power == -(o % 3),
            "at_edge": o == 0,
            "settings": "",
            "in_first_grid": True,
            "initial_val_loss": 2.3,
            "path": "",
        }
        for workload in fake.workloads
        for o, optimizer in enumerate(fake.optimizers)
        for schedule in fake.schedules
        for power in (-3, -2, -1, 0)
        for seed in (1000, 1001)
    ]
    return pd.DataFrame(rows, columns=list(TUNING_COLUMNS)).astype(TUNING_COLUMNS)


def hash_of(text: str) -> int:
    """Return a number for a text, the same in every process."""
    value = 7
    for character in text:
        value = (value * 31 + ord(character)) % 2**32
    return value


def _interval(values: np.ndarray) -> tuple[float, float, float]:
    """Median with smallest and largest value: order statistics with coverage 1 - 2^(1-n)."""
    ordered = np.sort(values)
    middle = (ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2])
    median = middle[0] if middle[0] == middle[1] else sum(middle) / 2
    return float(median), float(ordered[0]), float(ordered[-1])


def _convergence(runs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    out = []
    by_cell = dict(list(curves[curves["split"] != "weights"].groupby(["cell", "split", "metric"])))
    for (workload, optimizer, schedule), group in runs.groupby(
        ["workload", "optimizer", "schedule"], sort=False
    ):
        for split, metric in (("validation", "loss"), ("validation", "accuracy"), ("train", "loss")):
            series = [by_cell.get((cell, split, metric)) for cell in group["cell"]]
            found = [s for s in series if s is not None and len(s)]
            if not found:
                continue
            grid = max(found, key=len)["step"].to_numpy()
            worst = -math.inf if metric == "accuracy" else math.inf
            values = np.full((len(group), len(grid)), worst)
            for row, one in zip(values, series, strict=True):
                if one is not None:
                    row[: len(one)] = one["value"]
            for index, step in enumerate(grid):
                median, low, high = _interval(values[:, index])
                out.append(
                    {
                        "workload": workload,
                        "optimizer": optimizer,
                        "schedule": schedule,
                        "split": split,
                        "metric": metric,
                        "step": step,
                        "n": len(group),
                        "n_ok": int(np.isfinite(values[:, index]).sum()),
                        "median": median,
                        "low": low if len(group) > 1 else math.nan,
                        "high": high if len(group) > 1 else math.nan,
                        "coverage": 1 - 2.0 ** (1 - len(group)) if len(group) > 1 else math.nan,
                    }
                )
    columns = "workload optimizer schedule split metric step n n_ok median low high coverage"
    return pd.DataFrame(out, columns=columns.split())


def _summary(runs: pd.DataFrame) -> pd.DataFrame:
    out = []
    for names, group in runs.groupby(["workload", "optimizer", "schedule"], sort=False):
        ran = group[group["status"] != "missing"]
        for metric in (
            "final_val_loss",
            "best_val_loss",
            "final_train_loss",
            "final_val_accuracy",
            "steps_to_target",
            "train_time_s",
        ):
            of_workload = runs.loc[runs["workload"] == group["workload"].iloc[0], metric]
            values = ran[metric].to_numpy(float)
            if not len(values) or not np.isfinite(of_workload).any():
                continue
            worst = -math.inf if metric == "final_val_accuracy" else math.inf
            estimate, low, high = _interval(np.where(np.isnan(values), worst, values))
            out.append(
                {
                    **dict(zip(("workload", "optimizer", "schedule"), names, strict=True)),
                    "metric": metric,
                    "n": len(group),
                    "n_ok": int((ran["status"] == "ok").sum()),
                    "estimate": estimate,
                    "low": low if len(values) > 1 else math.nan,
                    "high": high if len(values) > 1 else math.nan,
                    "coverage": 1 - 2.0 ** (1 - len(values)) if len(values) > 1 else math.nan,
                }
            )
        cosines = ran["update_cosine"].dropna().to_numpy(float) if "update_cosine" in ran else np.empty(0)
        if len(cosines):
            estimate, low, high = _interval(cosines)
            out.append(
                {
                    **dict(zip(("workload", "optimizer", "schedule"), names, strict=True)),
                    "metric": "update_cosine",
                    "n": len(group),
                    "n_ok": int((ran["status"] == "ok").sum()),
                    "estimate": estimate,
                    "low": low if len(cosines) > 1 else math.nan,
                    "high": high if len(cosines) > 1 else math.nan,
                    "coverage": 1 - 2.0 ** (1 - len(cosines)) if len(cosines) > 1 else math.nan,
                }
            )
    columns = "workload optimizer schedule metric n n_ok estimate low high coverage"
    return pd.DataFrame(out, columns=columns.split())


def _study(study: str, fake: Fake) -> dict[str, Any]:
    return {
        "study": study,
        "title": fake.title,
        "question": "Which optimizer gets a loss down soonest, and under which schedule?",
        "config_path": fake.config_path,
        "config_text": f"study: {study}\nseeds: {fake.seeds}\n# <not a tag> & kept as it is\n",
        "seeds": list(range(fake.seeds)),
        "report": {
            "threshold": 0.01,
            "reference": fake.reference or fake.optimizers[0],
            "error": 0.05,
            "equal_within": 0.1,
            "seed": 0,
        },
        "tuning": (
            {"seeds": [1000, 1001], "low": 1e-3, "high": 1.0, "per_decade": 1, "widen": 0}
            if fake.tuned
            else None
        ),
        "race": (
            {"looks": list(fake.race), "equal_within": None, "budget": None, "extended": []}
            if fake.race
            else None
        ),
        "workloads": {
            name: {
                "label": {"ravine": "Ravine", "digits": "Digits, MLP"}.get(name, name),
                "factory": "optbench.catalogue.workloads:any",
                "dataset": None if name == "ravine" else "digits",
                "steps": fake.evaluations - 1,
                "batch_size": None if name == "ravine" else 64,
                "steps_per_epoch": 1,
                "n_train": 1 if name == "ravine" else 1078,
                "n_parameters": 2 if name == "ravine" else 2410,
                "target": 0.2,
                "optimum": 0.0 if name == "ravine" else None,
                "eval_every": 1,
                "coordinates": ["x", "y"] if name == "ravine" else [],
                "landscape": "ravine" if name == "ravine" else "",
            }
            for name in fake.workloads
        },
        "optimizers": {
            name: {
                "label": {"sgd": "SGD", "adam": "Adam"}.get(name, name),
                "factory": "torch.optim:SGD",
                "lr": 0.1,
                "settings": {},
            }
            for name in fake.optimizers
        },
        "schedules": {
            name: {
                "label": name.capitalize() if name.isascii() else name,
                "factory": "" if name == "constant" else "torch.optim.lr_scheduler:CosineAnnealingLR",
                "settings": {},
            }
            for name in fake.schedules
        },
        "datasets": {
            "digits": {
                "source": "scikit-learn load_digits (UCI 80)",
                "licence": "CC BY 4.0",
                "sha256": "ab" * 32,
                "splits": {"train": 1078, "validation": 359, "test": 360},
                "status": "ready",
            }
        },
        "provenance": {
            "versions": {"python": "3.11.2", "torch": "2.9.0", "optbench": "0.1.0"},
            "machine": {"cpu": "Example CPU", "cores": 8, "memory_gib": 32, "system": "Linux 6.1"},
            "commit": "0123456789abcdef",
            "dirty": True,
            "threads": 1,
            "device": "cpu",
            "command": "snakemake --cores all --configfile /home/alice/studies/mine.yaml",
        },
        "execution": [
            {"how": "alone", "why": "Muon is odd", "cells": 1},
            {"how": "batched", "why": "", "cells": 2},
        ],
        "mixed": ["The traces come from 2 different machines."],
    }
