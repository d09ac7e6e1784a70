"""Comparisons: what is tested, what a verdict needs, how often it is wrong."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lab.studies import write_study
from optbench.core.errors import UserError
from optbench.findings.comparisons import compare
from optbench.findings.decisions import Rules
from optbench.findings.samples import common_block, paired_differences, paired_samples
from optbench.findings.write import sentence
from optbench.study.resolve import read_study

# ------------------------------------------------------------------------------------- error rates


def equal_runs(rng: np.random.Generator, seeds: int, workloads: int = 2) -> pd.DataFrame:
    """Run table of a study in which no optimizer or schedule differs from another."""
    rows = []
    for w in range(workloads):
        shared = rng.normal(size=seeds)  # what a seed does to everyone
        for o, s in itertools.product(range(3), ("constant", "cosine")):
            log_loss = -1 + 0.3 * shared + 0.2 * rng.normal(size=seeds)
            losses = 10**log_loss
            rows += [(f"w{w}", f"o{o}", s, 0.1, seed, "ok", loss) for seed, loss in enumerate(losses)]
    columns = ["workload", "optimizer", "schedule", "lr", "seed", "status", "final_val_loss"]
    return pd.DataFrame(rows, columns=columns)


def test_studies_without_difference_seldom_say_better() -> None:
    """520 studies, 30 comparisons each and 15 over workloads: any `better` or `worse` in 5% at most."""
    rng = np.random.default_rng(11)
    false = 0
    for study in range(520):
        by_workload = paired_samples(equal_runs(rng, 6 if study % 2 else 8), "final_val_loss")
        table = compare(by_workload, common_block(by_workload, "o0"), Rules(), primary=True)
        assert len(table) == 45
        false += table["verdict"].isin(["better", "worse"]).any()
    assert false / 520 <= 0.05
    assert false > 0, "a test that never errs was not made"


def test_a_real_difference_is_found_and_the_twins_beside_it_are_not() -> None:
    rng = np.random.default_rng(13)
    runs = equal_runs(rng, 10)
    better = runs["optimizer"] == "o2"
    runs.loc[better, "final_val_loss"] *= 0.2
    by_workload = paired_samples(runs, "final_val_loss")
    table = compare(by_workload, common_block(by_workload, "o0"), Rules(), primary=True)
    against = (table["b"] == "o2") & (table["a"] != "o2")
    assert (table.loc[against, "verdict"] == "worse").all()
    assert np.log10(table.loc[against, "effect"]).mean() == pytest.approx(math.log10(5), abs=0.1)
    twins = (table["a"] == table["b"]) | ((table["a"] != "o2") & (table["b"] != "o2"))
    assert (table.loc[twins, "verdict"] == "undecided").all()


# ------------------------------------------------------------------------------- what counts, and for what


def table_of(values: dict[str, list[float]], status: dict[str, list[str]] | None = None) -> pd.DataFrame:
    rows = [
        ("w", o, "constant", 0.1, seed, (status or {}).get(o, ["ok"] * len(v))[seed], loss)
        for o, v in values.items()
        for seed, loss in enumerate(v)
    ]
    columns = ["workload", "optimizer", "schedule", "lr", "seed", "status", "final_val_loss"]
    return pd.DataFrame(rows, columns=columns)


def compared(values: dict[str, list[float]], status: dict[str, list[str]] | None = None) -> dict[str, Any]:
    table = compare(paired_samples(table_of(values, status), "final_val_loss"), None, Rules())
    return table.iloc[0].to_dict()


def test_fewer_than_six_pairs_are_never_tested() -> None:
    row = compared({"a": [0.1, 0.11, 0.12, 0.1, 0.13], "b": [9.0, 8, 7, 9, 8]})
    assert row["verdict"] == "insufficient data"
    assert row["test"] == "none"
    assert math.isnan(row["p"])
    assert math.isnan(row["p_adjusted"])
    assert row["coverage"] == 0.95


def test_nothing_is_said_of_a_pair_before_all_its_runs_are_there() -> None:
    """Who looks sooner sees an estimate: a test at every look would call something far too often."""
    status = {"b": ["ok"] * 6 + ["missing"]}
    row = compared({"a": [0.1, 0.2, 0.1, 0.3, 0.2, 0.1, 0.1], "b": [1.0, 2, 1, 2, 1, 2, math.nan]}, status)
    assert (row["n"], row["pairs"], row["n_ok"]) == (7, 6, 6)
    d = np.log10([0.1, 0.1, 0.1, 0.15, 0.2, 0.05])
    assert row["effect"] == pytest.approx(10 ** d.mean())
    half = stats.t.ppf(0.975, 5) * d.std(ddof=1) / 6**0.5
    assert row["high"] == pytest.approx(10 ** (d.mean() + half))
    assert (row["verdict"], row["test"]) == ("insufficient data", "none")
    assert math.isnan(row["p"])
    assert math.isnan(row["p_adjusted"])


def test_what_is_whole_is_told_the_same_while_others_are_not() -> None:
    """A family counts all its pairs from the first: none is called better that would not be at the end."""
    sure = {"a": [0.1, 0.2, 0.1, 0.3, 0.2, 0.1], "b": [1.0, 2, 1, 2, 1, 2]}
    third = {"c": [3.0, 3.1, 3.2, 2.9, 3.0, math.nan]}
    alone = compared(sure)
    peeked = compared({**sure, **third}, {"c": ["ok"] * 5 + ["missing"]})
    assert peeked["p_adjusted"] == pytest.approx(min(3 * alone["p_adjusted"], 1))


def test_a_diverged_run_ranks_worst_and_is_not_left_out() -> None:
    status = {"b": ["diverged"] * 2 + ["ok"] * 6}
    a = [0.1, 0.12, 0.11, 0.13, 0.1, 0.12, 0.11, 0.1]
    b = [math.nan, math.nan, 0.31, 0.35, 0.33, 0.3, 0.32, 0.36]
    row = compared({"a": a, "b": b}, status)
    assert (row["n"], row["pairs"], row["n_ok"], row["wins"]) == (8, 8, 6, 8)
    assert row["low"] == 0
    assert row["verdict"] == "better"
    both = compared(
        {"a": [math.nan] * 6, "b": [math.nan] * 5 + [1.0]},
        {"a": ["diverged"] * 6, "b": ["diverged"] * 5 + ["ok"]},
    )
    assert both["verdict"] == "undecided", "five ties and one win"
    never = compared(
        {"a": [math.nan] * 6, "b": [math.nan] * 6 + [1.0]},
        {"a": ["diverged"] * 6, "b": ["diverged"] * 6 + ["ok"]},
    )
    assert never["verdict"] == "insufficient data", "no seed in which either has a loss"


def test_what_is_the_same_in_every_seed_is_compared_as_it_is() -> None:
    row = compared({"a": [0.1] * 8, "b": [0.2] * 8})
    assert row["test"] == "none: exact, nothing is drawn"
    assert row["verdict"] == "better (exact)"
    assert row["effect"] == row["low"] == row["high"] == pytest.approx(0.5)
    assert compared({"a": [0.3] * 8, "b": [0.2] * 8})["verdict"] == "worse (exact)"
    assert compared({"a": [0.1] * 8, "b": [0.1] * 8})["verdict"] == "equal within 0%"
    assert compared({"a": [0.1] * 8, "b": [0.1005] * 8})["verdict"] == "detected, below the threshold"


def test_what_was_trained_once_stands_for_every_seed() -> None:
    """SGD and Adam draw nothing on w and ran once; a plug-in beside them draws and ran eight times."""
    noisy = [0.5, 0.51, 0.49, 0.52, 0.5, 0.48, 0.5, 0.53]
    rows = [("w", "sgd", 0.2), ("w", "adam", 0.1)]
    runs = pd.DataFrame(
        [(w, o, "constant", 0.1, 0, "ok", loss) for w, o, loss in rows]
        + [("w", "mine", "constant", 0.1, seed, "ok", loss) for seed, loss in enumerate(noisy)],
        columns=["workload", "optimizer", "schedule", "lr", "seed", "status", "final_val_loss"],
    )
    samples = paired_samples(runs, "final_val_loss", once=["w"], seeds=range(8))
    table = compare(samples, None, Rules(), primary=True).set_index(["a", "b"])
    exact = table.loc["sgd", "adam"]
    assert (exact["verdict"], exact["effect"], exact["pairs"]) == ("worse (exact)", pytest.approx(2), 1)
    drawn = table.loc["sgd", "mine"]
    assert (drawn["verdict"], drawn["pairs"], drawn["wins"], drawn["n_ok"]) == ("better", 8, 8, 8)
    assert drawn["effect"] == pytest.approx(0.2 / 10 ** np.log10(noisy).mean())


def test_a_difference_below_the_threshold_is_said_to_be_there_and_no_more() -> None:
    rng = np.random.default_rng(0)
    a = list(0.5 + 0.1 * rng.random(8))
    assert compared({"a": a, "b": [1.009 * v for v in a[:-1]] + [1.0092 * a[-1]]})["verdict"] == (
        "detected, below the threshold"
    )
    row = compared({"a": a, "b": [1.03 * v for v in a[:-1]] + [1.031 * a[-1]]})
    assert row["verdict"] == "better"
    assert row["effect"] == pytest.approx(1 / 1.03, abs=1e-3)


def test_negative_losses_are_compared_by_differences() -> None:
    a = [-1.0, -1.2, -1.1, -0.9, -1.3, -1.05]
    row = compared({"a": a, "b": [v + 0.5 + 0.01 * i for i, v in enumerate(a)]})
    assert row["scale"] == "difference"
    assert row["effect"] == pytest.approx(-0.525)
    assert row["verdict"] == "better"


LARGEST, TINY = 1.7976931348623157e308, 5e-324
EIGHTHS = [1 + seed / 8 for seed in range(6)]


@pytest.mark.parametrize(
    ("a", "b", "effect", "verdict"),
    [
        # 616 decades apart: the ratio is no float, and neither 0 nor infinite, which would mean a failed run
        ([1e-308 * k for k in EIGHTHS], [1e307 * k for k in EIGHTHS], TINY, "better"),
        ([1e307 * k for k in EIGHTHS], [1e-308 * k for k in EIGHTHS], LARGEST, "worse"),
        # the least floats are counted in units: half as much is half as much
        ([k * TINY for k in (1, 2, 3, 4, 5, 6)], [k * TINY for k in (2, 4, 6, 8, 10, 12)], 0.5, "better"),
        # an ulp, to either side or to one, is no difference that counts
        ([1.0, math.nextafter(1, 2)] * 3, [math.nextafter(1, 2), 1.0] * 3, 1.0, "undecided"),
        ([1.0 + k for k in EIGHTHS], [math.nextafter(1.0 + k, 9) for k in EIGHTHS], 1.0,
         "detected, below the threshold"),
        # all infinite on one side: the worst that there is; three against three: nothing
        ([1.0] * 5 + [2.0], [math.nan] * 6, 0.0, "better"),
        ([1.0, 2, 3] + [math.nan] * 3, [math.nan] * 3 + [1.0, 2, 3], 1.0, "undecided"),
        # from one end of the floats to the other: a difference beyond all
        ([-LARGEST * k for k in (1.0, 0.9, 0.8, 0.7, 0.6, 0.55)],
         [LARGEST, 1e308, 9e307, 1e308, 1e308, 1e308], -math.inf, "better"),
        # exact zeros on both sides tie, beside a positive loss they win by more than any factor
        ([0.0] * 5 + [-0.0], [0.0] * 6, 1.0, "equal within 0%"),
        ([0.0] * 6, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 0.0, "better"),
    ],
)  # fmt: skip
def test_numbers_at_the_ends_of_the_floats_are_judged_as_others(
    a: list[float], b: list[float], effect: float, verdict: str
) -> None:
    status = {
        name: ["diverged" if math.isnan(v) else "ok" for v in side] for name, side in (("a", a), ("b", b))
    }
    row = compared({"a": a, "b": b}, status)
    assert row["effect"] == pytest.approx(effect)
    assert row["verdict"] == verdict


def test_the_seeds_that_a_gap_needs_do_not_depend_on_its_unit() -> None:
    differences = np.array([1.0, -2.0, 0.5, 3.0, -1.0, 2.5])
    base = np.full(6, -10.0)  # negative: compared by differences
    needed = {
        unit: compared({"a": list(unit * base), "b": list(unit * (base + differences))})["seeds_needed"]
        for unit in (1.0, 1e300, 1e-300)
    }
    assert needed[1e300] == needed[1e-300] == needed[1.0]
    assert 6 < needed[1.0] < 1000


def test_ties_and_pairs_without_a_run() -> None:
    a = np.array([np.inf, 1, np.inf, np.nan, -np.inf])
    b = np.array([np.inf, 3, 1, 2, -np.inf])
    np.testing.assert_array_equal(paired_differences(a, b), [0, -2, np.inf, np.nan, 0])


def test_a_study_declares_its_rules(tmp_path: Path) -> None:
    text = "study: s\nworkloads: [ravine]\noptimizers: [sgd, adam]\nreport: "
    file = write_study(tmp_path, text + "{threshold: 0.05, reference: adam, error: 0.1, seed: 3}\n")
    assert dict(read_study(file).report) == {
        "threshold": 0.05, "reference": "adam", "error": 0.1, "equal_within": 0.1, "seed": 3, "pdf": False,
        "rates": "", "language": "en",
    }  # fmt: skip
    mistakes = {
        "{reference: adm}": "report.reference: unknown name 'adm'; did you mean 'adam'?",
        "{threshold: 1}": "report.threshold",
        "{error: 0}": "report.error",
        "{equal_within: 2}": "report.equal_within",
        "{treshold: 0.1}": "did you mean 'threshold'?",
    }
    for given, said in mistakes.items():
        with pytest.raises(UserError) as raised:
            read_study(write_study(tmp_path, text + given + "\n"))
        assert said in str(raised.value)


def test_steps_against_a_run_that_never_arrives_are_no_ratio() -> None:
    words = {"workload": "W", "a": "A", "b": "B", "median": 100.0, "reached": 6, "runs": 6, "better_than": 1}
    words |= {"others": 1, "tied": 0, "tied_names": [], "scale": "ratio", "compared": True}
    words |= {"workloads": 1, "diverged": 1, "untold": 0}
    finding = {"template": "target", "verdict": "better", "n": 6, "p_adjusted": 0.03125, "words": words}
    finding |= {"test": "paired t, Holm", "exploratory": True}
    arrives = sentence({**finding, "effect": 0.5, "low": 0.4, "high": 0.6})
    never = sentence({**finding, "effect": 0.0, "low": 0.0, "high": 0.0})
    start = "On W, A reaches the target soonest: median 100 steps, 6 of 6 runs. "
    start += "It is better than 1 of 1 other, B: "
    end = ", 6 seeds, adjusted p = 0.031, exploratory."
    assert arrives == f"{start}the steps of A are 0.500 times those of B [0.400, 0.600]{end}"
    assert never == f"{start}in the typical pair B never gets there{end}"
