"""How often intervals hold the true value and tests err: the simulations that docs/ quotes.

    python benchmarks/coverage.py [--samples 10000] [--few 2000] [--studies 1000] [--only intervals]

Intervals are nominal 95% ones. `--samples` goes for those in closed form, `--few` for those that resample and
for single tests, `--studies` for families of comparisons. Each simulation has a seed of its own: the same
settings give the same numbers. The tables stand in docs/reference/statistics.md and
docs/reference/findings.md; tests/stats and tests/findings/test_comparisons.py repeat them in smaller size.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
from scipy import special

from optbench import stats
from optbench.tables.timing import step_time_interval
from results import record_table

SEEDS = (6, 10, 20)
"""Runs a sample."""

LEVEL = 0.05
"""At which a test rejects."""

MU, SIGMA = math.log(0.02), 0.8
"""Losses around 0.02: log-normal, of this deviation in the natural logarithm."""

Draw = Callable[[np.random.Generator, int], np.ndarray]
Make = Callable[[np.ndarray], stats.Interval]


def share(intervals: Iterable[stats.Interval], truth: float) -> str:
    """Percent of the intervals that hold the truth."""
    return f"{100 * np.mean([one.low <= truth <= one.high for one in intervals]):.1f}"


def gaussian(rng: np.random.Generator, n: int) -> np.ndarray:
    """Log losses, or differences of them."""
    return rng.normal(size=n)


def loss(rng: np.random.Generator, n: int) -> np.ndarray:
    """Losses as they are, skewed."""
    return rng.lognormal(MU, SIGMA, size=n)


def log_loss(rng: np.random.Generator, n: int) -> np.ndarray:
    """Their logarithms."""
    return np.log10(loss(rng, n))


def intervals(samples: int) -> None:
    """The intervals that do not resample."""
    middle = math.log10(math.exp(MU))
    mean, median = math.exp(MU + SIGMA**2 / 2), math.exp(MU)
    cases: list[tuple[str, Make, str, Draw, float]] = [
        ("`mean_interval`", stats.mean_interval, "Gaussian", gaussian, 0.0),
        ("", stats.mean_interval, f"log10 of log-normal (sigma {SIGMA})", log_loss, middle),
        ("", stats.mean_interval, "raw log-normal: don't", loss, mean),
        ("`median_interval`", stats.median_interval, "Gaussian", gaussian, 0.0),
        ("", stats.median_interval, "log10 of log-normal", log_loss, middle),
        ("", stats.median_interval, "raw log-normal", loss, median),
        ("`hodges_lehmann`", stats.hodges_lehmann, "Gaussian", gaussian, 0.0),
        ("", stats.hodges_lehmann, "log10 of log-normal", log_loss, middle),
    ]
    lines = []
    for case, (name, make, data, draw, truth) in enumerate(cases):
        rng = np.random.default_rng([1, case])
        found = [share((make(draw(rng, n)) for _ in range(samples)), truth) for n in SEEDS]
        lines.append([name, data, *found])
    record_table("coverage-intervals", ["interval", "data", *heads()], lines, error(samples))


def resampled(samples: int) -> None:
    """`bootstrap_interval` by its three methods."""
    statistics = {
        "mean, Gaussian": (np.mean, gaussian, 0.0),
        "IQM, Gaussian": (stats.interquartile_mean, gaussian, 0.0),
        "IQM, 5 workloads": (
            stats.interquartile_mean,
            lambda rng, n: rng.normal(size=(n, 1)) + rng.normal(size=(n, 5)),
            0.0,
        ),
        "mean, exponential": (np.mean, lambda rng, n: rng.exponential(size=n), 1.0),
        "mean, raw log-normal: don't": (np.mean, loss, math.exp(MU + SIGMA**2 / 2)),
        "mean, log10 of log-normal": (np.mean, log_loss, math.log10(math.exp(MU))),
    }
    lines = []
    for name, (statistic, draw, truth) in statistics.items():
        line = [f"{name}: percentile / expanded / BCa"]
        for n in SEEDS:
            rng = np.random.default_rng(2)
            drawn = [draw(rng, n) for _ in range(samples)]
            line.append(
                " / ".join(
                    share(
                        (
                            stats.bootstrap_interval(one, statistic, seed=i, resamples=999, method=method)
                            for i, one in enumerate(drawn)
                        ),
                        truth,
                    )
                    for method in ("percentile", "expanded", "bca")
                )
            )
        lines.append(line)
    note = f"{error(samples)} A seed moves all five workloads alike, as much as each varies by itself."
    record_table("coverage-bootstrap", ["`bootstrap_interval`", *heads()], lines, note)


def others(samples: int) -> None:
    """`probability_of_improvement`, `kaplan_meier` and `median_time`."""
    lines = []
    for chance in (0.5, 0.7, 0.9, 0.97):
        found = []
        for n in SEEDS:
            rng = np.random.default_rng([3, round(100 * chance), n])
            shift = math.sqrt(2) * special.ndtri(chance)
            pairs = rng.normal([[0], [shift]], 1, size=(samples, 2, n))
            found.append(share((stats.probability_of_improvement(a, b) for a, b in pairs), chance))
        lines.append(["`probability_of_improvement`", f"true value {chance}", *found])
    for censored in (0.0, 0.2, 0.4):
        budget = -math.log(censored) if censored else math.inf
        found, older = [], []
        for n in SEEDS:
            times = np.random.default_rng([4, round(100 * censored), n]).exponential(size=(samples, n))
            curves = [stats.kaplan_meier(np.minimum(row, budget), row < budget) for row in times]
            older.append(_covered([(one.median_low, one.median_high) for one in curves], math.log(2)))
            spans = [stats.median_time(np.minimum(row, budget), row < budget) for row in times]
            found.append(_covered([(one.low, one.high) for one in spans], math.log(2)))
        case = f"{censored:.0%} censored at the budget" if censored else "nothing censored"
        lines += [["`kaplan_meier`, median", case, *older], ["`median_time`", case, *found]]
    note = f"{error(samples)} In brackets: the percent of intervals whose upper end is finite."
    record_table("coverage-others", ["interval", "case", *heads()], lines, note)


def _covered(ends: list[tuple[float, float]], truth: float) -> str:
    """Percent of the intervals that hold the truth, and of those that have an upper end."""
    low, high = np.array(ends).T
    return f"{100 * np.mean((low <= truth) & (truth <= high)):.1f} ({100 * np.isfinite(high).mean():.0f})"


def shares(samples: int) -> None:
    """Bands of a share: of runs that arrived, each there (1) or not (0), one a seed."""
    lines = []
    for row, chance in enumerate((0.05, 0.2, 0.5, 0.8, 0.95)):
        band, greenwood, wilson = [], [], []
        for n in SEEDS:
            rng = np.random.default_rng([9, row, n])
            times = rng.random((samples, n))  # a run has arrived at time t with probability t
            low, high = stats.bootstrap_band((times < chance).T.astype(float), seed=0)
            band.append(f"{100 * np.mean((low <= chance) & (chance <= high)):.1f}")
            greenwood.append(f"{100 * np.mean([_greenwood(one, chance) for one in times]):.1f}")
            reached = [stats.wilson_interval(int(k), n) for k in (times < chance).sum(axis=1)]
            wilson.append(share(reached, chance))
        lines += [
            ["`bootstrap_band`", f"{chance:g}", *band],
            ["`wilson_interval`", f"{chance:g}", *wilson],
            ["`kaplan_meier`, nothing censored", f"{chance:g}", *greenwood],
        ]
    record_table("coverage-shares", ["interval", "true share", *heads()], lines, error(samples))


def _greenwood(times: np.ndarray, at: float) -> bool:
    """Whether the band of the Kaplan-Meier curve holds the share that has arrived by `at`, which is `at`."""
    curve = stats.kaplan_meier(times, np.ones(len(times)))
    place = int(np.searchsorted(curve.times, at, side="right")) - 1
    return place >= 0 and bool(1 - curve.high[place] <= at <= 1 - curve.low[place])


ROUNDS = 20
"""Rounds of a timing."""

STEP_TIMES = ((0.0, 0.0), (0.024, 0.0), (0.1, 0.0), (0.024, 0.3), (0.1, 0.3))
"""Standard error of a step time if its rounds are independent, and the autocorrelation of its rounds."""


def times_to_target(samples: int) -> None:
    """Times to target: median steps over seeds (they spread by 10%) times the median step time."""
    names = ("steps alone", "both ends multiplied", "`product_interval`")
    lines: list[list[str]] = []
    for case, (error_of_step, drift) in enumerate(STEP_TIMES):
        inside = np.zeros((len(names), len(SEEDS)))
        for column, n in enumerate(SEEDS):
            rng = np.random.default_rng([10, case, n])
            for _ in range(samples):
                steps = stats.median_interval(np.exp(rng.normal(0, 0.1, n)))
                one = step_time_interval(pd.Series(np.exp(rounds(rng, error_of_step, drift))))
                found = stats.product_interval(steps, one)
                ends = (
                    (steps.low * one.estimate, steps.high * one.estimate),
                    (steps.low * one.low, steps.high * one.high),
                    (found.low, found.high),
                )
                inside[:, column] += [low <= 1 <= high for low, high in ends]
        said = f"{100 * error_of_step:g}%" + (f", rounds correlated by {drift:g}" if drift else "")
        lines += [
            [name, said, *(f"{100 * each / samples:.1f}" for each in row)]
            for name, row in zip(names, inside, strict=True)
        ]
    note = (
        f"{error(samples)} Steps to target: log-normal, sd 10%. Step time: the median over {ROUNDS} rounds, "
        "with the standard error given (if rounds were independent), its interval from `step_time_interval`."
    )
    record_table("coverage-times", ["interval of the time", "error of the step time", *heads()], lines, note)


def rounds(rng: np.random.Generator, error_of_median: float, drift: float) -> np.ndarray:
    """Logarithms of a timing's block means, of true median 0, each correlated with the one before."""
    noise = rng.normal(size=ROUNDS)
    for i in range(1, ROUNDS):
        noise[i] = drift * noise[i - 1] + math.sqrt(1 - drift**2) * noise[i]
    # The median of n Gaussian values has the standard error sqrt(pi/2) sd / sqrt(n), nearly.
    return error_of_median * math.sqrt(ROUNDS / (math.pi / 2)) * noise


