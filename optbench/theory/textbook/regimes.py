"""Claims B1 to B5: full batch, one sample and mini-batches, and the exponentially weighted average."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optbench.theory.textbook.evidence import UnfinishedError
from optbench.theory.textbook.measure import average, rise, roughness, textbook_signal
from optbench.theory.textbook.setups import REGIMES, SGD, need
from optbench.theory.textbook.verdict import PAIRED_TEST, Claim, Outcome, Part, fact, lower, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from optbench.theory.textbook.evidence import Cells

MINI = ("32", "64", "128", "256")

BETAS = (0.5, 0.9, 0.98)

SLOWER = 1.1
"""The largest batch's update must take this many times the smallest's to count as dearer."""

UNSTEADY = 0.9
"""A larger batch may take this share of the time of the next smaller one: measured in separate sessions."""


def _rises(cells: Mapping[str, Cells]) -> dict[str, pd.Series[float]]:
    """All rises of the training loss over its fall, by seed, of every regime."""
    return {
        size: pd.Series({seed: rise(loss) for seed, (_, loss) in found.curves("train", "loss").items()})
        for size, found in cells.items()
    }


def _outcome(cells: Mapping[str, Cells], rises: Mapping[str, pd.Series[float]], *parts: Part) -> Outcome:
    values = {f"rise_{size}": float(each.median()) for size, each in rises.items()}
    listed = ", ".join(f"{number(values[f'rise_{size}'])} ({size})" for size in REGIMES)
    condition = (
        "At one lr (0.1) and 400 updates each, so that one sample sees 400 examples and the full batch "
        f"all of them 400 times. Medians from one sample to the full batch: {listed}."
    )
    bent = {size: float(found.measured("tortuosity").median()) for size, found in cells.items()}
    if all(np.isfinite(each) for each in bent.values()):
        values |= {f"tortuosity_{size}": each for size, each in bent.items()}
        said = ", ".join(f"{number(bent[size])} ({size})" for size in REGIMES)
        condition += f" Length of the way over the distance made (tortuosity): {said}."
    return Outcome(parts, "regimes", condition, values)


def _extreme(
    rises: Mapping[str, pd.Series[float]], sizes: tuple[str, ...], *, most: bool
) -> pd.Series[float]:
    """The largest or the least of several regimes in each seed."""
    table = pd.concat([rises[size] for size in sizes], axis=1, join="inner")
    return table.max(axis=1) if most else table.min(axis=1)


def _full_is_steadiest(cells: Mapping[str, Cells]) -> Outcome:
    rises = _rises(cells)
    calmest = _extreme(rises, ("one", *MINI), most=False)
    return _outcome(
        cells, rises, lower(rises["full"], calmest, "rises over fall, full batch against the calmest other")
    )


def _one_oscillates_most(cells: Mapping[str, Cells]) -> Outcome:
    rises = _rises(cells)
    wildest = _extreme(rises, (*MINI, "full"), most=True)
    return _outcome(
        cells, rises, lower(wildest, rises["one"], "rises over fall, the wildest other against one sample")
    )


def _mini_is_between(cells: Mapping[str, Cells]) -> Outcome:
    rises = _rises(cells)
    calmest, wildest = _extreme(rises, MINI, most=False), _extreme(rises, MINI, most=True)
    return _outcome(
        cells,
        rises,
        lower(rises["full"], calmest, "rises over fall, full batch against the calmest mini-batch", among=2),
        lower(wildest, rises["one"], "the wildest mini-batch against one sample", among=2),
    )


def _cost_rises(cells: Mapping[str, Cells]) -> Outcome:
    rows = {size: cells[size].timing() for size in REGIMES}
    times = {size: float(row["step_time_us"]) for size, row in rows.items()}
    order = [times[size] for size in REGIMES]
    ratio = order[-1] / order[0]
    climbs = all(after >= UNSTEADY * before for before, after in pairwise(order))
    said = ", ".join(f"{number(round(times[size]))} ({size})" for size in REGIMES)
    said = f"microseconds an update: {said}; full batch {number(ratio)} times one sample"
    noisy = [size for size in REGIMES if bool(rows[size]["noisy"])]
    if noisy:
        part = Part(None, f"{said}; withheld: the machine was not quiet while {', '.join(noisy)} were timed")
    else:
        part = Part(True if ratio >= SLOWER and climbs else False if ratio < 1 else None, said)
    batch = {size: cells[size].fact("batch_size") or cells[size].fact("n_train") for size in REGIMES}
    each = {size: times[size] / batch[size] for size in REGIMES if batch[size]}
    if len(each) < len(REGIMES):
        raise UnfinishedError("the batch sizes are not known: no cell has run")
    condition = (
        f"Per update. Per example it falls: {number(each['one'])} microseconds in the one-sample regime, "
        f"{number(each['full'])} in the full batch."
    )
    values = {f"step_time_us_{size}": t for size, t in times.items()} | {"ratio": ratio}
    values |= {"us_per_example_one": each["one"], "us_per_example_full": each["full"]}
    return Outcome((part,), "cost", condition, values)


def _larger_is_smoother(cells: Mapping[str, Cells]) -> Outcome:
    signal = textbook_signal()
    rough = [roughness(average(b, signal)) for b in BETAS]
    recorded = cells["one"].curves("train", "batch_loss")
    by_seed = np.array([[roughness(average(b, loss)) for b in BETAS] for _, loss in recorded.values()])
    falling = int((np.diff(by_seed, axis=1) < 0).all(axis=1).sum())
    parts = (
        fact(bool(np.all(np.diff(rough) < 0)), f"30 integers: mean change {_listed(rough)}"),
        Part(
            falling == len(by_seed) if by_seed.any() else None,
            f"recorded losses of single samples: median {_listed(np.median(by_seed, axis=0))}, falling in "
            f"{falling} of {len(by_seed)} seeds",
        ),
    )
    lag = float(average(0.98, signal)[-1] - signal.mean())
    condition = (
        f"Smoother is also later: at b = 0.98 the average of the 30 integers ends {number(abs(lag), 3)} "
        f"{'above' if lag > 0 else 'below'} their mean {number(signal.mean())}, near its start {signal[0]:g}."
    )
    values = {f"roughness_{b:g}": r for b, r in zip(BETAS, rough, strict=True)}
    return Outcome(parts, "average", condition, values)


def _listed(rough: Sequence[float] | NDArray[np.float64]) -> str:
    return ", ".join(f"{number(float(r))} (b = {b:g})" for b, r in zip(BETAS, rough, strict=True))


NEEDS = {size: need(workload, SGD, 0.1) for size, workload in REGIMES.items()}
_SOURCE = "training loss after every update"

CLAIMS = (
    Claim(
        id="B1",
        text="Full-batch descent is the steadiest of the batch regimes.",
        predicted="the least sum of rises of the training loss over its fall",
        test=f"{PAIRED_TEST}, against the lowest of the others in each seed",
        source=_SOURCE,
        needs=NEEDS,
        check=_full_is_steadiest,
    ),
    Claim(
        id="B2",
        text="One-sample updates oscillate most.",
        predicted="the greatest sum of rises of the training loss over its fall",
        test=f"{PAIRED_TEST}, against the highest of the others in each seed",
        source=_SOURCE,
        needs=NEEDS,
        check=_one_oscillates_most,
    ),
    Claim(
        id="B3",
        text="Mini-batches sit between full batch and one sample.",
        predicted="every mini-batch rises more than the full batch and less than one sample",
        test=f"{PAIRED_TEST}, of the lowest and of the highest mini-batch in each seed; both must hold",
        source=_SOURCE,
        needs=NEEDS,
        check=_mini_is_between,
    ),
    Claim(
        id="B4",
        text="The cost of an update rises with the batch.",
        predicted="more time an update from one sample to the full batch",
        test=f"full batch at least {SLOWER} times one sample, no size below {UNSTEADY} of the one before; "
        "timed on a quiet machine",
        source="timing: step_time_us",
        needs=NEEDS,
        check=_cost_rises,
    ),
    Claim(
        id="B5",
        text="The larger b of an exponentially weighted average, the smoother the curve.",
        predicted="mean change from point to point falls from b = 0.5 over 0.9 to 0.98",
        test="in order on the 30 integers and in every seed's recorded losses",
        source="the 30 integers (numpy's legacy generator, seed 666); batch losses of the one-sample regime",
        needs={"one": NEEDS["one"]},
        check=_larger_is_smoother,
    ),
)
