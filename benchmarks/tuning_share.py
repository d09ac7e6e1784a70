"""How often the ratio of two tuned optimizers lies in its interval, without and with the tuning's share.

    python benchmarks/tuning_share.py [--studies 1000]

The noise is real: benchmarks/trials.csv has 64 seeds of every rate (`trials.py` trains them). A simulated
study draws its tuning seeds from them, chooses rates as a search does, draws its evaluation seeds, and has a
95% interval for every pair of combinations of a workload. The truth is the ratio of their geometric means
over all 64 seeds at the rates that all 64 would choose: what unlimited tuning and unlimited evaluation give,
so that what a choice loses against the best rate counts as an error. One optimizer that is tuned twice, with
other seeds, is compared with itself as well. The table stands in docs/reference/statistics.md.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from optbench.stats import (
    Interval,
    Regret,
    contrast,
    independent_sum,
    mean_interval,
    regret_of_choice,
    resampled_counts,
    widened,
)
from optbench.stats.intervals import student_quantile
from results import record_table
from trials import read_trials

TUNING_SEEDS = (2, 3, 5)
SEEDS = (6, 10, 20)
"""Evaluation seeds."""

ASKED = 93
"""Percent of the intervals that are to hold the truth at 6 and at 10 seeds."""


Noise = Mapping[tuple[str, str], np.ndarray]
"""Of a workload: losses by combination, shape (rates, seeds)."""


@dataclass
class Held:
    """Counts of one number of tuning seeds and of evaluation seeds.

    Attributes:
        pairs: by pair, 1 for each study whose interval holds the truth, without and with the tuning's share;
            NaN where a run did not end well.
        factor: width with the share over width without it, of every pair of every study.
        apart: one optimizer tuned twice: called different from itself, without and with.
    """

    pairs: dict[object, list[tuple[float, float]]] = field(default_factory=dict)
    factor: list[float] = field(default_factory=list)
    apart: list[tuple[bool, bool]] = field(default_factory=list)

    @property
    def shares(self) -> np.ndarray:
        """Shape (pairs, 2): the share of intervals that hold the truth."""
        return np.nanmean(list(self.pairs.values()), axis=1)

    @property
    def error(self) -> float:
        """The standard error of the mean share with the tuning's: pairs of one study go together."""
        by_study = np.nanmean(list(self.pairs.values()), axis=0)[:, 1]
        return float(by_study.std() / math.sqrt(len(by_study)))

    @property
    def diverged(self) -> float:
        """The share of pairs with a run that did not end well."""
        return float(np.isnan(list(self.pairs.values())).any(axis=2).mean())


@dataclass(frozen=True)
class Tuned:
    """A combination after its search: log10 losses of all seeds at the chosen rate, and its regret."""

    logs: np.ndarray
    regret: Regret


def best(losses: np.ndarray) -> int:
    """What a search chooses: the lowest mean, infinite with a failure; the smaller rate among equals."""
    return int(losses.mean(axis=1).argmin())


def tuned(losses: np.ndarray, seeds: np.ndarray, counts: np.ndarray) -> Tuned:
    """A combination whose rate these tuning seeds chose."""
    trials = losses[:, seeds]
    chosen = best(trials)
    return Tuned(np.log10(losses[chosen]), regret_of_choice(trials, chosen, counts))


def simulate(noises: Sequence[Noise], k: int, studies: int, seed: int) -> dict[int, Held]:
    """Studies of some workloads with k tuning seeds, compared over all of them; by the evaluation seeds."""
    counts = resampled_counts(k, seed=0)
    held = {n: Held() for n in SEEDS}
    rng = np.random.default_rng([9, k, seed])
    combinations = list(noises[0])
    truth = {one: np.mean([true_log(noise[one]) for noise in noises]) for one in combinations}
    population = noises[0][combinations[0]].shape[1]
    for _ in range(studies):
        # As in a study: the same seeds for all combinations and all workloads.
        first, second = (rng.choice(population, k, replace=False) for _ in range(2))
        # With replacement, as from a population without end, whose mean is that of the table.
        evaluation = rng.integers(0, population, max(SEEDS))
        once = {one: [tuned(noise[one], first, counts) for noise in noises] for one in combinations}
        again = {one: [tuned(noise[one], second, counts) for noise in noises] for one in combinations}
        for a, b in itertools.combinations(combinations, 2):
            moments = [contrast([x.regret, y.regret], [1, -1]) for x, y in zip(once[a], once[b], strict=True)]
            differences = logs(once[a])[evaluation] - logs(once[b])[evaluation]
            for n, found in held.items():
                two = intervals(differences[:n], independent_sum(moments).square)
                plain = wide = math.nan
                if two is not None:
                    plain, wide = (float(one.low <= truth[a] - truth[b] <= one.high) for one in two)
                    found.factor.append((two[1].high - two[1].low) / (two[0].high - two[0].low))
                found.pairs.setdefault((a, b), []).append((plain, wide))
        for one in combinations:
            # The second tuning has seeds of its own, so that its resamples are not those of the first.
            moments = [
                independent_sum([contrast([x.regret], [1]), contrast([y.regret], [1])], [1, -1])
                for x, y in zip(once[one], again[one], strict=True)
            ]
            differences = logs(once[one])[evaluation] - logs(again[one])[evaluation]
            for n, found in held.items():
                two = intervals(differences[:n], independent_sum(moments).square)
                if two is not None:
                    once_apart, still_apart = (not ends.low <= 0 <= ends.high for ends in two)
                    found.apart.append((once_apart, still_apart))
    return held