def tests_alone(samples: int) -> None:
    """`sign_flip_test`: false claims with Holm's correction, and power, on differences and on ranks."""
    rng = np.random.default_rng(5)
    pairs = list(itertools.combinations(range(4), 2))
    wrong = {"mean": 0, "rank": 0}
    for _ in range(samples):
        losses = rng.normal(size=(10, 1)) + rng.normal(size=(10, 4))
        for statistic in wrong:
            p = [
                stats.sign_flip_test(losses[:, i] - losses[:, j], seed=0, statistic=statistic)
                for i, j in pairs
            ]
            wrong[statistic] += bool((stats.holm(p) <= LEVEL).any())

    def power(draw: Draw, n: int) -> list[str]:
        rng = np.random.default_rng(6)
        drawn = [draw(rng, n) for _ in range(samples)]
        return [
            f"{100 * np.mean([stats.sign_flip_test(d, seed=0, statistic=one) <= LEVEL for d in drawn]):.1f}"
            for one in ("mean", "rank")
        ]

    def one_diverged(rng: np.random.Generator, n: int) -> np.ndarray:
        return np.append(rng.normal(-2, 1, size=n - 1), math.inf)

    lines = [
        [
            'at least one false "different": 4 equal optimizers, 10 seeds, all 6 pairs, `holm` at 5%',
            *(f"{100 * count / samples:.1f}" for count in wrong.values()),
        ],
        [
            "power at 10 seeds, a gap of one standard deviation of the differences",
            *power(lambda rng, n: rng.normal(1, 1, size=n), 10),
        ],
        [
            "power at 15 seeds, 14 of them a gap of two standard deviations, in one the better run diverged",
            *power(one_diverged, 15),
        ],
    ]
    record_table(
        "sign-flips", ["percent of studies", "differences", "ranks"], lines, error(samples, "studies")
    )


