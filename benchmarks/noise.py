"""Noise of seeds: what runs lie above their true log10 loss, for studies that are made up.

Every kind draws an array of shape (draws, workloads, optimizers, schedules, seeds); draws are independent.
A seed moves all runs of a workload together and each by itself, as real seeds do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

TABLE = Path(__file__).resolve().parent / "real_noise.csv"

Array = NDArray[np.float64]
Cells = tuple[int, int, int, int]
Draw = Callable[[np.random.Generator, int, Cells], Array]

SCALE = 0.03
"""Standard deviation in log10, of the part that a seed has for all and of each run's own: 7%."""

DIVERGED = 0.04
"""Chance that a run of the log-normal kind diverges."""

WIDEST = 5.0
"""Of the largest spread to the least, where spreads differ."""


def gaussian(rng: np.random.Generator, draws: int, cells: Cells) -> Array:
    """Normal, half of the variance in common."""
    return _shared(rng, draws, cells) + SCALE * rng.standard_normal((draws, *cells))


def lognormal(rng: np.random.Generator, draws: int, cells: Cells) -> Array:
    """Log-normal on top of the logarithm: some runs end far above the others, none far below."""
    own = rng.lognormal(size=(draws, *cells)) - np.exp(0.5)
    return _shared(rng, draws, cells) + SCALE * own


def unequal(rng: np.random.Generator, draws: int, cells: Cells) -> Array:
    """Normal with equal means; the spread of the widest combination is five times that of the narrowest."""
    workloads, optimizers, schedules, _ = cells
    spreads = np.geomspace(1, WIDEST, optimizers * schedules)
    mixed = np.array([rng.permutation(spreads) for _ in range(workloads)])
    own = rng.standard_normal((draws, *cells)) * mixed.reshape(1, workloads, optimizers, schedules, 1)
    return _shared(rng, draws, cells) + SCALE * own


def skew(rng: np.random.Generator, draws: int, cells: Cells) -> Array:
    """Equal means; half of the combinations normal, the others exponential: means agree, medians do not."""
    workloads, optimizers, schedules, _ = cells
    half = np.arange(optimizers * schedules) % 2 == 1
    skewed = np.array([rng.permutation(half) for _ in range(workloads)])
    skewed = skewed.reshape(1, workloads, optimizers, schedules, 1)
    normal, one_sided = rng.standard_normal((draws, *cells)), rng.exponential(size=(draws, *cells)) - 1
    return _shared(rng, draws, cells) + SCALE * np.where(skewed, one_sided, normal)


def real(rng: np.random.Generator, draws: int, cells: Cells) -> Array:
    """Seeds of benchmarks/real_noise.csv, drawn with replacement and for all combinations together.

    A study's optimizers are drawn from the table's, without replacement. A workload beyond the table's is
    one of them again, its seeds drawn apart.
    """
    workloads, optimizers, schedules, seeds = cells
    table = real_residuals()
    known, several, _, many = table.shape
    names = rng.choice(several, size=optimizers, replace=False)
    out = np.empty((draws, *cells))
    for draw in range(draws):
        for workload in range(workloads):
            if workload % known == 0:
                drawn = rng.integers(many, size=seeds)
            out[draw, workload] = table[workload % known, names, :schedules][..., drawn]
    return out


KINDS: Final[Mapping[str, Draw]] = {
    "gaussian": gaussian,
    "lognormal": lognormal,
    "real": real,
    "unequal": unequal,
    "skew": skew,
}
"""By the names that benchmarks/decisions.py takes."""


@cache
def real_residuals() -> Array:
    """The table as an array, shape (workloads, optimizers, schedules, seeds), each combination's mean 0."""
    out = _in_shape(pd.read_csv(TABLE).filter(regex=r"^seed\d+$"))
    return out - out.mean(axis=-1, keepdims=True)


@cache
def real_means() -> Array:
    """Each combination's mean of log10 of the loss, shape (workloads, optimizers, schedules)."""
    return _in_shape(pd.read_csv(TABLE)[["mean"]])[..., 0]


def _in_shape(columns: pd.DataFrame) -> Array:
    """Some columns of the table by workload, optimizer and schedule, in the order in which it names these."""
    table = pd.read_csv(TABLE)
    names = [table[name] for name in ("workload", "optimizer", "schedule")]
    out = np.empty((*(name.nunique() for name in names), columns.shape[1]))
    out[tuple(name.map(_places(name)).to_numpy() for name in names)] = columns.to_numpy(float)
    return out


def _places(names: pd.Series) -> dict[str, int]:
    return {name: place for place, name in enumerate(dict.fromkeys(names))}


def _shared(rng: np.random.Generator, draws: int, cells: Cells) -> Array:
    """What a seed does to all runs of a workload."""
    workloads, _, _, seeds = cells
    return SCALE * rng.standard_normal((draws, workloads, 1, 1, seeds))