def true_log(losses: np.ndarray) -> float:
    """The mean log10 loss at the rate that all seeds choose."""
    return float(np.log10(losses[best(losses)]).mean())


def logs(found: list[Tuned]) -> np.ndarray:
    """Log10 losses of every seed, the mean over the workloads."""
    return np.mean([one.logs for one in found], axis=0)


def intervals(differences: np.ndarray, square: float) -> tuple[Interval, Interval] | None:
    """The 95% interval without and with the tuning's share; None where a run diverged."""
    if not np.isfinite(differences).all():
        return None
    plain = mean_interval(differences)
    return plain, widened(plain, square, student_quantile(0.95, len(differences) - 1))


def regrets(k: int, studies: int) -> list[float]:
    """By how many percent the typical loss at the chosen rate exceeds that at the best, of all searches."""
    rng = np.random.default_rng([10, k])
    found = []
    for noise in read_trials().values():
        for losses in noise.values():
            logs = np.log10(losses).mean(axis=1)
            for _ in range(studies):
                chosen = best(losses[:, rng.choice(losses.shape[1], k, replace=False)])
                found.append(100 * (10 ** (logs[chosen] - logs[best(losses)]) - 1))
    return found


def slashed(values: Iterable[float], digits: int = 1) -> str:
    """Numbers of 6, 10 and 20 evaluation seeds as they are printed."""
    return " / ".join(f"{value:.{digits}f}" for value in values)


def main() -> None:
    """Simulates and records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=1_000)
    given = parser.parse_args()
    noise = read_trials()
    cases = {f"`{name}`": [one] for name, one in noise.items()} | {"mean over both": list(noise.values())}
    lines = []
    left_out, error = 0.0, 0.0
    least: dict[int, float] = {}
    for place, (case, noises) in enumerate(cases.items()):
        for k in TUNING_SEEDS:
            held = simulate(noises, k, given.studies, place)
            every = list(held.values())
            apart = [100 * np.mean(found.apart, axis=0) for found in every]
            lines.append(
                [
                    case,
                    str(k),
                    slashed(100 * found.shares[:, 0].mean() for found in every),
                    slashed(100 * found.shares[:, 1].mean() for found in every),
                    slashed(100 * found.shares[:, 1].min() for found in every),
                    slashed((np.median(found.factor) for found in every), 2),
                    slashed((np.mean(found.factor) for found in every), 2),
                    slashed(without for without, _ in apart),
                    slashed(with_it for _, with_it in apart),
                ]
            )
            print("  ".join(lines[-1]), flush=True)
            left_out = max(left_out, *(found.diverged for found in every))
            error = max(error, *(found.error for found in every))
            least[k] = min(least.get(k, 1.0), *(float(held[n].shares[:, 1].mean()) for n in (6, 10)))
    heads = [
        "workload",
        "tuning seeds",
        "without",
        "with",
        "with, the worst of 28 pairs",
        "width, times: median",
        "mean",
        "tuned twice, called different: without",
        "with",
    ]
    lost = regrets(3, given.studies)
    said = {
        "regret": f"{np.mean(lost):.1f}%",
        "regret-high": f"{np.percentile(lost, 95):.1f}%",
        "missed": f"{100 * np.mean(np.array(lost) != 0):.0f}%",
        "least-two": f"{100 * least[2]:.1f}%",
        "least-three": f"{100 * least[3]:.1f}%",
    }
    note = (
        f"At n = 6 / 10 / 20 evaluation seeds; {given.studies:,} studies of 28 pairs in each row: standard "
        f"errors of the shares of intervals at most {100 * error:.2f} points. {100 * left_out:.1f}% of the "
        "pairs had a run that diverged at the chosen rate, which leaves no mean, and are not counted."
    )
    record_table("tuning-share", heads, lines, note, said)
    print(f"asked: at least {ASKED}% at n = 6 and 10; the least, by tuning seeds: {least}")


if __name__ == "__main__":
    main()
