"""A claim, what its check found, and how findings add up to a verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from optbench.core import words as phrases
from optbench.core.status import DIVERGED
from optbench.stats.intervals import hodges_lehmann
from optbench.stats.paired import FEWEST_PAIRS, sign_flip_test

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from optbench.theory.textbook.evidence import Cells, Need

SUPPORTED, REFUTED, INCONCLUSIVE = "supported", "refuted", "inconclusive"

LEVEL = 0.05
"""Level of every paired test."""

_HOW = f"over seeds on signed ranks, two-sided, {phrases.percent(LEVEL, 2)}"
PAIRED_TEST = f"paired sign-flip test {_HOW}"
PAIRED_TESTS = f"paired sign-flip tests {_HOW}"
"""What a claim says of how it was tested."""


@dataclass(frozen=True)
class Part:
    """One thing that a claim says, beside the measurement.

    Attributes:
        holds: whether it does; None where that can't be told.
        said: the measurement in words.
        p: of the paired test, NaN where a tolerance decided.
        n: pairs of the test, 0 where a tolerance decided.
    """

    holds: bool | None
    said: str
    p: float = math.nan
    n: int = 0


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    Attributes:
        parts: the claim holds where all of them do and fails where one fails.
        figure: id of the figure that shows it, "" for none.
        condition: under which condition the claim holds, with the numbers that show it, or "".
        values: the measured numbers by name.
    """

    parts: tuple[Part, ...]
    figure: str = ""
    condition: str = ""
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Claim:
    """A claim of the textbook and how it is checked.

    Attributes:
        id: A1 ... E4.
        text: the claim.
        predicted: what it says about the cells below, before they are looked at.
        test: how the verdict is reached, with its tolerance.
        source: the columns and curves that the measurement is made of.
        needs: the cells it can't do without, by the name that `check` uses.
        check: from those cells to an outcome.
        wants: cells that only the condition is made of; a name is absent where the study lacks them.
    """

    id: str
    text: str
    predicted: str
    test: str
    source: str
    needs: Mapping[str, Need]
    check: Callable[[Mapping[str, Cells]], Outcome]
    wants: Mapping[str, Need] = field(default_factory=dict)


def verdict(parts: tuple[Part, ...]) -> str:
    """`supported` where all parts hold, `refuted` where one fails, else `inconclusive`."""
    if any(part.holds is False for part in parts):
        return REFUTED
    if any(part.holds is None for part in parts):
        return INCONCLUSIVE
    return SUPPORTED


def fact(holds: bool, said: str) -> Part:
    """A part that a tolerance decides."""
    return Part(bool(holds), said)


def lower(
    less: pd.Series[float], more: pd.Series[float], what: str, *, among: int = 1, endless: str = DIVERGED.name
) -> Part:
    """The part that `less` lies below `more`, paired by seed.

    The sign-flip test on signed ranks (`optbench.stats.paired.sign_flip_test`), two-sided at 5%. A claim
    that needs several such parts is supported only where each is significant in its direction, which keeps
    the level without a correction (Berger 1982, doi:10.2307/1268000); it is refuted where one is significant
    in the opposite direction, which would not, so p is multiplied by the number of parts there.

    Args:
        less: values by seed that the claim says are the lower ones; +inf for a diverged run.
        more: the others.
        what: the quantity and both sides, for the sentence.
        among: parts that the claim is made of.
        endless: what an infinite median is called.
    """
    seeds = less.index.intersection(more.index)
    a, b = less.loc[seeds].to_numpy(float), more.loc[seeds].to_numpy(float)
    n = len(seeds)
    if n < FEWEST_PAIRS:
        return Part(None, f"{what}: insufficient data, {n} paired seeds of at least {FEWEST_PAIRS}", n=n)
    with np.errstate(invalid="ignore"):
        differences = np.where(a == b, 0.0, a - b)  # two runs that diverged tie
    p = sign_flip_test(differences, seed=0, statistic="rank")
    ends = (number(float(np.median(side)), endless=endless) for side in (a, b))
    medians = f"median {' against '.join(ends)}"
    said = f"{what}: {medians}, lower in {int((a < b).sum())} of {n} seeds, {phrases.probability(p)}"
    shift = hodges_lehmann(np.clip(differences, -1e300, 1e300)).estimate
    holds = None
    if p <= LEVEL and shift < 0:
        holds = True
    elif p * among <= LEVEL and shift > 0:
        holds = False
    return Part(holds, said, p, n)


def number(value: float, digits: int = 3, *, endless: str = DIVERGED.name) -> str:
    """A number for a claim's sentence: a word for an infinity or where there is none."""
    return phrases.number(value, digits, none="not measured", infinite=endless)


def finite(values: Mapping[str, float]) -> dict[str, Any]:
    """Numbers as JSON holds them: null where one is not finite, whole ones without a point."""
    return {name: float(v) if math.isfinite(v) else None for name, v in values.items()}
