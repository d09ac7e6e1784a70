"""Made-up evidence for the textbook's claims."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from optbench.theory.textbook.claims import CLAIMS, check_claims
from optbench.theory.textbook.evidence import Need, Tables
from optbench.theory.textbook.family import ADAM_RATES, RATES
from optbench.theory.textbook.setups import RAVINE, REGIMES

SEEDS = 8
BY_ID = {claim.id: claim for claim in CLAIMS}


@dataclass(frozen=True)
class Content:
    """What the cells of one need hold: values the same for every seed, or a tuple of one a seed."""

    columns: dict[str, Any] = field(default_factory=dict)
    curves: dict[tuple[str, str], Any] = field(default_factory=dict)
    timing: dict[str, Any] = field(default_factory=dict)
    status: str = "ok"


def fabricate(needs: dict[str, Need], content: dict[str, Content], seeds: int = SEEDS) -> Tables:
    """Tables of a study with just these cells, under names that say nothing."""
    study: dict[str, Any] = {"workloads": {}, "optimizers": {}, "schedules": {}}
    names: dict[str, str] = {}

    def name(kind: str, spec: Any, extra: str = "") -> str:
        facts = {"factory": spec.factory, "settings": dict(spec.settings)}
        if kind == "workloads":
            facts |= {
                "overrides": dict(spec.overrides),
                "dataset": spec.dataset.name if spec.dataset else None,
                "coordinates": ["x", "y"] if spec == RAVINE else ["x"],
                "target": 0.35,
                "batch_size": spec.overrides.get("batch_size"),
                "n_train": 1079,
            }
            if facts["batch_size"] == "full":
                facts["batch_size"] = None
        key = json.dumps([kind, facts, extra], sort_keys=True)
        given = names.setdefault(key, f"{kind[0]}{len(names)}")
        study[kind][given] = facts
        return given

    runs, curves, timing = [], [], []
    for key, each in needs.items():
        what = content.get(key, Content())
        parts = (
            name("workloads", each.workloads[-1]),
            name("optimizers", each.optimizer, f"{each.lr}"),
            name("schedules", each.schedule),
        )
        for seed in range(seeds):
            cell = "/".join((*parts, str(seed)))
            row = dict(zip(("workload", "optimizer", "schedule"), parts, strict=True))
            chosen = {k: v[seed] if isinstance(v, tuple) else v for k, v in what.columns.items()}
            runs.append({"cell": cell, **row, "lr": each.lr, "seed": seed, "status": what.status, **chosen})
            for (split, metric), values in what.curves.items():
                line = np.asarray(values[seed] if isinstance(values, tuple) else values, dtype=float)
                curves.append(
                    pd.DataFrame(
                        {
                            "cell": cell,
                            "step": np.arange(len(line)),
                            "split": split,
                            "metric": metric,
                            "value": line,
                        }
                    )
                )
        if what.timing:
            plain = needs.get("plain", each)
            reference = name("optimizers", plain.optimizer, f"{plain.lr}")
            timing.append(
                {"workload": parts[0], "optimizer": parts[1], "reference": reference, **what.timing}
            )
    table = (
        pd.concat(curves) if curves else pd.DataFrame(columns=["cell", "step", "split", "metric", "value"])
    )
    return Tables(study, pd.DataFrame(runs), pd.DataFrame(timing), lambda _: table)


def check(claim_id: str, content: dict[str, Content], seeds: int = SEEDS) -> dict[str, Any]:
    claim = BY_ID[claim_id]
    wanted = {name: each for name, each in claim.wants.items() if name in content}
    (found,) = check_claims(fabricate({**claim.needs, **wanted}, content, seeds), [claim])
    return found


def ball(
    b: float, lr: float, steps: int, start: tuple[float, ...] = (-2.4, 0.2), switch: float = 1
) -> np.ndarray:
    """Heavy ball on the ravine, written out; after step 30 the rate is lr x switch. Shape (steps + 1, 2)."""
    place, velocity = np.array(start), np.zeros(2)
    path = [place]
    for t in range(steps):
        velocity = b * velocity + np.array([place[0] / 8, 18 * place[1]])
        place = place - lr * (switch if t >= 30 else 1) * velocity
        path.append(place)
    return np.array(path)


def moving(path: np.ndarray, **curves: Any) -> Content:
    """A run along a path of one or two coordinates."""
    flat = path.reshape(len(path), -1)
    weights = {("weights", axis): flat[:, i] for i, axis in enumerate("xy"[: flat.shape[1]])}
    return Content(curves={**weights, **{tuple(k.split("_")): v for k, v in curves.items()}})


def on_ravine(path: np.ndarray) -> Content:
    return moving(path, validation_loss=path[:, 0] ** 2 / 16 + 9 * path[:, 1] ** 2)


def losses(values: Any, split: str = "validation") -> Content:
    return Content(curves={(split, "loss"): values})


def column(name: str, low: float, spread: float = 0.01) -> Content:
    """A column with other values in every seed, all close to `low`."""
    return Content(columns={name: tuple(low * (1 + spread * seed) for seed in range(SEEDS))})


def with_rises(size: float) -> np.ndarray:
    """A loss from 1 to 0.5 with rises of `size` x its fall in all."""
    return np.array([1.0, 0.6, 0.6 + size / 2, 0.5])


def regimes(**rises: float) -> dict[str, Content]:
    return {
        size: losses(
            tuple(with_rises(rises[f"b{size}"] * (1 + 0.01 * seed)) for seed in range(SEEDS)), "train"
        )
        for size in REGIMES
    }


def timed(**times: float) -> dict[str, Content]:
    return {size: Content(timing={"step_time_us": times[f"b{size}"], "noisy": False}) for size in REGIMES}


def sweep(adam: tuple[float, ...], plain: float) -> dict[str, Content]:
    found = {f"adam_{r:g}": column("final_val_loss", loss) for r, loss in zip(ADAM_RATES, adam, strict=True)}
    return found | {f"sgd_{RATES[0]:g}": column("final_val_loss", plain)}


def rates(effective: list[float]) -> Content:
    """A path along the ravine whose steps are the gradient times these rates."""
    place = np.array([-2.4, 0.2])
    path = [place]
    for rate in effective:
        place = place - rate * np.array([place[0] / 8, 18 * place[1]])
        path.append(place)
    return moving(np.array(path))


PLAIN, B08, B09 = (on_ravine(ball(b, 0.1, 50)) for b in (0.0, 0.8, 0.9))
SLOW = on_ravine(ball(0.0, 0.001, 50))
STRAIGHT = on_ravine(np.linspace([-2.4, 0.2], [0.0, 0.0], 51))
LIMIT, LIMIT_BALL = (on_ravine(ball(b, 0.11, 50)) for b in (0.0, 0.9))
BEYOND = on_ravine(ball(0.0, 0.15, 50))
FLAT, JUMPY = losses([1.0, 0.5, 0.2]), losses([1.0, 0.2, 0.5, 0.1])
NEVER = Content(columns={"steps_to_target": float("nan")})


def speed(steps: list[float]) -> Content:
    return moving(40 - np.cumsum([0.0, *steps]))


MOMENTUM_TIMED = {"state_bytes_per_param": 4.0, "ratio_to_sgd": 1.1, "ratio_low": 1.05, "ratio_high": 1.15}
TIMED = {"step_time_us": 100.0, "rounds": 20, "noisy": False, "noise": ""}
PLAIN_TIMED = Content(
    timing={**TIMED, "state_bytes_per_param": 0.0, "ratio_to_sgd": 1.0, "ratio_low": 1.0, "ratio_high": 1.0}
)

NET = {"net_torch": FLAT, "net_step": FLAT}
SUPPORTED: dict[str, dict[str, Content]] = {
    "A1": {**NET, "ravine_torch": B09, "ravine_step": B09},
    "A2": {"plain": speed([0.01] * 100), "ball": speed([0.1 * (1 - 0.9**t) for t in range(1, 101)])},
    "A3": {"plain": NEVER, "ball": column("steps_to_target", 100)},
    "A4": {"plain": moving(np.array([2.0, 1.0])), "ball": moving(np.array([2.0, -2.0]))},
    "B1": regimes(bone=0.5, b32=0.1, b64=0.08, b128=0.06, b256=0.02, bfull=0.001),
    "B2": regimes(bone=0.5, b32=0.1, b64=0.08, b128=0.06, b256=0.02, bfull=0.001),
    "B3": regimes(bone=0.5, b32=0.1, b64=0.08, b128=0.06, b256=0.02, bfull=0.001),
    "B4": timed(bone=100, b32=120, b64=130, b128=150, b256=200, bfull=500),
    "B5": {"one": Content(curves={("train", "batch_loss"): [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]})},
    "B6": {
        "small": column("final_val_loss", 2.0), "middle": column("final_val_loss", 0.1),
        "large": Content(columns={"final_val_loss": float("nan")}, status="diverged"),
        "ravine_small": SLOW, "ravine_middle": PLAIN, "ravine_beyond": BEYOND,
    },
    "B7": {
        "limit_plain": LIMIT, "limit_ball": LIMIT_BALL,
        "saddle_plain": Content(columns={"steps_to_target": 155.0}),
        "saddle_ball": Content(columns={"steps_to_target": 41.0}),
    },
    "B8": {"adagrad": rates([0.1 / (1 + t) for t in range(20)])},
    "B9": {"rmsprop": rates([0.1, 0.05, 0.03, 0.04, 0.05]), "adagrad": rates([0.1, 0.05, 0.03, 0.02, 0.01])},
    "B10": sweep((2.0, 0.2, 0.1, 1.0, 4.0), plain=2.2),
    "C1": {"plain": PLAIN},
    "C2": {"slope": speed([0.1 * (1 - 0.9**t) for t in range(1, 101)]), "ball": B09},
    "C3": {"constant": losses([1.0] * 50), "step": losses([0.1] * 50), "plateau": losses([0.2] * 50)},
    "D1": {"plain": PLAIN, "b08": B08, "b09": B09},
    "D2": {"b08": B08, "b09": B09},
    "D3": {"b08": B08, "b09": B09},
    "E1": {"plain": column("steps_to_target", 206), "ball": column("steps_to_target", 37)},
    "E2": {"plain": JUMPY, "ball": FLAT},
    "E3": {"plain": PLAIN_TIMED, "ball": Content(timing={**TIMED, **MOMENTUM_TIMED})},
    "E4": {"plain": FLAT, "ball": FLAT},
}  # fmt: skip
"""Tables in which a claim holds."""


def exchanged(claim_id: str, one: str, other: str) -> dict[str, Content]:
    """The same tables with two contents in each other's place."""
    content = dict(SUPPORTED[claim_id])
    content[one], content[other] = content[other], content[one]
    return content


