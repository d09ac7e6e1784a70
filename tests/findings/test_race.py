"""Races on runs written by hand: who leaves at which look, why, and what is known of whom."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from scipy import stats

from optbench.core.specs import RaceSpec
from optbench.findings.comparisons import as_table, compare
from optbench.findings.decisions import Rules
from optbench.findings.race import Race, levels_of, run_race
from optbench.findings.samples import PairedSamples
from optbench.findings.verdicts import RACED, SHARES
from optbench.stats import holm, spent_error
from optbench.tables.rows import Combination

RULES = Rules()
NOISE = np.random.default_rng(5).normal(size=(8, 40))
"""Standard normal, a row for each combination."""


def one(name: str) -> Combination:
    return Combination(name, "constant")


def samples(
    losses: Mapping[str, Sequence[float]], workload: str = "w", *, once: bool = False
) -> PairedSamples:
    """Runs by optimizer; NaN where there is none, and not planned behind the last that is there."""
    measured = np.array([list(runs) for runs in losses.values()])
    names = tuple(one(name) for name in losses)
    return PairedSamples(
        workload,
        "final_val_loss",
        names,
        tuple(range(measured.shape[1])),
        measured,
        np.ones_like(measured, bool),
        np.isfinite(measured),
        tuple((0.1,) for _ in names),
        np.full(len(names), once),
    )


def noisy(levels: Mapping[str, float], seeds: int = 30, spread: float = 0.02) -> dict[str, list[float]]:
    """Losses 10^(level + spread * noise)."""
    return {
        name: (10 ** (level + spread * NOISE[row, :seeds])).tolist()
        for row, (name, level) in enumerate(levels.items())
    }


def race(
    *by_workload: PairedSamples, spec: RaceSpec | None = None, raced: Sequence[str] | None = None
) -> Race:
    seeds = range(max(len(found.seeds) for found in by_workload))
    return run_race(by_workload, spec or RaceSpec((8, 12, 18, 30)), RULES, seeds=list(seeds), raced=raced)


def states(found: Race, look: int, workload: str = "w") -> dict[str, str]:
    return {p.optimizer: p.state for p in found.places if (p.look, p.workload) == (look, workload)}


def verdicts(found: Race) -> dict[tuple[str, str], str]:
    return {(row.a, row.b): row.verdict for row in found.comparisons}


def test_what_is_worse_leaves_and_the_last_one_wins() -> None:
    found = race(samples(noisy({"a": 0, "b": 1, "c": 2})))
    assert states(found, 1) == {"a": "winner", "b": "dropped", "c": "dropped"}
    assert (found.looks, found.over, found.cut) == (4, True, False)
    assert set(found.planned.values()) == {8}
    assert verdicts(found) == {("a", "b"): "better", ("a", "c"): "better", ("b", "c"): "better"}


def test_a_look_by_hand() -> None:
    """Three combinations are fewer than ten pairs: Student's t, Holm, and the level of the look."""
    losses = noisy({"a": 0, "b": 0.012, "c": 0.05})
    found = race(samples({name: runs[:8] for name, runs in losses.items()}))
    log = {name: np.log10(runs[:8]) for name, runs in losses.items()}
    pairs = [("a", "b"), ("a", "c"), ("b", "c")]
    p = np.array([stats.ttest_rel(log[x], log[y]).pvalue for x, y in pairs])
    level = spent_error([8, 12, 18, 30], 0.05)[0] * RACED
    assert [place.level for place in found.places] == pytest.approx([level] * 3)
    expected = np.minimum(holm(p) * 0.05 / level, 1)
    assert [row.p_adjusted for row in found.comparisons] == pytest.approx(expected.tolist())
    dropped = {name for (x, y), q in zip(pairs, expected, strict=True) if q <= 0.05 for name in (y,)}
    assert {name for name, state in states(found, 1).items() if state == "dropped"} == dropped == {"c"}
    # c leaves because of whom it is told from most surely.
    at = {place.optimizer: place for place in found.places}
    least = min((q, x) for (x, y), q in zip(pairs, expected, strict=True) if y == "c")
    assert at["c"].against_optimizer == least[1]
    assert at["c"].p_adjusted == pytest.approx(least[0])
    assert at["c"].effect == pytest.approx(10 ** (log["c"] - log[least[1]]).mean())


