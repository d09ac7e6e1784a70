"""Recommendations and main effects as sentences: what they rest on, when they say that nothing is known."""

# ruff: noqa: E501 - sentences stand as they are said

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lab.fabricate import Fake, fabricate
from lab.findings import FAKE, label, runs_csv
from optbench.findings.recommended import recommended
from optbench.findings.write import sentence


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, Any]]]:
    tables = fabricate(tmp_path_factory.mktemp("recommended") / "results" / "fake", FAKE) / "tables"
    found = json.loads((tables / "findings.json").read_text(encoding="utf-8"))
    return tables, {finding["id"]: finding for finding in found}


def test_there_is_one_a_workload_and_one_over_all_and_terminals_print_them(study: Any) -> None:
    tables, found = study
    ids = [name for name in found if name.startswith("recommendation")]
    assert ids[0] == "recommendation"
    assert set(ids[1:]) == {f"recommendation:{name}" for name in ("ravine", "digits", "letters")}
    assert recommended(tables) == [found[name]["claim"] for name in ids]
    assert recommended(tables / "nowhere") == []


def test_a_recommendation_follows_from_the_csvs(study: Any) -> None:
    tables, found = study
    runs = pd.read_csv(runs_csv(tables))
    read = {"keep_default_na": False, "na_values": [""]}
    ranking = pd.read_csv(tables / "ranking.csv", **read)
    comparisons = pd.read_csv(tables / "comparisons.csv", **read)
    timing = pd.read_parquet(tables / "timing.parquet")
    for workload in ("digits", "letters"):
        one = found[f"recommendation:{workload}"]
        here = ranking[(ranking.workload == workload) & (ranking.metric == "final_val_loss")]
        first = here.sort_values("estimate").iloc[0]
        name = f"{label(first.optimizer)} · {first.schedule.capitalize()}"
        assert one["words"]["a"] == name
        assert name in one["claim"]
        group = here[(here.group == 1) & (here.optimizer + here.schedule != first.optimizer + first.schedule)]
        assert len(one["words"]["as_good"]) == len(group)
        own = runs[(runs.workload == workload) & (runs.optimizer == first.optimizer)]
        assert len(set(own[own.schedule == first.schedule].lr)) == 1
        assert one["words"]["rate"]["lr"] == own[own.schedule == first.schedule].lr.iloc[0]
        assert "searched with 2 tuning seeds" in one["claim"]
        if (first.optimizer, first.schedule) != ("sgd", "constant"):
            pair = comparisons[
                (comparisons.workload == workload)
                & (comparisons.metric == "final_val_loss")
                & (comparisons.a == "sgd")
                & (comparisons.schedule_a == "constant")
                & (comparisons.b == first.optimizer)
                & (comparisons.schedule_b == first.schedule)
            ].iloc[0]
            assert one["effect"] == pytest.approx(1 / pair.effect)
            assert one["words"]["wins"] == pair.pairs - pair.wins - pair.ties
        times = timing[timing.workload == workload].set_index("optimizer").step_time_us
        cheaper = one["words"]["cheaper"]
        if cheaper:
            assert cheaper["share"] < 0.95
            assert cheaper["share"] == pytest.approx(
                min(times[o] for o in group.optimizer) / times[first.optimizer]
            )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"tested": False},
            "W: no recommendation, no pair has the 6 seeds that a test takes. Lowest in these runs is A at lr "
            "0.100 (at untuned rates: given, not searched).",
        ),
        (
            {"told": False, "as_good": ["B"]},
            "W: no recommendation among 3 combinations, none is better than another by what these runs can "
            "show. Lowest is A at lr 0.100 (at untuned rates: given, not searched).",
        ),
        (
            {"others": 0},
            "W: only A was run, there is nothing to choose.",
        ),
        (
            {"cheaper": {"name": "B", "share": 0.5}, "as_good": ["B"], "beaten_on": [["V", "C"]]},
            "W: use A at lr 0.100 (at untuned rates: given, not searched). Its loss is 20% lower than that of the "
            "reference, R (95%: 10% to 30% lower), lower in 7 of 8 seeds (better, adjusted p = 0.02). "
            "As good as these runs can show: B. Cheaper among these: B, 50% of the step time. Not to be trusted "
            "blindly: on V C is better.",
        ),
        (
            {
                "rate": {"lr": None, "tuned": True, "tuning_seeds": 3, "edge": True, "source": ""},
                "ended": [7, 8],
                "tuning_share": 0.25,
            },
            "W: use A, each workload at its own rate, searched with 3 tuning seeds. Its loss is 20% lower than that "
            "of the reference, R (95%: 10% to 30% lower), lower in 7 of 8 seeds (better, adjusted p = 0.02). Nothing else "
            "is as good: it is better than 2 of 2 others. Not to be trusted blindly: 1 of its 8 runs ended "
            "without a result; its rate lies at the edge of what was searched; 25% of the interval is what "
            "another tuning could change.",
        ),
        (
            {
                "reference": None,
                "rate": {
                    "lr": 0.1,
                    "tuned": False,
                    "tuning_seeds": 0,
                    "edge": False,
                    "source": "searched elsewhere",
                },
            },
            "W: use A at lr 0.100 (searched elsewhere). It is the reference "
            "itself, and better than 2 of 2 others. Nothing else is as good: it is better than 2 of 2 others.",
        ),
    ],
    ids=["untested", "undecided", "alone", "cheaper", "tuned", "reference"],
)
def test_what_a_recommendation_says(changes: dict[str, Any], said: str) -> None:
    words = {
        "workload": "W", "workloads": 1, "a": "A", "reference": "R", "others": 2, "better_than": 2, "told": True,
        "tested": True, "wins": 7, "as_good": [], "cheaper": None, "ended": [8, 8], "fewest": 6, "beaten_on": [],
        "left_out": 0, "tuning_share": None,
        "rate": {"lr": 0.1, "tuned": False, "tuning_seeds": 0, "edge": False, "source": ""},
    }  # fmt: skip
    finding = {
        "template": "recommendation", "verdict": "better", "test": "moderated paired t, Holm", "n": 8,
        "effect": 0.8, "low": 0.7, "high": 0.9, "p_adjusted": 0.02, "exploratory": False, "words": words | changes,
    }  # fmt: skip
    assert sentence(finding) == said


