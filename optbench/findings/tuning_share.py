"""What the tuning's few seeds leave open in a comparison: regrets of the chosen rates, by workload.

docs/reference/statistics.md#tunings-share says what is computed and how often intervals hold with it. It is
about the final validation loss, which trials were judged by: nothing is known of what another choice would
have done to another metric.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optbench.core.status import MISSING, OK
from optbench.stats.regret import (
    FEWEST_SEEDS,
    Moments,
    Regret,
    contrast,
    independent_sum,
    regret_of_choice,
    resampled_counts,
)
from optbench.tables.rows import Combination

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Searched:
    """One search of a rate: what another draw of its seeds could have changed.

    Attributes:
        seeds: how many tuning seeds chose.
        regret: None where it can't be told.
        unknown: why it can't: words that go on after "what another draw of tuning seeds could change is not
            known: "; "" where it can.
    """

    seeds: int
    regret: Regret | None
    unknown: str = ""


@dataclass(frozen=True, eq=False)
class TuningShare:
    """The searches of a study.

    Attributes:
        searches: by workload and combination; a combination whose rate nothing searched is not there.
    """

    searches: Mapping[str, Mapping[Combination, Searched]]

    def draws(self, workload: str, one: Combination) -> NDArray[np.float64] | None:
        """The regret of a combination's rate in each resample, the same resamples for all of a workload.

        Returns:
            Decades, or differences where the workload is compared by them; None where nothing was searched,
            and where it can't be told.
        """
        found = self.searches.get(workload, {}).get(one)
        return None if found is None or found.regret is None else found.regret.draws

    def moments(self, workload: str, weights: Mapping[Combination, float]) -> Moments:
        """Mean and variance of a weighted sum of regrets on one workload.

        A combination that was not searched adds nothing: its rate is what is compared.

        Args:
            workload: its name.
            weights: by combination: 1 and -1 for a pair, 1/m and -1/m for an effect that is pooled over m.
        """
        here = self.searches.get(workload, {})
        found = [(here[one].regret, w) for one, w in weights.items() if one in here]
        return contrast([regret for regret, _ in found], [w for _, w in found])

    def variance(self, workload: str, a: Combination, b: Combination) -> float:
        """The mean square of the regret of a's choice less that of b's.

        Returns:
            What se^2 is increased by, in squared decades (or differences); 0 where neither was searched, NaN
            where another draw of seeds can't be told: the interval then holds at these rates only.
        """
        return self.moments(workload, {a: 1.0, b: -1.0}).square

    def variance_over_workloads(
        self,
        workloads: Sequence[str],
        a: Combination,
        b: Combination,
        weights: Sequence[float] | None = None,
    ) -> float:
        """The same for the mean over workloads of a's loss over b's.

        Workloads are tuned apart, so variances add up with the squares of the weights, and means as they are.

        Args:
            workloads: those that the comparison is over, each of which is compared by ratios.
            a: the one.
            b: the other.
            weights: how much each workload counts; left out: all alike. For the interquartile mean
                `optbench.stats.interquartile_weights` of the differences.
        """
        moments = [self.moments(workload, {a: 1.0, b: -1.0}) for workload in workloads]
        return independent_sum(moments, weights).square

    def seeds(self, workload: str, *combinations: Combination) -> int:
        """How many tuning seeds chose the rates of these; 0 where nothing was searched."""
        here = self.searches.get(workload, {})
        return max((here[one].seeds for one in combinations if one in here), default=0)

    def unknown(self, workload: str, *combinations: Combination) -> str:
        """Why `variance` is NaN, "" where it is not."""
        here = self.searches.get(workload, {})
        return next((here[one].unknown for one in combinations if one in here and here[one].unknown), "")


def tuning_share(tuning: pd.DataFrame, *, seed: int, differences: Collection[str] = ()) -> TuningShare:
    """Resamples the tuning seeds of every search of a study.

    Args:
        tuning: the tuning table, a row a trial.
        seed: of the resamples.
        differences: workloads that are compared by differences, not by ratios.
    """
    counts: dict[int, NDArray[np.float64]] = {}
    found: dict[str, dict[Combination, Searched]] = {}
    for names, trials in tuning.groupby(["workload", "optimizer", "schedule"], sort=False):
        workload, optimizer, schedule = map(str, names)
        k = int(trials["seed"].nunique())
        if k >= FEWEST_SEEDS and k not in counts:
            counts[k] = resampled_counts(k, seed=seed)
        here = found.setdefault(workload, {})
        here[Combination(optimizer, schedule)] = _searched(
            trials, k, counts.get(k), ratio=workload not in differences
        )
    return TuningShare(found)


def _searched(trials: pd.DataFrame, k: int, counts: NDArray[np.float64] | None, *, ratio: bool) -> Searched:
    if not trials["selected"].any() or trials["status"].eq(MISSING.name).any():
        return Searched(k, None, "the search is not finished")
    if counts is None:
        return Searched(k, None, "one tuning seed chose the rate, and one cannot be drawn again")
    ended = trials["status"].eq(OK.name) & np.isfinite(trials["val_loss"].to_numpy(float))
    kept = trials.assign(loss=trials["val_loss"].where(ended, math.inf))
    # Rows in the order of the rates, which decides among equals; columns in that of the seeds, the same for
    # all of a workload. What a race did not try is as what failed: no resample chooses a rate that left.
    places = kept.pivot_table(
        index=["lr", "settings"], columns="seed", values="loss", aggfunc="first", fill_value=math.inf
    )
    losses = places.to_numpy(float)
    chosen = kept.loc[kept["selected"], ["lr", "settings"]].iloc[0]
    place = int(np.asarray(places.index.get_loc((chosen["lr"], chosen["settings"]))))
    if np.isinf(losses[place]).any():
        return Searched(k, None, "no rate ended well with every tuning seed")
    if ratio and (losses < 0).any():
        return Searched(k, None, "a trial's loss is negative and has no logarithm")
    return Searched(k, regret_of_choice(losses, place, counts, ratio=ratio))


def typical_change(square: float) -> float:
    """By which factor another tuning could typically move a ratio: 10^sqrt(v) - 1, 0.05 for 5%.

    Args:
        square: what `TuningShare.variance` gives, in squared decades.
    """
    try:
        return float(10.0 ** math.sqrt(square)) - 1
    except OverflowError:
        return math.inf
