"""From paired differences to verdicts: one budget of error for all that a study asks.

A family is a list of rows that are corrected together. `decide` tests it and says of every row what is known,
with the share of the budget that the family has. docs/reference/findings.md says how to recompute a row by
hand.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from optbench.core.floats import LARGEST, SMALLEST
from optbench.core.words import percent
from optbench.findings.samples import location
from optbench.findings.verdicts import (
    BELOW,
    BETTER,
    BETTER_EXACT,
    EQUAL,
    EXACT,
    INSUFFICIENT,
    MODERATED_T,
    NOT_TESTED,
    STUDENT_T,
    UNDECIDED,
    WORSE,
    WORSE_EXACT,
)
from optbench.stats.intervals import hodges_lehmann, student_quantile
from optbench.stats.moderated import MOST_PRIOR_DF, moderated_t
from optbench.stats.paired import FEWEST_PAIRS, holm, seeds_needed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from optbench.tables.rows import Combination

CONFIDENCE: Final = 0.95
"""Of a row's own interval."""

LEAST_SPREAD: Final = 0.1
"""The places of diverged runs vary by at least this share of the farthest finite difference beside them."""

PRIOR_A_COMBINATION: Final = 1 / 3
"""What the pairs have in common counts as at most so many degrees of freedom for each combination beyond the
first. More is borrowed where spreads seem alike by chance, and then too much is called
(docs/why/error-rate.md)."""

SQUARABLE = (1e-140, 1e140)
"""Numbers between these have squares that neither overflow nor vanish, some of them summed."""


@dataclass(frozen=True, eq=False)
class Row:
    """A comparison before its test.

    Attributes:
        workload: its name, or "" for what is pooled over workloads.
        a: what is judged.
        b: what it is compared with.
        scale: `ratio`, differences are of log10; or `difference`.
        workloads: that it rests on.
        n: pairs that were planned.
        ran: pairs that ran.
        n_ok: pairs in which both ended ok.
        wins: pairs in which a is better.
        ties: pairs in which neither is.
        lr: learning rates of a and of b, in words.
        seeds: of the differences, ascending.
        differences: shape (seeds,): a - b, NaN where there is no pair, 0 where both are the same infinity.
        exact: whether both sides are the same in every seed.
        compared: whether any pair has a finite side; two that always diverge are not compared.
        threshold: the least |effect| that is called better or worse, on the scale of the differences.
        group: rows of one group have spreads of one size and lend them to each other; "" for none.
        group_df: degrees of freedom that the runs of the group hold in all.
        group_size: combinations whose runs the group holds in pairs; infinite where its rows share no runs.
        diverged: workloads in which a run of either side ended without a result.
        untold: workloads with too little data for a test of this pair.
        tuning: variance of the mean that another draw of tuning seeds would add; 0 where nothing was
            searched, NaN where it cannot be told.
    """

    workload: str
    a: Combination
    b: Combination
    scale: str
    workloads: int
    n: int
    ran: int
    n_ok: int
    wins: int
    ties: int
    lr: tuple[str, str]
    seeds: tuple[int, ...]
    differences: NDArray[np.float64]
    exact: bool
    compared: bool
    threshold: float
    group: str = ""
    group_df: float = math.inf
    group_size: float = math.inf
    diverged: int = 0
    untold: int = 0
    tuning: float = 0.0

    @cached_property
    def pairs(self) -> NDArray[np.float64]:
        """The differences of the pairs that ran."""
        return self.differences[~np.isnan(self.differences)]

    @property
    def whole(self) -> bool:
        """Whether every pair that was planned ran: what is looked at before then is no test, only a look."""
        return self.ran == self.n

    @property
    def testable(self) -> bool:
        """Whether there are, or will be, pairs enough that vary."""
        return self.n >= FEWEST_PAIRS and self.ran > 0 and not self.exact and self.compared