def test_looks_spend_the_error_and_extensions_have_their_own() -> None:
    spec = RaceSpec((8, 30), extended=((60, 0.01),))
    assert [n for n, _ in levels_of(spec, RULES)] == [8, 30, 60]
    assert sum(error for _, error in levels_of(spec, RULES)) == pytest.approx(0.06)


def test_later_runs_change_no_earlier_look() -> None:
    losses = noisy({"a": 0, "b": 0.01, "c": 0.03, "d": 0.02}, spread=0.02)
    whole = race(samples(losses))
    assert max(place.look for place in whole.places) == 4
    for look, n in enumerate((8, 12, 18), start=1):
        cut = race(samples({name: runs[:n] for name, runs in losses.items()}))
        assert [p for p in cut.places if p.look <= look] == [p for p in whole.places if p.look <= look]


def test_what_was_dropped_needs_no_later_runs() -> None:
    losses = noisy({"a": 0, "b": 0.002, "c": 0.5}, spread=0.03)
    whole = race(samples(losses))
    assert states(whole, 1)["c"] == "dropped"
    gone = {**losses, "c": losses["c"][:8] + [math.nan] * 22}
    assert race(samples(gone)).places == whole.places
    assert whole.planned["w", one("c")] == 8


def test_a_look_waits_for_every_run_and_says_nothing_before() -> None:
    losses = noisy({"a": 0, "b": 1})
    losses["b"][3] = math.nan
    found = race(samples(losses))
    assert (found.looks, found.over, found.places) == (0, False, ())
    assert [row.verdict for row in found.comparisons] == ["insufficient data"]
    assert found.comparisons[0].effect == pytest.approx(
        10 ** np.nanmean(np.log10(losses["a"][:8]) - np.log10(losses["b"][:8]))
    )
    assert math.isnan(found.comparisons[0].p_adjusted)
    later = noisy({"a": 0, "b": 0.015})
    later["a"][9] = math.nan
    found = race(samples(later))
    assert (found.looks, found.over) == (1, False)
    assert set(found.planned.values()) == {12}
    assert found.comparisons[0].pairs == 8


def test_two_copies_are_equal_and_need_no_more() -> None:
    losses = noisy({"a": 0, "c": 1})
    found = race(samples({"a": losses["a"], "b": losses["a"], "c": losses["c"]}))
    assert states(found, 1) == {"a": "equal", "b": "equal", "c": "dropped"}
    assert verdicts(found)["a", "b"] == "equal within 0%"
    assert set(found.planned.values()) == {8}


def test_within_the_margin_is_equal() -> None:
    losses = noisy({"a": 0, "b": 0.0001}, spread=0.001)
    assert set(states(race(samples(losses)), 1).values()) == {"equal"}
    strict = RaceSpec((8, 12, 18, 30), equal_within=1e-5)
    assert "equal" not in {place.state for place in race(samples(losses), spec=strict).places}


def test_where_nothing_differs_it_is_given_up_and_never_called_equal() -> None:
    found = race(samples(noisy(dict.fromkeys("abcdefgh", 0.0), spread=0.2)))
    assert {place.state for place in found.places} <= {"in", "futile"}
    last = max(place.look for place in found.places)
    assert set(states(found, last).values()) == {"futile"}
    assert set(verdicts(found).values()) == {"undecided within 30 seeds"}
    assert sum(found.planned.values()) < 8 * 30


def test_diverged_runs_rank_worst_and_two_of_them_tie() -> None:
    losses = noisy({"a": 0, "b": 0, "c": 0})
    losses["b"] = [math.inf] * 30
    losses["c"] = [math.inf] * 30
    found = race(samples(losses))
    assert states(found, 1) == {"a": "winner", "b": "dropped", "c": "dropped"}
    assert verdicts(found)["b", "c"] == "insufficient data"


def test_what_draws_nothing_stays_out() -> None:
    fixed = samples({"a": [1.0] * 8, "b": [2.0] * 8}, "still", once=True)
    found = race(samples(noisy({"a": 0, "b": 1})), fixed, raced=["w"])
    assert {place.workload for place in found.places} == {"w"}
    said = {row.workload: row.verdict for row in found.comparisons}
    assert said == {"w": "better", "still": "better (exact)"}
    assert {workload for workload, _ in found.planned} == {"w"}