def test_what_a_main_effect_says() -> None:
    words = {
        "what": "schedule", "name": "Cosine", "against": "Constant", "workloads": 2, "parts": 6, "own_rate": 6,
        "wins": 10, "defeats": 0, "ends": [], "diverged": 0, "untold": 0, "fewest": 6,
        "kinds": [
            {"kind": "networks", "effect": 0.85, "verdict": "better"},
            {"kind": "linear models", "effect": 1.01, "verdict": "undecided"},
        ],
    }  # fmt: skip
    finding = {
        "template": "effect", "verdict": "better", "test": "moderated paired t, Holm", "n": 10, "effect": 0.92,
        "low": 0.89, "high": 0.95, "p_adjusted": 0.001, "exploratory": False, "words": words,
    }  # fmt: skip
    over = "over 6 pairs of workload and optimizer on 2 workloads; 10 seeds, adjusted p = 0.001"
    by_kind = "By kind: networks 0.850 times (better) and linear models 1.01 times (undecided)."
    assert sentence(finding) == (
        f"Cosine instead of Constant lowers the loss by 8% [5%, 11%], in every seed ({over}). {by_kind}"
    )
    open_ = finding | {"verdict": "undecided", "effect": 1.2, "low": 0.9, "high": 1.5}
    assert sentence(open_).startswith(
        "What Cosine instead of Constant does to the loss is undecided: 1.20 times [0.900, 1.50] (over 6 pairs"
    )
    worse = finding | {"verdict": "worse", "effect": 40.0, "low": 20.0, "high": 80.0}
    worse["words"] = words | {"wins": 1, "defeats": 9, "own_rate": 2, "diverged": 1}
    assert sentence(worse).startswith(
        "Cosine instead of Constant raises the loss: 40.0 times [20.0, 80.0], in 9 of 10 seeds (over 6 pairs"
    )
    assert sentence(worse).endswith(
        "Mind: runs ended without a result on 1 workload and in 2 of 6 pairs each ran at a rate of its own."
    )


def test_few_seeds_recommend_nothing(tmp_path: Path) -> None:
    results = fabricate(tmp_path / "results" / "few", Fake(workloads=("digits", "letters"), seeds=3))
    lines = recommended(results / "tables")
    assert len(lines) == 3
    assert all("no recommendation" in line for line in lines)


def test_a_reference_that_leads_is_judged_against_the_others(tmp_path: Path) -> None:
    fake = Fake(workloads=("digits",), optimizers=("sgd", "adam"), schedules=("constant",), seeds=6)
    tables = fabricate(tmp_path / "results" / "leads", fake) / "tables"
    found = {f["id"]: f for f in json.loads((tables / "findings.json").read_text(encoding="utf-8"))}
    one = found["recommendation:digits"]
    assert one["words"]["a"] == "SGD · Constant"
    assert one["words"]["reference"] is None
    assert one["verdict"] == "better"  # not `insufficient data`: nothing else is as good
    few = fabricate(tmp_path / "results" / "few", replace(fake, seeds=3)) / "tables"
    found = {f["id"]: f for f in json.loads((few / "findings.json").read_text(encoding="utf-8"))}
    assert found["recommendation:digits"]["verdict"] == "insufficient data"