@dataclass(frozen=True)
class Rules:
    """What a study declares before its tests.

    Attributes:
        threshold: the least relative difference that counts, 0.01 for 1%.
        error: chance of any false claim of the page, its budget.
        equal_within: the largest relative margin that is called equal.
    """

    threshold: float = 0.01
    error: float = 0.05
    equal_within: float = 0.1


@dataclass(frozen=True)
class Decision:
    """What is known of a row.

    Attributes:
        effect: a over b (scale `ratio`) or a - b: of finite pairs from the mean of their differences, else
            the Hodges-Lehmann shift.
        low: lower end of the 95% interval of this row alone.
        high: upper end.
        coverage: what the interval really covers.
        test: how it was tested.
        p: of this row alone; NaN where it was not tested.
        p_adjusted: for the budget of the page: at most the budget's error where the row is detected.
        margin: the relative difference that is excluded, with the budget's share for equality; NaN where none
            is.
        verdict: in words.
        seeds_needed: pairs that would resolve this gap; NaN where no number would, or none is needed.
        tuning_share: share of the interval's width that the draw of tuning seeds has; 0 where nothing was
            searched, NaN where it cannot be told.
    """

    effect: float
    low: float
    high: float
    coverage: float
    test: str
    p: float
    p_adjusted: float
    margin: float
    verdict: str
    seeds_needed: float
    tuning_share: float


@dataclass(frozen=True)
class _Tested:
    """A row's test on the scale of its differences."""

    estimate: float
    error: float
    df: float
    p: float
    p_adjusted: float
    test: str


def decide(
    rows: Sequence[Row],
    rules: Rules,
    *,
    share: float,
    equality: float = 0.0,
) -> list[Decision]:
    """Tests a family and says of each row what is known.

    Rows are tested by the moderated t of their differences, corrected by Holm with the weights of
    `shares_of`. A pair in which one side
    diverged counts as the farthest finite difference of its row, and that row lends and borrows no spread.

    Args:
        rows: of the family.
        rules: what the study declares.
        share: of the budget; p values are adjusted so that they are compared with the whole of it.
        equality: share of the budget from which the family may claim that two are equal; 0 for no such claim.

    Returns:
        One decision a row, in their order.
    """
    tested = _tested(rows, share)
    margins = _margins(rows, tested, rules, equality) if equality else [math.nan] * len(rows)
    parts = shares_of(rows)
    return [
        _decision(row, one, margin, rules, share * part)
        for row, one, margin, part in zip(rows, tested, margins, parts, strict=True)
    ]


def shares_of(rows: Sequence[Row]) -> list[float]:
    """Which part of a family's error each of its rows has before any is told, 1 in all.

    Every workload has the same part, and so has what is pooled over workloads, whose own rows share it
    evenly: how much is asked of one workload takes nothing from what can be told on another. A row that can't
    be tested has what it would have if it could.
    """
    counts = Counter(row.workload for row in rows if row.testable)
    parts = max(len(counts), 1)
    return [1 / (parts * max(counts[row.workload], 1)) for row in rows]


def _tested(rows: Sequence[Row], share: float) -> list[_Tested]:
    estimates = _estimates(rows)
    testable = [i for i, row in enumerate(rows) if row.testable]
    p = np.full(len(rows), math.nan)
    adjusted = np.full(len(rows), math.nan)
    tests = [EXACT if row.exact and row.compared else NOT_TESTED for row in rows]
    if testable:
        # What is not whole yet is of the family too: who looks sooner must not find it smaller.
        p[testable] = [estimates[i][3] if rows[i].whole else 1.0 for i in testable]
        weights = np.array(shares_of(rows))[testable]
        adjusted[testable] = np.minimum(holm(p[testable], weights) / share, 1.0)
        for i in testable:
            if rows[i].whole:
                tests[i] = MODERATED_T if estimates[i][4] else STUDENT_T
            else:
                p[i] = adjusted[i] = math.nan
    return [
        _Tested(mean, error, df, float(p[i]), float(adjusted[i]), tests[i])
        for i, (mean, error, df, _, _) in enumerate(estimates)
    ]