# ------------------------------------------------------------------------------- families of comparisons

COMBINATIONS = 6
PAIRS = list(itertools.combinations(range(COMBINATIONS), 2))


def family(losses: np.ndarray) -> np.ndarray:
    """Differences of all 45 comparisons: 15 pairs on each of two workloads and over both; (45, seeds).

    Args:
        losses: log losses, shape (workloads, combinations, seeds).
    """
    each = np.array([[block[i] - block[j] for i, j in PAIRS] for block in losses])
    return np.concatenate([*each, each.mean(axis=0)])


def noise(kind: str, rng: np.random.Generator, n: int) -> np.ndarray:
    """Log losses of runs that are all alike, each with noise of its own beside what a seed does to all."""
    shape = (2, COMBINATIONS, n)
    shared = rng.normal(size=(2, 1, n))
    own = {
        "Gaussian": rng.normal,
        "exponential": rng.exponential,
        "Student's t, 3 degrees of freedom": lambda size: rng.standard_t(3, size),
        "log-normal (on top of the logarithm)": lambda size: rng.lognormal(size=size),
    }[kind]
    return shared + own(size=shape)


KINDS = (
    "Gaussian",
    "exponential",
    "Student's t, 3 degrees of freedom",
    "log-normal (on top of the logarithm)",
)


