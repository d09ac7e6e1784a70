"""Decisions: a row by hand, what each verdict needs, and how the budget is shared."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from optbench.findings.decisions import Row, Rules, decide, verdict_of
from optbench.findings.verdicts import MIRROR, SHARES, kind_of, mirrored
from optbench.stats import moderated
from optbench.tables.rows import Combination

RULES = Rules()
RESOLVED = {"better", "worse"}


def row(differences: Any, **changes: Any) -> Row:
    d = np.asarray(differences, float)
    usual = Row(
        workload="w",
        a=Combination("a", "constant"),
        b=Combination("b", "constant"),
        scale="ratio",
        workloads=1,
        n=len(d),
        ran=int((~np.isnan(d)).sum()),
        n_ok=len(d),
        wins=int((d < 0).sum()),
        ties=int((d == 0).sum()),
        lr=("", ""),
        seeds=tuple(range(len(d))),
        differences=d,
        exact=False,
        compared=True,
        threshold=math.log10(1.01),
    )
    return replace(usual, **changes)


def test_the_worked_example_of_the_docs(monkeypatch: pytest.MonkeyPatch) -> None:
    muon = np.array([0.113637, 0.116302, 0.114321, 0.098232, 0.095888, 0.114357])
    lion = np.array([0.158915, 0.164789, 0.162667, 0.160892, 0.152404, 0.161285])
    # 499 pairs beside it, of which no p is smaller; what they have in common is given.
    rng = np.random.default_rng(0)
    rows = [row(np.log10(muon / lion), group="w")]
    rows += [row(0.05 * d, group="w") for d in rng.normal(size=(499, 6))]
    unit = max(np.abs(one.differences).max() for one in rows)  # the fit is made in units of the largest
    monkeypatch.setattr(moderated, "_prior", lambda *_: (4.0, 0.0016 / unit**2))
    one = decide(rows, RULES, share=SHARES["comparisons"], equality=SHARES["equality"])[0]
    assert one.effect == pytest.approx(0.677, abs=5e-4)
    assert (one.low, one.high) == (pytest.approx(0.629, abs=5e-4), pytest.approx(0.730, abs=5e-4))
    assert one.p == pytest.approx(8.5e-7, rel=0.01)
    assert one.p_adjusted == pytest.approx(0.00065, abs=1e-5)
    assert one.margin == pytest.approx(0.926, abs=1e-3)
    assert (one.verdict, one.test) == ("better", "moderated paired t, Holm")


@pytest.mark.parametrize(
    ("p", "shift", "changes", "margin", "verdict"),
    [
        (0.03, (-0.2, -0.3, -0.1), {}, math.nan, "better"),
        (0.03, (0.2, 0.1, 0.3), {}, math.nan, "worse"),
        (0.03, (-0.2, -0.3, -0.1), {"ran": 5}, math.nan, "insufficient data"),
        (0.03, (-0.2, -0.3, -0.1), {"compared": False}, math.nan, "insufficient data"),
        (0.06, (-0.2, -0.3, -0.1), {}, math.nan, "undecided"),
        (0.03, (-0.2, -0.4, 0.01), {}, math.nan, "undecided"),
        (0.03, (-0.2, -0.3, -0.1), {"threshold": 0.25}, math.nan, "detected, below the threshold"),
        (0.03, (-0.2, -0.3, -0.1), {"threshold": 0.25}, 0.05, "detected, below the threshold"),
        # A margin is never said smaller than it is.
        (0.8, (0.001, -0.01, 0.012), {}, 0.04201, "equal within 4.3%"),
        (0.8, (0.001, -0.01, 0.012), {}, 0.1, "equal within 10%"),
        (0.8, (0.001, -0.01, 0.012), {}, 0.1001, "undecided"),
        (math.nan, (-0.2, -0.2, -0.2), {"exact": True, "n": 1, "ran": 1}, math.nan, "better (exact)"),
        (math.nan, (0.2, 0.2, 0.2), {"exact": True, "n": 1, "ran": 1}, math.nan, "worse (exact)"),
        (math.nan, (1e-3,) * 3, {"exact": True, "n": 1, "ran": 1}, math.nan, "detected, below the threshold"),
        (math.nan, (0.0,) * 3, {"exact": True, "n": 1, "ran": 1}, math.nan, "equal within 0%"),
        (math.nan, (math.nan,) * 3, {"exact": True, "n": 1, "ran": 1}, math.nan, "insufficient data"),
    ],
)
def test_verdicts_need_all_of_their_conditions(
    p: float, shift: tuple[float, float, float], changes: dict[str, Any], margin: float, verdict: str
) -> None:
    assert verdict_of(row([0.0] * 6, **changes), p, shift, margin=margin, rules=RULES) == verdict
    turned = (-shift[0], -shift[2], -shift[1])
    assert verdict_of(row([0.0] * 6, **changes), p, turned, margin=margin, rules=RULES) == mirrored(verdict)


def test_the_other_side_of_a_verdict() -> None:
    assert all(mirrored(mirrored(verdict)) == verdict for verdict in MIRROR)
    assert mirrored("equal within 3%") == "equal within 3%"
    assert (kind_of("equal within 3%"), kind_of("better (exact)")) == ("equal", "better (exact)")


def test_a_share_of_the_budget_divides_the_level() -> None:
    d = np.random.default_rng(1).normal(0.02, 0.03, size=6)
    whole, part = (decide([row(d)], RULES, share=share)[0] for share in (1.0, 0.2))
    p = stats.ttest_1samp(d, 0).pvalue
    assert (whole.p, whole.p_adjusted) == (pytest.approx(p), pytest.approx(p))
    assert part.p_adjusted == pytest.approx(5 * p)
    assert sum(SHARES.values()) <= 1


def test_what_another_tuning_could_change_widens_the_interval_and_takes_a_verdict_back() -> None:
    d = np.array([0.020, 0.022, 0.018, 0.021, 0.019, 0.020])
    error = stats.sem(d)
    without = decide([row(d)], RULES, share=1.0)[0]
    assert (without.verdict, without.tuning_share) == ("worse", 0)
    little, much = (decide([row(d, tuning=v)], RULES, share=1.0)[0] for v in (error**2, 1e-3))
    assert little.tuning_share == pytest.approx(1 - 1 / math.sqrt(2))
    half = stats.t.ppf(0.975, 5) * math.sqrt(2) * error
    assert little.high == pytest.approx(10 ** (d.mean() + half))
    assert (little.verdict, much.verdict) == ("worse", "undecided")
    assert much.low < 1 < much.high
    unknown = decide([row(d, tuning=math.nan)], RULES, share=1.0)[0]
    assert math.isnan(unknown.tuning_share)
    assert (unknown.low, unknown.high) == (without.low, without.high)


def test_runs_that_diverged_have_a_place_and_lend_no_spread() -> None:
    inf = math.inf
    rng = np.random.default_rng(2)
    quiet = [row(0.01 * d, group="w") for d in rng.normal(size=(40, 6))]
    lost, half_lost = row([inf] * 6, group="w"), row([inf, inf, inf, 0.01, -0.01, 0.01], group="w")
    found = decide([*quiet, lost, half_lost], RULES, share=0.7)
    alone = decide(quiet, RULES, share=0.7)
    assert [one.p for one in found[:40]] == pytest.approx([one.p for one in alone])
    assert (found[40].verdict, found[40].effect) == ("worse", inf)
    assert found[41].verdict == "undecided"
    # Better in every pair, and two of the others diverged: no less told than without that.
    assert decide([row([-0.45, -0.46, -0.44, -0.45, -inf, -inf])], RULES, share=1.0)[0].verdict == "better"


def test_no_number_of_seeds_stands_where_none_would_do() -> None:
    rng = np.random.default_rng(3)
    noise = rng.normal(size=8)
    noise -= noise.mean()
    below, beyond = (decide([row(0.05 * noise + gap)], RULES, share=1.0)[0] for gap in (0.002, 0.02))
    assert below.verdict == beyond.verdict == "undecided"
    assert math.isnan(below.seeds_needed), "a gap of less than 1% is never called better"
    assert beyond.seeds_needed > 8
    told = decide([row(0.001 * noise + 0.2)], RULES, share=1.0)[0]
    assert told.verdict == "worse"
    assert math.isnan(told.seeds_needed)


def test_equality_is_seldom_said_of_what_differs() -> None:
    """Pairs that differ by 5%: `equal within` less than that in at most half a percent of the families."""
    rng = np.random.default_rng(4)
    gap, false, said = math.log10(1.05), 0, 0
    for _ in range(400):
        rows = [row(gap + 0.004 * d, group="w") for d in rng.normal(size=(20, 8))]
        found = decide(rows, RULES, share=0.7, equality=SHARES["equality"])
        false += any(one.margin < 0.05 for one in found)
        said += any(one.margin < 0.1 for one in found)
    assert false <= 6, "0.5% of 400 are 2"
    assert said > 200, "a test that never errs was not made"


def test_rows_that_say_nothing_of_their_group_lend_all_that_the_fit_finds() -> None:
    """Only pairs of few combinations are held back: `optbench compare` has a row for each combination."""
    d = 0.05 * np.random.default_rng(4).normal(size=(40, 6)) + 0.02
    found = decide([row(one, group="w") for one in d], RULES, share=1.0)
    expected = moderated.moderated_t(d).p
    assert [one.p for one in found] == pytest.approx(expected.tolist())
    held = decide([row(one, group="w", group_size=4) for one in d], RULES, share=1.0)
    assert [one.p for one in held] == pytest.approx(moderated.moderated_t(d, most_prior_df=1).p.tolist())
    assert max(abs(a.p - b.p) for a, b in zip(found, held, strict=True)) > 1e-3


def test_what_is_asked_of_one_workload_takes_nothing_from_another() -> None:
    """A pair alone on its workload has half of the family's error, however many pairs the other one has."""
    rng = np.random.default_rng(4)
    alone = row([-0.03, -0.05, -0.02, -0.04, -0.06, -0.05], workload="small")
    for many in (1, 30):
        others = [row(d, workload="large") for d in rng.normal(size=(many, 6))]
        first, *rest = decide([alone, *others], RULES, share=0.5, equality=0.1)
        assert first.p_adjusted == pytest.approx(2 * first.p / 0.5)
        # Nothing was told of the others: the least has the weight 1 / (2 many), and of what is left, 1 / 2.
        least = min(rest, key=lambda one: one.p)
        assert least.p_adjusted == pytest.approx(min(1.0, max(first.p_adjusted, many * least.p / 0.5)))
        # Two one-sided tests at 0.05 x 0.1 x the same weights.
        d = alone.differences
        reach = abs(d.mean()) + stats.t.ppf(1 - 0.005 / 2, 5) * d.std(ddof=1) / math.sqrt(6)
        assert first.margin == pytest.approx(10**reach - 1)


def test_a_family_with_parts_of_unequal_size_errs_as_seldom_as_it_says() -> None:
    """Null families of 1, 3 and 45 pairs that share runs: any false claim in at most 5% of 1,500."""
    rng = np.random.default_rng(8)
    false = 0
    for _ in range(1500):
        rows = []
        for name, combinations in (("one", 2), ("three", 3), ("many", 10)):
            runs = rng.normal(size=(combinations, 8))
            rows += [
                row(runs[i] - runs[j], workload=name)
                for i in range(combinations)
                for j in range(i + 1, combinations)
            ]
        false += any(one.p_adjusted <= RULES.error for one in decide(rows, RULES, share=1.0))
    assert 0 < false <= stats.binom.ppf(0.999, 1500, RULES.error)