REFUTED: dict[str, dict[str, Content]] = {
    "A1": {**NET, "net_step": losses([1.0, 0.5, 0.21]), "ravine_torch": B09, "ravine_step": B09},
    "A2": exchanged("A2", "plain", "ball"),
    "A3": exchanged("A3", "plain", "ball"),
    "A4": exchanged("A4", "plain", "ball"),
    "B1": regimes(bone=0.5, b32=0.1, b64=0.08, b128=0.06, b256=0.02, bfull=0.3),
    "B2": regimes(bone=0.05, b32=0.1, b64=0.08, b128=0.06, b256=0.02, bfull=0.001),
    "B3": regimes(bone=0.5, b32=0.6, b64=0.08, b128=0.06, b256=0.02, bfull=0.001),
    "B4": timed(bone=500, b32=200, b64=150, b128=130, b256=120, bfull=100),
    "B6": exchanged("B6", "small", "middle"),
    "B7": exchanged("B7", "saddle_plain", "saddle_ball"),
    "B8": {"adagrad": rates([0.1, 0.05, 0.06])},
    "B9": exchanged("B9", "rmsprop", "adagrad"),
    "B10": sweep((2.0, 0.2, 0.1, 1.0, 4.0), plain=0.02),
    "C1": {"plain": SLOW},
    "C2": {"slope": speed([0.005] * 100), "ball": B09},
    "C3": exchanged("C3", "constant", "plateau"),
    "D1": exchanged("D1", "plain", "b08"),
    "D2": {"b08": B08, "b09": STRAIGHT},
    "D3": exchanged("D3", "b08", "b09"),
    "E1": exchanged("E1", "plain", "ball"),
    "E2": exchanged("E2", "plain", "ball"),
    "E3": {
        "plain": PLAIN_TIMED,
        "ball": Content(timing={**TIMED, **MOMENTUM_TIMED, "state_bytes_per_param": 8.0}),
    },
}
"""Tables in which a claim fails. B5 is a theorem and E4 a count of settings: see below."""