def false_claims(studies: int) -> None:
    """The joint test's family-wise error, where all are alike and where two groups of three are."""
    group = np.arange(COMBINATIONS) // 3
    within = np.tile([group[i] == group[j] for i, j in PAIRS], 3)
    far = 100.0 * group[None, :, None]
    lines = []
    for row, kind in enumerate(KINDS):
        line = [kind]
        for n in (6, 8, 10):
            rng = np.random.default_rng([7, row, n])
            alike = apart = 0
            for _ in range(studies):
                losses = noise(kind, rng, n)
                alike += (stats.joint_sign_flip_test(family(losses), seed=0).p_adjusted <= LEVEL).any()
                found = stats.joint_sign_flip_test(family(losses + far), seed=0).p_adjusted
                apart += (found[within] <= LEVEL).any()
            line.append(f"{100 * alike / studies:.1f} / {100 * apart / studies:.1f}")
        lines.append(line)
    note = error(studies, "studies")
    record_table("false-claims", ["noise of a run (log10 loss)", "n = 6", "n = 8", "n = 10"], lines, note)


def found_differences(studies: int) -> None:
    """The share of real differences that the joint test and Holm's product find."""
    real = np.tile([0 in pair for pair in PAIRS], 3)
    ahead = np.zeros((1, COMBINATIONS, 1))
    ahead[0, 0] = 1
    lines = []
    for gap in (2, 3, 5):
        line = [str(gap)]
        for n in (6, 8, 10, 15):
            rng = np.random.default_rng([8, gap, n])
            joint, holm = [], []
            for _ in range(studies):
                tested = stats.joint_sign_flip_test(family(noise("Gaussian", rng, n) - gap * ahead), seed=0)
                joint.append((tested.p_adjusted[real] <= LEVEL).mean())
                holm.append((stats.holm(tested.p)[real] <= LEVEL).mean())
            line.append(f"{100 * np.mean(joint):.0f} / {100 * np.mean(holm):.0f}")
        lines.append(line)
    heads_ = ["gap", "joint / product: n = 6", "n = 8", "n = 10", "n = 15"]
    record_table(
        "found-differences", heads_, lines, f"Percent of the real differences in {studies:,} studies."
    )


def heads() -> list[str]:
    """A column for each number of runs."""
    return [f"n = {n}" for n in SEEDS]


def error(samples: int, what: str = "samples") -> str:
    """The standard error of a share near 95% or 5%."""
    return (
        f"{samples:,} {what} each: a standard error of {100 * math.sqrt(0.05 * 0.95 / samples):.2f} points."
    )


def main() -> None:
    """Simulates and records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--few", type=int, default=2_000)
    parser.add_argument("--studies", type=int, default=1_000)
    parts = ("intervals", "resampled", "others", "shares", "times", "tests", "false", "found")
    parser.add_argument("--only", choices=parts)
    given = parser.parse_args()
    simulate: dict[str, Callable[[], None]] = {
        "intervals": lambda: intervals(given.samples),
        "resampled": lambda: resampled(given.few),
        "others": lambda: others(given.few),
        "shares": lambda: shares(given.few),
        "times": lambda: times_to_target(given.few),
        "tests": lambda: tests_alone(given.few),
        "false": lambda: false_claims(given.studies),
        "found": lambda: found_differences(given.studies // 5),
    }
    for name in [given.only] if given.only else parts:
        print(f"-- {name}", flush=True)
        simulate[name]()


if __name__ == "__main__":
    main()
