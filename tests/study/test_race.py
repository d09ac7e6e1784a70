"""What `seeds` and `extend` mean: seeds in order, looks, and one line for each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.study_files import mistake, study, with_
from optbench.core.specs import RaceSpec


def test_a_race_with_all_left_out(tmp_path: Path) -> None:
    found = study(tmp_path, with_(seeds="{until: decided}"))
    assert found.race == RaceSpec((8, 10, 12, 15, 19, 24, 30))
    assert found.seeds == tuple(range(30))
    assert found.blocks[0].seeds == found.seeds


def test_a_race_with_all_given(tmp_path: Path) -> None:
    text = with_(seeds="{until: decided, looks: [6, 9], budget: 900, equal_within: 1%}")
    assert study(tmp_path, text).race == RaceSpec((6, 9), equal_within=0.01, budget=900)


def test_percent_and_number_are_the_same(tmp_path: Path) -> None:
    given = study(tmp_path, with_(report="{threshold: 2%, error: 0.1, equal_within: 7.5 %}")).report
    assert (given["threshold"], given["error"], given["equal_within"]) == (0.02, 0.1, 0.075)


def test_extensions_of_a_race_and_of_a_study(tmp_path: Path) -> None:
    found = study(tmp_path, with_(seeds="{until: decided, looks: [6, 9]}", extend="{seeds: 12, error: 2%}"))
    assert found.race == RaceSpec((6, 9), extended=((12, 0.02),))
    assert found.seeds == tuple(range(12))
    found = study(
        tmp_path, with_(seeds="[3, 0, 5, 7, 8, 9]", extend="[{seeds: 8}, {seeds: 9, error: 0.001}]")
    )
    assert found.race == RaceSpec((6,), extended=((8, 0.01), (9, 0.001)))
    assert found.seeds == (3, 0, 5, 7, 8, 9, 1, 2, 4), "the smallest that are no seed yet"


def test_without_either_nothing_races(tmp_path: Path) -> None:
    assert study(tmp_path, with_(seeds="7")).race is None


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"seeds": "{until: dawn}"}, "seeds.until: must be 'decided'; got 'dawn'"),
        ({"seeds": "{looks: [8]}"}, "the key 'seeds.until' is missing"),
        (
            {"seeds": "{until: decided, look: [8]}"},
            "unknown key 'seeds.look'; did you mean 'looks'? (allowed: budget, equal_within, looks, until)",
        ),
        (
            {"seeds": "{until: decided, looks: [8, 8]}"},
            "seeds.looks: must grow, from 6 seeds or more to at most 10000; got [8, 8]",
        ),
        (
            {"seeds": "{until: decided, looks: [5, 8]}"},
            "seeds.looks: must grow, from 6 seeds or more to at most 10000; got [5, 8]",
        ),
        (
            {"seeds": "{until: decided, looks: 8}"},
            "seeds.looks: must be a list of numbers of seeds, such as [8, 10, 12, 15, 19, 24, 30]; got 8",
        ),
        ({"seeds": "{until: decided, budget: 0}"}, "seeds.budget: must be greater than or equal to 1; got 0"),
        (
            {"seeds": "{until: decided, equal_within: 150%}"},
            "seeds.equal_within: must be less than or equal to 1; got 1.5",
        ),
        (
            {"seeds": "{until: decided, equal_within: little}"},
            "seeds.equal_within: must be a number; got 'little'",
        ),
        (
            {"seeds": "{until: decided}", "matrix": "[{seeds: 3}]"},
            "matrix[0].seeds: the looks of 'seeds' are those of every block; leave it out",
        ),
        (
            {"seeds": "7", "extend": "{seeds: 9}", "matrix": "[{seeds: 3}]"},
            "matrix[0].seeds: the looks of 'extend' are those of every block; leave it out",
        ),
        (
            {"seeds": "7", "extend": "{seeds: 7}"},
            "extend[0].seeds must be more than 7, which are there; got 7",
        ),
        ({"seeds": "5", "extend": "{seeds: 7}"}, "extend: the study must have 6 seeds or more; got 5"),
        ({"seeds": "7", "extend": "{error: 1%}"}, "the key 'extend[0].seeds' is missing"),
        (
            {"seeds": "7", "extend": "{seeds: 9, errors: 1%}"},
            "unknown key 'extend[0].errors'; did you mean 'error'? (allowed: error, seeds)",
        ),
        (
            {"seeds": "{until: decided, looks: [6, 1001]}", "tuning": "{seeds: 1}"},
            "tuning.seeds: 1000 is an evaluation seed; the seeds that choose a learning rate must not be "
            "those that judge it (give a list of others)",
        ),
    ],
)
def test_mistakes(tmp_path: Path, parts: dict[str, str], message: str) -> None:
    assert mistake(tmp_path, with_(**parts)) == message


def test_a_budget_that_does_not_reach_for_the_first_look(tmp_path: Path) -> None:
    text = with_(seeds="{until: decided, budget: 15}", optimizers="[sgd, adam]")
    assert mistake(tmp_path, text) == "seeds.budget: the first look alone takes 16 cells; got 15"