def test_a_budget_ends_it_before_a_look_that_costs_more() -> None:
    losses = noisy(dict.fromkeys("abc", 0.0), spread=0.001)  # told apart by nothing, nor equal enough
    tight = RaceSpec((8, 12, 18, 30), equal_within=1e-6, budget=3 * 12)
    found = race(samples(losses), spec=tight)
    assert found.cut == ({place.look for place in found.places} == {1, 2})
    assert sum(found.planned.values()) <= 36
    assert found.over


def test_an_extension_takes_all_that_were_not_told_apart() -> None:
    losses = noisy({"a": 0, "b": 0.0, "c": 1}, seeds=40, spread=0.1)
    base = race(samples({name: runs[:30] for name, runs in losses.items()}))
    gave_up = {place.optimizer for place in base.places if place.state in {"futile", "in"} and place.look > 0}
    assert gave_up == {"a", "b"}
    more = RaceSpec((8, 12, 18, 30), extended=((40, 0.01),))
    waiting = race(samples({name: runs[:30] for name, runs in losses.items()}), spec=more)
    assert not waiting.over
    assert waiting.planned == {("w", one("a")): 40, ("w", one("b")): 40, ("w", one("c")): 8}
    assert waiting.places == base.places, "what was decided stays"
    found = race(samples(losses), spec=more)
    assert found.over
    assert {place.n for place in found.places} >= {8, 40}
    assert found.places[-1].level == pytest.approx(0.01 * SHARES["comparisons"])


def test_one_look_is_the_fixed_design() -> None:
    runs = samples(noisy({"a": 0, "b": 0.01, "c": 0.05, "d": 0.3}, seeds=10))
    found = race(runs, spec=RaceSpec((10,)))
    fixed = compare([runs], None, RULES, primary=True)
    told = as_table(found.comparisons)
    told["verdict"] = told["verdict"].str.replace(" within 10 seeds", "")
    assert told.drop(columns="test").equals(fixed.drop(columns="test"))


def test_who_beats_one_that_beats_a_third_beats_the_third() -> None:
    """The third leaves early because of the second, before it is told from the first, which varies more."""
    level = {"first": -0.04 + 0.1 * NOISE[0, :30], "second": 0.001 * NOISE[1, :30]}
    level["third"] = 0.03 + 0.001 * NOISE[2, :30]
    found = race(samples({name: (10**runs).tolist() for name, runs in level.items()}))
    assert states(found, 1)["third"] == "dropped"
    rows = {(row.a, row.b): row for row in found.comparisons}
    assert rows["first", "third"].pairs == 8
    assert stats.ttest_1samp(level["first"][:8] - level["third"][:8], 0).pvalue > 0.01
    assert rows["second", "third"].verdict == rows["first", "second"].verdict == "better"
    assert rows["first", "second"].pairs > 8
    deduced = rows["first", "third"]
    assert (deduced.verdict, deduced.test) == ("better", "deduced from the race")
    assert deduced.p_adjusted == max(rows["second", "third"].p_adjusted, rows["first", "second"].p_adjusted)


def test_a_chain_by_hand() -> None:
    from optbench.findings.race import _closed

    a, b, c, d = map(one, "abcd")
    chains = _closed({(a, b): 0.01, (b, c): 0.03, (c, d): 0.02, (a, d): 0.04})
    assert chains[a, c] == 0.03
    assert chains[b, d] == 0.03
    assert chains[a, d] == 0.03, "through b and c it is surer than directly"
    assert (d, a) not in chains


def test_two_workloads_are_one_family() -> None:
    alone = race(samples(noisy({"a": 0, "b": 0.02}, spread=0.02)))
    both = race(
        samples(noisy({"a": 0, "b": 0.02}, spread=0.02)), samples(noisy({"a": 0, "b": 0.0}, spread=0.02), "v")
    )
    first = [next(p for p in found.places if p.optimizer == "b") for found in (alone, both)]
    assert first[1].p_adjusted == pytest.approx(min(2 * first[0].p_adjusted, 1))
