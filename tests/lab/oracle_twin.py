"""The oracle's study by plain recursions: an independent harness for a handful of optimizers, in numpy.

It writes the tables that `collect` would write. Nothing of optbench's training side is in it; the study file
is read with optbench.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from optbench.cells.cell import CellSpec
from optbench.cells.matrix import cells_of
from optbench.study.resolve import read_study


def schedule_factors(name: str, steps: int) -> np.ndarray:
    """The share of lr of every step, each schedule written out from its definition."""
    t = np.arange(steps)
    w, v, d = steps // 10, steps // 20, steps // 5
    peak, low, least = 3 * steps // 10 - 1, 1 / 25, 1 / 25 / 1e4
    rising = low + (1 - low) * (1 - np.cos(np.pi * t / peak)) / 2
    falling = least + (1 - least) * (1 + np.cos(np.pi * (t - peak) / (steps - 1 - peak))) / 2
    cosine = (1 + np.cos(np.pi * (t - w) / (steps - w))) / 2
    courses = {
        "constant": np.ones(steps),
        "step": 0.1 ** (t // (3 * steps // 10)),
        "multi_step": np.where(t < steps // 2, 1, np.where(t < 3 * steps // 4, 0.1, 0.01)),
        "exponential": 0.01 ** (t / steps),
        "polynomial": 1 - t / steps,
        "cosine": (1 + np.cos(np.pi * t / steps)) / 2,
        "one_cycle": np.where(t <= peak, rising, falling),
        "warmup_cosine": np.where(t < w, (t + 1) / (w + 1), cosine),
        "warmup_stable_decay": np.minimum.reduce([(t + 1) / (v + 1), np.ones(steps), (steps - t) / d]),
    }
    return courses[name]


def update(kind: str, o: dict[str, Any], state: dict[str, Any], t: int, w, g, lr):
    """One update of w, from the papers."""
    b = o.get("momentum", 0.0)
    if kind == "SGD":
        g = g + o.get("weight_decay", 0.0) * w
        state["v"] = b * state.get("v", 0.0) + g
        return w - lr * (g + b * state["v"] if o.get("nesterov") else state["v"] if b else g)
    if kind == "HeavyBallAveraged":
        state["v"] = b * state.get("v", 0.0) + (1 - b) * g
        return w - lr * state["v"]
    if kind == "Adagrad":
        state["s"] = state.get("s", 0.0) + g * g
        return w - lr * g / (np.sqrt(state["s"]) + o["eps"])
    if kind == "RMSprop":
        state["s"] = o["alpha"] * state.get("s", 0.0) + (1 - o["alpha"]) * g * g
        return w - lr * g / (np.sqrt(state["s"]) + o["eps"])
    assert kind in {"Adam", "AdamW"}
    b1, b2 = o["betas"]
    decay = o.get("weight_decay", 0.0)
    if kind == "AdamW":
        w = w - lr * decay * w
    else:
        g = g + decay * w
    state["m"] = b1 * state.get("m", 0.0) + (1 - b1) * g
    state["s"] = b2 * state.get("s", 0.0) + (1 - b2) * g * g
    return w - lr * (state["m"] / (1 - b1**t)) / (np.sqrt(state["s"] / (1 - b2**t)) + o["eps"])


def simulate(cell: CellSpec, scale: float, damp: float) -> tuple[str, np.ndarray, np.ndarray, np.ndarray]:
    """A cell's status, points (steps + 1, coordinates), gradients and losses; see `write_twin`."""
    s: dict[str, Any] = dict(cell.workload.settings)
    o: dict[str, Any] = dict(cell.optimizer.settings)
    if "momentum" in o:
        o["momentum"] *= damp
    kind = cell.workload.factory.rpartition(":")[2]
    steps = int(cell.workload.overrides["steps"])
    h = np.repeat(np.array(s.get("curvatures", [0.0])), s.get("copies", 1))
    w = np.full(len(h), s.get("start", 0.0 if kind == "alternating" else 1.0))
    noise = np.random.default_rng(cell.seed).standard_normal((steps, len(h))) * s.get("noise", 0.0)
    lrs = cell.lr * scale * schedule_factors(cell.schedule.name, steps)
    method = cell.optimizer.factory.rpartition(":")[2]
    state: dict[str, Any] = {}
    points, gradients = [w], []
    status = "ok"
    for t in range(steps):
        if kind == "spectrum":
            g = h * w + noise[t]
        else:
            g = np.full(1, s["gradient"] * ((-1) ** t if kind == "alternating" else 1))
        w = update(method, o, state, t + 1, w, g, lrs[t])
        gradients.append(g)
        if kind == "spectrum" and (h * w * w).sum() / 2 > 1e6:
            status = "diverged"
            break
        points.append(w)
    kept = np.array(points)
    return status, kept, np.array(gradients), (h * kept**2).sum(axis=1) / 2


