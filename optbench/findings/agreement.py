"""Two trainings of the same cells held against each other: traces bit by bit, results by statistics.

`agreement` compares two traces of one cell, `compare_results` two result folders. What is compared never
includes the clock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from optbench.core.errors import UserError
from optbench.core.provenance import differing
from optbench.core.status import MISSING, OK
from optbench.core.words import number
from optbench.findings.comparisons import least_difference
from optbench.findings.decisions import Row, Rules, decide
from optbench.findings.samples import paired_differences
from optbench.findings.verdicts import EQUAL, INSUFFICIENT, SHARES, UNFAVOURABLE
from optbench.tables.metrics import MEASURE_NAMES
from optbench.tables.read import read_frame, read_values
from optbench.tables.rows import Combination

if TYPE_CHECKING:
    from optbench.cells.trace import Trace

Kind = Literal["equal", "close", "different"]
KINDS: tuple[Kind, ...] = ("equal", "close", "different")
"""From the least to the most difference."""

TOLERANCE = 1e-3
"""Relative difference up to which losses made on other machines or versions count as close."""

THRESHOLD = 0.01
"""Smallest relative difference that can be called better or worse."""

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
        effect: loss of B over that of A (scale `ratio`), or minus it where losses are negative; NaN where it
            has none.
        low: lower end of its 95% interval.
        high: upper end.
        scale: `ratio` or `difference`.
        p: adjusted for all comparisons; 1 where not tested.
        verdict: of B against A, one of those of `optbench.findings.decisions`.
        missing: cells that A has and B has not.
    """

    name: str
    kind: Kind
    n: int
    effect: float
    low: float
    high: float
    scale: str
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

    Seeds on which both agree bit for bit count as ties. A run that did not end well ranks worst. Verdicts are
    those of the page, all comparisons being one family with the whole error of 5%.

    Args:
        a: result folder of the reference.
        b: result folder of what is judged.
        rename: optimizers of A by the name that each is compared with in B, where those differ; then no
            others are compared.
        tolerance: relative difference of losses that counts as close.
        threshold: smallest relative difference that can be better or worse.

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
    rules = Rules(threshold=threshold)
    groups = [(tuple(map(str, names)), group) for names, group in both.groupby(GROUP, sort=False)]
    kinds = [_kind(group[group["_merge"] == "both"], tolerance) for _, group in groups]
    rows = [_row(names, group, rules) for names, group in groups]
    different = [row for row, kind in zip(rows, kinds, strict=True) if kind != "equal"]
    decided = iter(decide(different, rules, share=1.0, equality=SHARES["equality"]))
    found = []
    for (names, group), kind, row in zip(groups, kinds, rows, strict=True):
        name, gone = "/".join(names), group["_merge"] != "both"
        missing = tuple(f"{name}/{seed}" for seed in group.loc[gone, "seed"])
        one = None if kind == "equal" else next(decided)
        numbers = (math.nan,) * 3 if one is None else (one.effect, one.low, one.high)
        p = 1.0 if one is None or math.isnan(one.p_adjusted) else one.p_adjusted
        verdict = EQUAL + "0%" if one is None else one.verdict
        found.append(ResultComparison(name, kind, row.ran, *numbers, row.scale, p, verdict, missing))
    return found


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


def _row(names: tuple[str, ...], group: pd.DataFrame, rules: Rules) -> Row:
    """A comparison of B with A before its test."""
    pairs = group[group["_merge"] == "both"]
    old, new = _losses(pairs, "a"), _losses(pairs, "b")
    workload, optimizer, schedule = names
    ratio = not bool(((old < 0) | (new < 0)).any())
    with np.errstate(divide="ignore"):
        scores = (np.log10(new), np.log10(old)) if ratio else (new, old)
    differences = paired_differences(*scores)
    ended = np.isfinite(old) & np.isfinite(new)
    return Row(
        workload=workload,
        a=Combination(optimizer, schedule),
        b=Combination(optimizer, schedule),
        scale="ratio" if ratio else "difference",
        workloads=1,
        n=len(group),
        ran=len(pairs),
        n_ok=int(ended.sum()),
        wins=int((differences < 0).sum()),
        ties=int((differences == 0).sum()),
        lr=("", ""),
        seeds=tuple(int(seed) for seed in pairs["seed"]),
        differences=differences,
        exact=False,
        compared=bool((np.isfinite(old) | np.isfinite(new)).any()),
        threshold=least_difference(old, rules.threshold, ratio=ratio),
        group=workload,
    )


def _losses(pairs: pd.DataFrame, side: str) -> np.ndarray:
    """Final validation losses, +inf for a run that did not end well; shape (n,)."""
    losses = pairs[f"final_val_loss_{side}"].to_numpy(float)
    well = (pairs[f"status_{side}"] == OK.name).to_numpy()
    return np.where(well & np.isfinite(losses), losses, math.inf)


def _kind(pairs: pd.DataFrame, tolerance: float) -> Kind:
    if pairs.empty or (pairs["status_a"] != pairs["status_b"]).any():
        return "different"
    measures = [m for m in (*MEASURE_NAMES, "steps") if f"{m}_a" in pairs and f"{m}_b" in pairs]
    sides = [pairs[[f"{m}_{side}" for m in measures]].to_numpy(float) for side in ("a", "b")]
    if np.array_equal(sides[0], sides[1], equal_nan=True):
        return "equal"
    worst = relative_difference(_losses(pairs, "a"), _losses(pairs, "b"))
    return "close" if worst <= tolerance else "different"


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
        blind = any(row.verdict == INSUFFICIENT and row.kind == "different" for row in rows)
        return not blind and all(row.verdict not in UNFAVOURABLE for row in rows)
    return all(KINDS.index(row.kind) <= KINDS.index(require) for row in rows)
