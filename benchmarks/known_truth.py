"""Studies of which is known what differs: what is drawn for each, and whether its verdicts are right."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from fabricated import EVALUATED, OPTIMIZERS, SCHEDULES, Fabricated, Runs, Shape
from noise import DIVERGED, KINDS

LOSS = "final_val_loss"
DIFFERENT = ("better", "worse", "better (exact)", "worse (exact)")
"""Verdicts that say of two which is better."""

BUDGETED = ("comparisons", "main_effects", "findings")
"""What is inside the page's budget of error, but for rows that are marked exploratory."""

Combination = tuple[str, str]
Rows = Iterable[Mapping[str, Any]]


@dataclass(frozen=True)
class Case:
    """Studies of one kind.

    Attributes:
        kind: of noise.
        seeds: of a study.
        ratio: the true one of half of the combinations to the others, 1 in a null study.
    """

    kind: str
    seeds: int
    ratio: float = 1.0

    @property
    def name(self) -> str:
        """Unique: `gaussian/6`, `power-0.9/10`."""
        return f"{self.kind if self.ratio == 1 else f'power-{self.ratio:g}'}/{self.seeds}"

    @property
    def shape(self) -> Shape:
        """How large its studies are."""
        return Shape(3, 4, self.seeds) if self.ratio == 1 else Shape(2, 8, self.seeds)


def seeded(name: str, study: int) -> np.random.Generator:
    """A generator of each study's own."""
    return np.random.default_rng([zlib.crc32(name.encode()), study])


def draw(case: Case, study: int) -> tuple[Runs, frozenset[Combination]]:
    """The runs of a study, the same whenever they are drawn, and the combinations that are truly better."""
    rng = seeded(case.name, study)
    cells = case.shape.cells
    noise = KINDS[case.kind](rng, len(EVALUATED) - 1, cells)
    _, optimizers, schedules, _ = cells
    ahead = np.zeros(optimizers * schedules, bool)
    if case.ratio != 1:
        ahead[rng.permutation(len(ahead))[: len(ahead) // 2]] = True
    gap = np.where(ahead, np.log10(case.ratio), 0.0).reshape(optimizers, schedules, 1)
    chance = DIVERGED if case.kind == "lognormal" else 0.0
    names = [(o, s) for o in OPTIMIZERS[:optimizers] for s in SCHEDULES[:schedules]]
    better = frozenset(name for name, first in zip(names, ahead.tolist(), strict=True) if first)
    return Runs(noise + gap, rng.random(cells) < chance), better


WHOLE = 20
"""Studies of each case that go through all stages to the findings; the others as far as verdicts are made."""


@cache
def laid_out(shape: Shape) -> Fabricated:
    """A study of this shape, which lies in the current folder."""
    return Fabricated(f"fabricated_{'x'.join(map(str, shape.cells))}", shape)


def decided(case: Case, study: int) -> dict[str, Any]:
    """What the page would say of a study: verdicts counted, and in a study of known gaps which were right."""
    runs, better = draw(case, study)
    made = laid_out(case.shape)
    made.fill(runs)
    tables = made.decide(whole=study < WHOLE)
    counted = {"study": study, "verdicts": verdicts(tables)}
    if case.ratio == 1:
        return counted
    return counted | {"pairs": told_apart(tables["comparisons"], better, 1 / case.ratio - 1)}


def is_inside(row: Mapping[str, Any]) -> bool:
    """Whether a row is one of the page's primary answers, not marked exploratory."""
    return not row.get("exploratory")


def verdicts(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, dict[str, int]]:
    """How often each verdict stands inside the budget, and how often outside it."""
    found: dict[str, Counter[str]] = {"inside": Counter(), "outside": Counter()}
    for name, rows in tables.items():
        for row in rows:
            place = "inside" if name in BUDGETED and is_inside(row) else "outside"
            found[place][row["verdict"]] += 1
    return {place: dict(counts) for place, counts in found.items()}


def told_apart(rows: Rows, better: frozenset[Combination], gap: float) -> dict[str, Any]:
    """What primary comparisons within workloads say of pairs that differ and of pairs that do not.

    Args:
        rows: of the table of comparisons.
        better: the combinations that are truly better than all others.
        gap: by how much the others' losses are larger, 0.25 for a true ratio of 0.8.

    Returns:
        `different` and `equal` pairs, how many of the different are called the `right` way and the `wrong`
        way, how many of the equal are called different (`false`), how many of the different are called equal
        within less than the gap (`not_equal`), and every verdict on the different ones with its count
        (`said`).
    """
    counts = Counter[str](different=0, right=0, wrong=0, equal=0, false=0, not_equal=0)
    said: Counter[str] = Counter()
    for row in rows:
        if row["metric"] != LOSS or not row["workload"] or not is_inside(row):
            continue
        a, b = (row["a"], row["schedule_a"]) in better, (row["b"], row["schedule_b"]) in better
        verdict = row["verdict"]
        word = verdict.partition(" ")[0] if verdict in DIFFERENT else ""
        if a == b:
            counts["equal"] += 1
            counts["false"] += bool(word)
        else:
            said["equal" if verdict.startswith("equal") else verdict] += 1
            counts["different"] += 1
            counts["right"] += word == ("better" if a else "worse")
            counts["wrong"] += word == ("worse" if a else "better")
            counts["not_equal"] += verdict.startswith("equal") and row["margin"] < gap
    return {**counts, "said": dict(said)}