def _matrix(rows: Sequence[Row]) -> NDArray[np.float64]:
    """The differences of several rows on one axis of seeds, shape (rows, seeds)."""
    seeds = sorted({seed for row in rows for seed in row.seeds})
    place = {seed: column for column, seed in enumerate(seeds)}
    differences = np.full((len(rows), len(seeds)), math.nan)
    for k, row in enumerate(rows):
        differences[k, [place[seed] for seed in row.seeds]] = row.differences
    return differences


def _estimates(rows: Sequence[Row]) -> list[tuple[float, float, float, float, bool]]:
    """Mean, error, degrees of freedom and p of each row's t, and whether its variance was moderated."""
    found: list[tuple[float, float, float, float, bool]] = [(math.nan, math.nan, math.nan, math.nan, False)]
    found *= len(rows)
    groups: dict[object, list[int]] = {}
    for i, row in enumerate(rows):
        if len(row.pairs) and not row.exact:
            groups.setdefault((row.group, row.scale) if row.group else i, []).append(i)
    for members in groups.values():
        differences = _matrix([rows[i] for i in members])
        infinite = np.isinf(differences)
        farthest = np.abs(np.where(infinite, 0.0, np.nan_to_num(differences))).max(axis=1)
        farthest = np.where(farthest > 0, farthest, 1.0)
        placed = np.where(infinite, np.sign(differences) * farthest[:, None], differences)
        alone = np.asarray(infinite.any(axis=1), dtype=bool)
        first = rows[members[0]]
        one = moderated_t(
            placed,
            most_df=first.group_df,
            most_prior_df=min(max(first.group_size - 1, 1) * PRIOR_A_COMBINATION, MOST_PRIOR_DF),
            alone=alone,
            least_spread=farthest * LEAST_SPREAD,
        )
        for k, i in enumerate(members):
            moderated = bool(one.prior_df > 0 and not alone[k])
            found[i] = float(one.mean[k]), float(one.error[k]), float(one.df[k]), float(one.p[k]), moderated
    return found


def _margins(rows: Sequence[Row], tested: Sequence[_Tested], rules: Rules, share: float) -> list[float]:
    """The relative difference that two one-sided tests of the whole family exclude; NaN where none is.

    Each row's level is its part of the budget's share for equality, so that the chance of any false claim of
    equality is at most that share, whichever rows are looked at.
    """
    found = []
    for row, one, part in zip(rows, tested, shares_of(rows), strict=True):
        if (
            not row.testable
            or not row.whole
            or not np.isfinite(row.pairs).all()
            or not math.isfinite(one.error)
        ):
            found.append(math.nan)
            continue
        level = rules.error * share * part
        reach = abs(one.estimate) + student_quantile(1 - 2 * level, one.df) * one.error
        found.append(_relative(reach, row, rules))
    return found


def _relative(size: float, row: Row, rules: Rules) -> float:
    """A difference as a share: 10^size - 1, or of the loss that the threshold was taken of."""
    if row.scale == "ratio":
        return power_of_ten(size) - 1
    unit = row.threshold / rules.threshold if rules.threshold else math.nan
    return size / unit if unit else math.nan


def _decision(
    row: Row,
    one: _Tested,
    margin: float,
    rules: Rules,
    level: float,
) -> Decision:
    d = row.pairs
    estimate, low, high, coverage, tuned = _interval(row, one)
    verdict = verdict_of(row, one.p_adjusted, (estimate, low, high), margin=margin, rules=rules)
    undo = power_of_ten if row.scale == "ratio" else float
    return Decision(
        effect=undo(estimate),
        low=undo(low),
        high=undo(high),
        coverage=coverage,
        test=one.test,
        p=one.p,
        p_adjusted=one.p_adjusted,
        margin=margin,
        verdict=verdict,
        seeds_needed=_seeds(d, row, verdict, rules.error * level),
        tuning_share=tuned,
    )


