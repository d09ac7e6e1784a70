"""Two trainings of the same cells held against each other: traces bit by bit, results by statistics.

`agreement` compares two traces of one cell, `compare_results` two result folders. What is compared never
includes the clock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from optbench.core.errors import UserError
from optbench.core.provenance import differing
from optbench.core.status import MISSING, OK
from optbench.core.words import number
from optbench.stats.intervals import hodges_lehmann, median_interval
from optbench.stats.paired import FEWEST_PAIRS, holm, sign_flip_test
from optbench.tables.metrics import MEASURE_NAMES
from optbench.tables.read import read_frame, read_values

if TYPE_CHECKING:
    from optbench.cells.trace import Trace

Kind = Literal["equal", "close", "different"]
KINDS: tuple[Kind, ...] = ("equal", "close", "different")
"""From the least to the most difference."""

TOLERANCE = 1e-3
"""Relative difference up to which losses made on other machines or versions count as close."""

ALPHA = 0.05
"""Level of the tests, over all comparisons together (Holm)."""

THRESHOLD = 0.01
"""Smallest shift, relative to the median loss, that can be called better or worse."""

BETTER, WORSE, NO_DIFFERENCE, TOO_FEW = "better", "worse", "no detectable difference", "insufficient data"

GROUP = ["workload", "optimizer", "schedule"]


@dataclass(frozen=True)
class Agreement:
    """How far two trainings of a cell agree.

    Attributes:
        kind: `equal` is bit for bit; `close` within the tolerance; `different` beyond it.
        worst: largest relative difference of a loss, inf where they cannot be compared.
        why: one clause on what differs, "" where nothing does.
    """

    kind: Kind
    worst: float = 0.0
    why: str = ""


def relative_difference(a: np.ndarray, b: np.ndarray) -> float:
    """Largest |a - b| / max(|a|, |b|) over two arrays of shape (n,); NaN equals NaN, inf equals itself."""
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    x, y = a[~same], b[~same]
    if not len(x):
        return 0.0
    if not (np.isfinite(x) & np.isfinite(y)).all():
        return math.inf
    with np.errstate(over="ignore"):  # farther apart than the largest float: infinitely
        return float((np.abs(x - y) / np.maximum(np.abs(x), np.abs(y))).max())


def agreement(a: Trace, b: Trace, tolerance: float = TOLERANCE) -> Agreement:
    """Compares two traces of one cell.

    Equal means the same status and the same rows to the last bit. Where they are not, the losses at
    evaluations (training, validation, test) decide between close and different: single batch losses,
    probes and metrics with steps may legitimately move more.

    Args:
        a: one training.
        b: the other.
        tolerance: largest relative difference of a loss that counts as close.
    """
    if a.facts["status"] != b.facts["status"]:
        why = f"it ended {b.facts['status']}, was {a.facts['status']}"
        return Agreement("different", math.inf, why)
    names = a.split == b.split and a.metric == b.metric
    if names and all(getattr(a, c).tobytes() == getattr(b, c).tobytes() for c in ("step", "value")):
        return Agreement("equal")
    worst = 0.0
    for split in ("train", "validation", "test"):
        (steps, values), (others, theirs) = a.series(split, "loss"), b.series(split, "loss")
        if not np.array_equal(steps, others):
            return Agreement("different", math.inf, f"its {split} losses stand at other steps")
        worst = max(worst, relative_difference(values, theirs))
    kind: Kind = "close" if worst <= tolerance else "different"
    return Agreement(kind, worst, f"losses differ by up to {number(worst, 2)} relative")


@dataclass(frozen=True)
class ResultComparison:
    """One workload, optimizer and schedule in two result folders.

    Attributes:
        name: `workload/optimizer/schedule`.
        kind: of its cells, the one that agrees least.
        n: seeds that both have.
        shift: Hodges-Lehmann shift of the final validation loss, B minus A; NaN where it has none.
        low: lower end of its interval.
        high: upper end.
        p: of the sign-flip test on signed ranks, adjusted for all comparisons; 1 where not tested.
        verdict: of B against A: `better`, `worse`, `no detectable difference`, `insufficient data`.
        missing: cells that A has and B has not.
    """

    name: str
    kind: Kind
    n: int
    shift: float
    low: float
    high: float
    p: float
    verdict: str
    missing: tuple[str, ...]


def compare_results(
    a: Path,
    b: Path,
    *,
    rename: Mapping[str, str] | None = None,
    tolerance: float = TOLERANCE,
    threshold: float = THRESHOLD,
) -> list[ResultComparison]:
    """Compares the run tables of two result folders, paired by seed.

    Seeds on which both agree bit for bit count as ties. A run that did not end well ranks worst. `better` and
    `worse` need the test, corrected over all comparisons, and a shift beyond the threshold.

    Args:
        a: result folder of the reference.
        b: result folder of what is judged.
        rename: optimizers of A by the name that each is compared with in B, where those differ; then no
            others are compared.
        tolerance: relative difference of losses that counts as close.
        threshold: smallest shift relative to the median |final loss| of A that can be better or worse.

    Raises:
        UserError: a folder has no run table, a name is in neither, or they share no cell.
    """
    old, new = _runs(a), _runs(b)
    if rename:
        for mine, theirs in rename.items():
            for name, runs, folder in ((mine, old, a), (theirs, new, b)):
                if name not in set(runs["optimizer"]):
                    raise UserError(f"{folder} has no optimizer {name!r}")
        old = old[old["optimizer"].isin(list(rename))]
        back = {theirs: mine for mine, theirs in rename.items()}
        new = new[new["optimizer"].isin(list(back))].assign(optimizer=lambda t: t["optimizer"].map(back))
    key = [*GROUP, "seed"]
    both = old.merge(new, on=key, how="left", suffixes=("_a", "_b"), indicator=True)
    if not (both["_merge"] == "both").any():
        raise UserError(f"{a} and {b} share no cell; --map OLD=NEW is for an optimizer's new name")
    rows = [_one(str("/".join(map(str, k))), g, tolerance) for k, g in both.groupby(GROUP, sort=False)]
    tested = [row for row in rows if row[0].n >= FEWEST_PAIRS and row[0].kind != "equal"]
    by_name: dict[str, float] = {}
    if tested:
        adjusted = holm([row.p for row, _ in tested])
        by_name = {row.name: float(p) for (row, _), p in zip(tested, adjusted, strict=True)}
    return [_judged(row, scale, by_name.get(row.name), threshold) for row, scale in rows]


def origins_differ(a: Path, b: Path) -> list[str]:
    """In what two result folders differ by which numbers can differ, from their study.json."""
    mine, theirs = (read_values(folder / "tables" / "study.json")["provenance"] for folder in (a, b))
    return [fact.kinds for fact in differing(mine, theirs)]


def _runs(folder: Path) -> pd.DataFrame:
    file = folder / "tables" / "runs.parquet"
    if not file.is_file():
        raise UserError(f"{folder} is no result folder: it has no tables/runs.parquet")
    runs = read_frame(file)
    return runs[runs["status"] != MISSING.name]


def _one(name: str, group: pd.DataFrame, tolerance: float) -> tuple[ResultComparison, float]:
    """A comparison before its verdict, and the scale of its losses."""
    gone = group["_merge"] != "both"
    missing = tuple(f"{name}/{seed}" for seed in group.loc[gone, "seed"])
    pairs = group[~gone]
    old, new = _losses(pairs, "a"), _losses(pairs, "b")
    finite = np.isfinite(old)
    scale = median_interval(np.abs(old[finite])).estimate if finite.any() else 1.0
    with np.errstate(over="ignore"):
        # Both diverged: a tie.
        differences = np.where(old == new, 0.0, new - np.where(old == new, 0.0, old))
    kind = _kind(pairs, old, new, tolerance) if len(pairs) else "different"
    shift, low, high, p = math.nan, math.nan, math.nan, 1.0
    if len(pairs) >= FEWEST_PAIRS:
        p = sign_flip_test(differences, seed=0, statistic="rank")
        try:
            interval = hodges_lehmann(differences)
            shift, low, high = interval.estimate, interval.low, interval.high
        except ValueError:  # as many seeds diverge here as there: no typical shift
            shift = 0.0
    return ResultComparison(name, kind, len(pairs), shift, low, high, p, "", missing), scale


def _losses(pairs: pd.DataFrame, side: str) -> np.ndarray:
    """Final validation losses, +inf for a run that did not end well; shape (n,)."""
    losses = pairs[f"final_val_loss_{side}"].to_numpy(float)
    well = (pairs[f"status_{side}"] == OK.name).to_numpy()
    return np.where(well & np.isfinite(losses), losses, math.inf)


def _kind(pairs: pd.DataFrame, old: np.ndarray, new: np.ndarray, tolerance: float) -> Kind:
    if (pairs["status_a"] != pairs["status_b"]).any():
        return "different"
    measures = [m for m in (*MEASURE_NAMES, "steps") if f"{m}_a" in pairs and f"{m}_b" in pairs]
    sides = [pairs[[f"{m}_{side}" for m in measures]].to_numpy(float) for side in ("a", "b")]
    if np.array_equal(sides[0], sides[1], equal_nan=True):
        return "equal"
    return "close" if relative_difference(old, new) <= tolerance else "different"


def _judged(row: ResultComparison, scale: float, p: float | None, threshold: float) -> ResultComparison:
    if row.kind == "equal":
        return replace(row, p=1.0, verdict=NO_DIFFERENCE)
    if p is None:
        return replace(row, p=1.0, verdict=TOO_FEW)
    clear = p <= ALPHA and not abs(row.shift) <= threshold * scale
    return replace(row, p=p, verdict=(WORSE if row.shift > 0 else BETTER) if clear else NO_DIFFERENCE)


def passes(rows: Sequence[ResultComparison], require: Kind | Literal["not-worse"]) -> bool:
    """Whether B holds up to A.

    Args:
        rows: what `compare_results` gave.
        require: `equal` or `close`: every comparison agrees at least so far; `not-worse`: none is worse, and
            where cells are different there are seeds enough to tell.
    """
    if any(row.missing for row in rows):
        return False
    if require == "not-worse":
        blind = any(row.verdict == TOO_FEW and row.kind == "different" for row in rows)
        return not blind and all(row.verdict != WORSE for row in rows)
    return all(KINDS.index(row.kind) <= KINDS.index(require) for row in rows)
