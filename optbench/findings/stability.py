"""How the order over workloads holds: the ranking with one thing left out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from optbench.findings.samples import CommonBlock, location, middles, over_workloads
from optbench.stats.ranks import midranks

if TYPE_CHECKING:
    from numpy.typing import NDArray


class LeftOut(NamedTuple):
    """One row of the stability table: the ranking without one seed, workload or optimizer."""

    kind: str
    left_out: str
    leader_optimizer: str
    leader_schedule: str
    same_leader: bool
    kendall_tau: float
    kendall_tau_ranks: float


def stability(block: CommonBlock) -> list[LeftOut]:
    """The ranking over workloads again without each seed, each workload and each optimizer in turn.

    Kendall's tau compares the order of those left with their order in the whole: by the ratio to the
    reference, and by average ranks. Ratios to a fixed reference do not depend on who else competes; average
    ranks do. Where the leader itself is left out, `same_leader` is about the first of those that stay.
    """
    seeds, scores = over_workloads(block)
    place = block.combinations.index(block.reference)
    everyone = np.arange(len(block.combinations))
    whole = _orders(scores, place)
    cases: list[tuple[str, str, NDArray[np.float64], NDArray[np.int64]]] = []
    if len(seeds) > 1:
        cases += [
            ("seed", str(seed), np.delete(scores, column, axis=2), everyone)
            for column, seed in enumerate(seeds)
        ]
    cases += [
        ("workload", samples.workload, np.delete(scores, row, axis=0), everyone)
        for row, samples in enumerate(block.by_workload)
    ]
    for optimizer in dict.fromkeys(c.optimizer for c in block.combinations):
        kept = np.array([i for i, c in enumerate(block.combinations) if c.optimizer != optimizer])
        if len(kept) > 1 and optimizer != block.reference.optimizer:
            cases.append(("optimizer", optimizer, scores, kept))
    found = []
    for kind, name, part, kept in cases:
        # The reference stays: it is what the others are measured by.
        ratio = _middles(part, place)[kept]
        rank = _orders(part[:, kept], None)[1]
        first = block.combinations[int(kept[np.argmin(ratio)])]
        best = block.combinations[int(kept[np.argmin(whole[0][kept])])]
        found.append(
            LeftOut(
                kind,
                name,
                first.optimizer,
                first.schedule,
                first == best,
                kendall_tau(ratio, whole[0][kept]),
                kendall_tau(rank, whole[1][kept]),
            )
        )
    return found


def kendall_tau(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Kendall's tau-b of two orders of the same things: 1 the same, -1 reversed; NaN where one is all ties.

    Source: Kendall 1945, doi 10.1093/biomet/33.3.239.
    """
    i, j = np.triu_indices(len(x), 1)
    a = (x[i] > x[j]).astype(float) - (x[i] < x[j])
    b = (y[i] > y[j]).astype(float) - (y[i] < y[j])
    size = math.sqrt(float((a * a).sum()) * float((b * b).sum()))
    return float((a * b).sum()) / size if size else math.nan


def _orders(
    scores: NDArray[np.float64], place: int | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Middle ratios (empty without a reference) and average ranks, one a combination."""
    medians = np.median(np.where(np.isnan(scores), np.inf, scores), axis=2)
    ranks = np.stack([midranks(row) for row in medians]).mean(axis=0)
    return (np.empty(0) if place is None else _middles(scores, place)), ranks


def _middles(scores: NDArray[np.float64], place: int) -> NDArray[np.float64]:
    """Each combination's ratio to the reference, log10, over workloads and the seeds that are whole."""
    return np.array([location(row[~np.isnan(row)]) for row in middles(scores, place)])