def _interval(row: Row, one: _Tested) -> tuple[float, float, float, float, float]:
    """Estimate, ends and coverage on the scale of the differences, and the tuning's share of the width."""
    d = row.pairs
    if not len(d) or not row.compared:
        return (math.nan,) * 5
    if row.exact:
        middle = location(d)
        return middle, middle, middle, math.nan, math.nan
    if not np.isfinite(d).all():
        shift = hodges_lehmann(d)
        return shift.estimate, shift.low, shift.high, shift.coverage, math.nan
    if len(d) == 1:
        return float(d[0]), -math.inf, math.inf, 0.0, math.nan
    # Where another draw cannot be told the interval holds at these rates alone, and its share is NaN.
    error = math.hypot(one.error, math.sqrt(0.0 if math.isnan(row.tuning) else row.tuning))
    half = student_quantile(CONFIDENCE, one.df) * error
    tuned = math.nan if math.isnan(row.tuning) else 1 - one.error / error if error else 0.0
    return one.estimate, one.estimate - half, one.estimate + half, CONFIDENCE, tuned


def verdict_of(
    row: Row, p_adjusted: float, shift: tuple[float, float, float], *, margin: float, rules: Rules
) -> str:
    """What may be said of a comparison.

    `better` (less) and `worse` need 6 pairs, an adjusted p within the budget, an effect beyond the threshold
    and an interval without 0 on the same side. A pair in which nothing is drawn is compared as it is. Nothing
    is said before every planned run is there.

    Args:
        row: the comparison.
        p_adjusted: compared with the budget's error; NaN where it was not tested.
        shift: estimate, low and high of a - b, on the scale of the test.
        margin: the relative difference that is excluded, NaN for none.
        rules: what the study declares.
    """
    estimate, low, high = shift
    if not row.compared or not row.whole or math.isnan(estimate):
        return INSUFFICIENT
    better, worse = (BETTER_EXACT, WORSE_EXACT) if row.exact else (BETTER, WORSE)
    if row.exact and not estimate:
        return EQUAL + percent(0)
    if not row.exact and row.ran < FEWEST_PAIRS:
        return INSUFFICIENT
    if row.exact or (p_adjusted <= rules.error and (high < 0 or low > 0)):
        if abs(estimate) <= row.threshold:
            return BELOW
        return better if estimate < 0 else worse
    return EQUAL + _rounded_up(margin) if margin <= rules.equal_within else UNDECIDED


def _rounded_up(share: float) -> str:
    """A margin in percent with two digits, never less than it is."""
    if share <= 0:
        return percent(0)
    unit = 10.0 ** (math.floor(math.log10(share)) - 1)
    return percent(math.ceil(share / unit * (1 - 1e-12)) * unit)


def power_of_ten(value: float) -> float:
    """10 to the `value`; of a finite one never 0 nor infinite, which mean that a side has no finite loss.

    Where the power is no float, the largest or the least one stands for it.
    """
    if not math.isfinite(value):
        return math.inf if value > 0 else 0.0 if value < 0 else math.nan
    try:
        return max(float(10.0**value), SMALLEST)
    except OverflowError:
        return LARGEST


def _seeds(d: NDArray[np.float64], row: Row, verdict: str, level: float) -> float:
    """Pairs that would resolve this gap at `level`; NaN where no number would, or none is needed."""
    if verdict != UNDECIDED or not np.isfinite(d).all():
        return math.nan
    gap = float(d.mean())
    if abs(gap) <= row.threshold:
        return math.nan  # seen or not, so small a gap is not called better
    largest = float(np.abs(d).max())
    if not SQUARABLE[0] < largest < SQUARABLE[1]:
        d = d / largest  # only the quotient of gap and spread counts
    try:
        return float(seeds_needed(float(d.mean()), float(d.std(ddof=1)), alpha=level))
    except ValueError:  # more than 10^7 pairs
        return math.inf
