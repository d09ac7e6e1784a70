"""How often a race errs and what it saves, by the code that decides it: studies of known truth.

    python benchmarks/race.py                                  # error and cost: half an hour on one core
    python benchmarks/race.py --studies 20 --only cost         # some of it

Error: studies in which nothing differs, or one combination alone, with noise of benchmarks/noise.py. A study
is a run table of up to 30 seeds a combination; `optbench.findings.analysis.primary_answers`, which both
`optbench race` and the page call, replays the race from it. False is any drop of one that is not worse, and
any `better` or `worse` of the budget, at any look: within workloads, over them and in main effects. The same
for races and fixed studies that are extended afterwards, and for races whose budget of cells ends them.

Cost: 2 workloads and 16 combinations with the means of real combinations (benchmarks/real_noise.csv) and the
noise of their seeds, beside one look at 30 seeds for all.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decisions import MOST, share
from known_truth import seeded
from noise import DIVERGED, KINDS, real_means, real_residuals
from optbench.core.specs import RaceSpec
from optbench.findings.analysis import Primary, primary_answers, rules_of
from optbench.findings.main_effects import main_effects
from optbench.stats import wilson_interval
from optbench.study.file import LOOKS
from results import record_table

NOISES = ("gaussian", "lognormal", "real")
SEEDS = 30
Array = NDArray[np.float64]

SHAPES = {"1 x 16": (1, 8, 2), "3 x 16": (3, 8, 2), "1 x 64": (1, 32, 2)}
"""Workloads, optimizers and schedules, by what they are called."""

ONE_BETTER = (0.9, 0.8)
"""True ratios of the one combination that is better, where not all are alike."""


EXTENDED = 60
"""Seeds that `optbench extend` goes on to, at `EXTENSION`."""

EXTENSION = 0.01
"""What `extend` may err with of its own where nothing else is declared."""

LONGER = {
    "race to 30, extended to 60": RaceSpec(tuple(LOOKS), extended=((EXTENDED, EXTENSION),)),
    "10 seeds, extended to 60": RaceSpec((10,), extended=((EXTENDED, EXTENSION),)),
    "race that may cost 200 cells": RaceSpec(tuple(LOOKS), budget=200),
}
"""What is not the plain race."""


def noise_of(kind: str, rng: np.random.Generator, shape: tuple[int, int, int], seeds: int = SEEDS) -> Array:
    """Noise of all runs, shape (workloads, optimizers, schedules, seeds).

    Of more optimizers than the table of real seeds has, each eight are drawn apart, with seeds of their own.
    """
    workloads, optimizers, schedules = shape
    parts = -(-optimizers // 8) if kind == "real" else 1
    cells = (workloads, optimizers // parts, schedules, seeds)
    return np.concatenate([KINDS[kind](rng, 1, cells)[0] for _ in range(parts)], axis=1)


def table_of(losses: Array) -> pd.DataFrame:
    """A run table of final losses, shape (workloads, optimizers, schedules, seeds); inf: diverged."""
    places = np.indices(losses.shape).reshape(4, -1)
    flat = losses.ravel()
    return pd.DataFrame(
        {
            "workload": [f"w{w}" for w in places[0]],
            "optimizer": [f"o{o}" for o in places[1]],
            "schedule": [f"s{s}" for s in places[2]],
            "seed": places[3],
            "lr": 0.1,
            "status": np.where(np.isfinite(flat), "ok", "diverged"),
            "final_val_loss": np.where(np.isfinite(flat), flat, np.nan),
        }
    )


def facts_of(race: RaceSpec, losses: Array) -> dict[str, Any]:
    """What study.json would say of it."""
    return {
        "seeds": list(range(losses.shape[-1])),
        "report": {"reference": "o0"},
        "race": asdict(race),
        "workloads": {
            f"w{w}": {"draws": True, "kind": ("network", "linear")[w % 2]} for w in range(len(losses))
        },
    }


PLAIN = RaceSpec(tuple(LOOKS))


class Decided:
    """What a race came to."""

    def __init__(self, losses: Array, race: RaceSpec = PLAIN) -> None:
        facts = facts_of(race, losses)
        found: Primary = primary_answers(table_of(losses), facts, None)
        if found.race is None or not found.race.over:
            raise AssertionError("all runs are there")
        self.cells = sum(found.race.planned.values())
        self.last = {(p.workload, p.optimizer, p.schedule): p.state for p in found.race.places}
        self.dropped = {name for name, state in self.last.items() if state == "dropped"}
        self.pairs = found.comparisons
        self.effects = main_effects(found.first, facts, rules_of(facts))

    @property
    def is_false(self) -> bool:
        """Whether anything is said where nothing differs."""
        effect = any(row.verdict in {"better", "worse"} for row in self.effects)
        return bool(self.dropped) or effect or self.says(lambda *_: True)

    def says(self, alike: Callable[[str, tuple[str, str], tuple[str, str]], bool]) -> bool:
        """Whether any pair that is `alike` (workload, both sides) is called better or worse."""
        told = self.pairs[self.pairs["verdict"].isin(["better", "worse"])]
        rows = told[["workload", "a", "schedule_a", "b", "schedule_b"]].itertuples(index=False, name=None)
        return any(alike(w, (a, sa), (b, sb)) for w, a, sa, b, sb in rows)


def errors(studies: int) -> None:
    """Records how many races say anything false where nothing differs, and where one is better."""
    lines, highest = [], 0.0
    for kind in NOISES:
        for called, shape in SHAPES.items():
            false = 0
            for study in range(studies):
                rng = seeded(f"{kind}/{called}", study)
                losses = 10 ** noise_of(kind, rng, shape)
                if kind == "lognormal":
                    losses[rng.random(losses.shape) < DIVERGED] = np.inf
                false += Decided(losses).is_false
            highest = max(highest, wilson_interval(false, studies).high)
            lines.append([kind, called, "all alike", share(false, studies), ""])
            print(*lines[-1], flush=True)
    for called, race in LONGER.items():
        seeds = race.every_look[-1]
        false = 0
        for study in range(studies):
            rng = seeded(called, study)
            false += Decided(10 ** noise_of("real", rng, SHAPES["1 x 16"], seeds), race).is_false
        lines.append(["real", "1 x 16", f"all alike, {called}", share(false, studies), ""])
        print(*lines[-1], flush=True)
    for ratio in ONE_BETTER:
        false = best = 0
        for study in range(studies):
            losses = 10 ** noise_of("real", seeded(f"one/{ratio}", study), SHAPES["1 x 16"])
            losses[0, 0, 0] *= ratio
            found = Decided(losses)
            false += found.says(lambda _, a, b: ("o0", "s0") not in (a, b))
            best += ("w0", "o0", "s0") not in found.dropped
        told = share(best, studies)
        lines.append(["real", "1 x 16", f"one at {ratio:g}", share(false, studies), told])
        print(*lines[-1], flush=True)
    note = (
        f"Percent of {studies} races of each kind that say anything false at any of the looks "
        f"{', '.join(map(str, LOOKS))}, with Wilson's 95% interval: any drop, `better` or `worse` of what is "
        "alike. Shapes are workloads x combinations. Where all are alike the upper end should be at most "
        f"{100 * MOST:g}; the highest is {100 * highest:.1f}."
    )
    heads = ["noise", "shape", "truth", "false", "the best is kept"]
    record_table("race-error", heads, lines, note, {"highest": f"{100 * highest:.1f}"})


def cost(studies: int) -> None:
    """Records what races cost beside 30 seeds for all, with real means and where nothing differs."""
    means = real_means()
    designs = {
        "race": PLAIN,
        "race, looks 8, 12, 18, 30": RaceSpec((8, 12, 18, 30)),
        "30 seeds for all": RaceSpec((SEEDS,)),
    }
    lines = []
    said = {}
    for truth in ("real means", "all alike"):
        cells, left, kept = (Counter[str]() for _ in range(3))
        for study in range(studies):
            rng = seeded(f"cost/{truth}", study)
            names = rng.choice(means.shape[1], size=8, replace=False)
            seeds = rng.integers(real_residuals().shape[-1], size=SEEDS)
            noise = real_residuals()[:, names][..., seeds]
            levels = means[:, names] if truth == "real means" else np.zeros((2, 8, 2))
            losses = 10 ** (levels[..., None] + noise)
            for design, race in designs.items():
                found = Decided(losses, race)
                cells[design] += found.cells
                left[design] += len(found.last) - len(found.dropped)
                for w in range(2):
                    o, s = np.unravel_index(levels[w].argmin(), levels[w].shape)
                    kept[design] += (f"w{w}", f"o{o}", f"s{s}") not in found.dropped
        for design in designs:
            part = cells[design] / (studies * 2 * 16 * SEEDS)
            best = f"{100 * kept[design] / (2 * studies):.1f}" if truth == "real means" else ""
            lines.append([truth, design, f"{part:.3f}", f"{left[design] / studies:.2f}", best])
        said[truth.replace(" ", "-")] = f"{cells['race'] / (studies * 2 * 16 * SEEDS):.2f}"
    note = (
        f"Means of {studies} studies of 2 workloads x 16 combinations, real seeds. Cells: of those that "
        "30 seeds for all take; at most 0.50 with real means and 0.42 where all are alike was asked for. "
        "Left: of the 32 combinations those that nothing is better than. Best kept: percent of "
        "workloads whose truly best combination is left."
    )
    record_table("race-cost", ["truth", "design", "cells", "left", "best kept"], lines, note, said)


def main() -> None:
    """Counts and records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--only", choices=["error", "cost"], help="One of the two.")
    given = parser.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if given.only != "error":
        cost(given.studies)
    if given.only != "cost":
        errors(given.studies)


if __name__ == "__main__":
    main()