def measures(
    points: np.ndarray, gradients: np.ndarray, losses: np.ndarray, momentum: float
) -> dict[str, float]:
    """The run table's columns by their definitions, all steps and coordinates taken."""
    d = np.diff(points, axis=0)
    cosine = (d[1:] * d[:-1]).sum() / (d * d).sum()
    norms = np.linalg.norm(gradients, axis=1)
    rate = np.nan
    if (losses > 0).all():
        half = len(losses) // 2
        rate = np.exp(np.polyfit(np.arange(half, len(losses)), np.log(losses[half:]), 1)[0])
    moves = d[-255:, 0] - d[-255:, 0].mean()
    fine = np.abs(np.fft.rfft(moves * np.hanning(len(moves)), 2**16))
    before, after = (
        (gradients[:-1] * d[: len(gradients) - 1]).sum(),
        (gradients[1:] * d[: len(gradients) - 1]).sum(),
    )
    return {
        "linear_rate": rate,
        "update_cosine": cosine,
        "update_cosine_excess": cosine - momentum,
        "gradient_cosine": (gradients[1:] * gradients[:-1]).sum()
        / max((norms[1:] * norms[:-1]).sum(), 1e-300),
        "sign_flip_rate": ((d[1:] * d[:-1]) < 0).mean(),
        "tortuosity": np.linalg.norm(d, axis=1).sum() / np.linalg.norm(points[-1] - points[0]),
        "overshoot": -after / before if before else np.nan,
        "loss_rise": np.maximum(np.diff(losses), 0).sum() / max(losses[0] - losses.min(), 1e-300),
        "dominant_frequency": fine.argmax() / 2**16,
    }


def write_twin(tables: Path, study_file: Path, scale: float = 1.0, damp: float = 1.0) -> Path:
    """Write runs, curves and study.json of the study.

    Every lr is `scale` times and every momentum `damp` times what the tables say.
    """
    study = read_study(study_file)
    tables.mkdir(parents=True, exist_ok=True)
    rows, curves = [], []
    for cell in cells_of(study):
        status, points, gradients, losses = simulate(cell, scale, damp)
        names = cell.name.split("/")
        rows.append(
            {
                "cell": cell.name,
                **dict(zip(("workload", "optimizer", "schedule"), names, strict=False)),
                "lr": cell.lr,
                "seed": cell.seed,
                "status": status,
                "steps": len(points) - 1,
                **measures(points, gradients, losses, float(cell.optimizer.settings.get("momentum", 0.0))),
            }
        )
        at = np.arange(0, len(points), int(cell.workload.overrides.get("eval_every", 1)))
        parts = [("train", "loss", losses)]
        if points.shape[1] <= 8:
            parts += [("weights", f"w{i + 1}", column) for i, column in enumerate(points.T)]
        curves += [
            pd.DataFrame(
                {"cell": cell.name, "step": at, "split": split, "metric": metric, "value": values[at]}
            )
            for split, metric, values in parts
        ]
    runs = pd.DataFrame(rows)
    runs.to_parquet(tables / "runs.parquet")
    kinds = dict.fromkeys(("cell", "split", "metric"), "category")
    pd.concat(curves, ignore_index=True).astype(kinds).to_parquet(tables / "curves.parquet")
    facts = {
        "oracle": True,
        "workloads": {
            name: {"settings": dict(spec.settings), "steps": spec.overrides["steps"]}
            for name, spec in study.workloads.items()
        },
        "optimizers": {name: {"settings": dict(spec.settings)} for name, spec in study.optimizers.items()},
        "schedules": {name: {"settings": dict(spec.settings)} for name, spec in study.schedules.items()},
    }
    (tables / "study.json").write_text(json.dumps(facts))
    return tables
