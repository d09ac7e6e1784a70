"""Sentences on a race, each from fields given by hand."""

from __future__ import annotations

from typing import Any

import pytest

from optbench.findings.racing import _say_race, _say_race_on

LOOKS = "A race with looks at 8, 12 and 30 seeds"

WHOLE: dict[str, Any] = {
    "looks": [8, 12, 30],
    "held": 3,
    "over": True,
    "cut": False,
    "budget": None,
    "cells": 491,
    "at_most": 960,
    "left": 4,
    "of": 32,
}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {},
            f"{LOOKS}: 4 of 32 combinations on a workload are left, trained "
            "were 491 cells of the 960 cells that all seeds for all would take (51%).",
        ),
        (
            {"cut": True, "budget": 500},
            f"{LOOKS}: 4 of 32 combinations on a workload are left, trained "
            "were 491 cells of the 960 cells that all seeds for all would take (51%). "
            "The budget of 500 cells ended it.",
        ),
        (
            {"over": False, "held": 1, "cells": 256},
            f"{LOOKS} that is not over: 4 of 32 combinations on a workload are left after "
            "1 look, with 256 cells of the 960 cells that all seeds for all would take.",
        ),
        (
            {"held": 0, "over": False},
            f"{LOOKS}: the runs of the first look are not all there, and nothing is decided.",
        ),
    ],
)
def test_the_race_as_a_whole(changes: dict[str, Any], sentence: str) -> None:
    words = WHOLE | changes
    assert _say_race({"effect": words["cells"] / words["at_most"]}, words) == sentence


ONE: dict[str, Any] = {
    "workload": "Digits",
    "state": "winner",
    "n": 12,
    "last": 30,
    "over": True,
    "cut": False,
    "left": ["SGD · Cosine"],
    "gone": [(8, 13), (12, 2)],
}
LEFT = ["SGD · Cosine", "Adam · Cosine"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {},
            "Digits: SGD · Cosine is the only one left, after 12 seeds. "
            "Worse than another: 13 at 8 and 2 at 12 seeds.",
        ),
        (
            {"state": "equal", "left": LEFT, "gone": []},
            "Digits: SGD · Cosine and Adam · Cosine are equal as far as it matters, "
            "after 12 seeds. None left.",
        ),
        (
            {"state": "futile", "left": LEFT, "gone": [(8, 1)]},
            "Digits: SGD · Cosine and Adam · Cosine are undecided within 30 seeds: given up after 12, since "
            "more would hardly tell the best. Worse than another: 1 at 8 seeds.",
        ),
        (
            {"state": "in", "left": LEFT, "n": 30, "gone": [(8, 1)]},
            "Digits: SGD · Cosine and Adam · Cosine are undecided within 30 seeds. "
            "Worse than another: 1 at 8 seeds.",
        ),
        (
            {"state": "in", "left": LEFT, "over": False, "gone": [(8, 1)]},
            "Digits: SGD · Cosine and Adam · Cosine are in after 12 seeds. Worse than another: 1 at 8 seeds.",
        ),
        (
            {"state": "in", "left": LEFT, "cut": True, "gone": [(8, 1)]},
            "Digits: SGD · Cosine and Adam · Cosine are undecided: the budget ended the race after "
            "12 seeds. Worse than another: 1 at 8 seeds.",
        ),
    ],
)
def test_a_workload(changes: dict[str, Any], sentence: str) -> None:
    assert _say_race_on({}, ONE | changes) == sentence
