"""What else the next run would make, and what is said of it: choices, timings, data."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner

from optbench.catalogue.datasets.prepare import prepare
from optbench.cells.matrix import cells_of
from optbench.cells.paths import trace_path
from optbench.cells.search import choice_path, known_trials, read_choice, searches_of
from optbench.cells.timing_file import timing_facts, write_timing
from optbench.cells.timings import timing_path, timings_of
from optbench.cells.trace import Trace, cell_facts, write_trace
from optbench.cells.why import (
    AGAIN,
    NEVER_CHOSEN,
    NEVER_MEASURED,
    SAME_FILES,
    TRIALS_GONE,
    UNTOLD,
    UP_TO_DATE,
    differences,
    reasons_of_choices,
    reasons_of_timings,
)
from optbench.cli import cli
from optbench.core.specs import DatasetSpec
from optbench.running.tuning import tune
from optbench.study.resolve import read_study
from optbench.study.study import Study

TUNED = """
    study: s
    seeds: [0]
    timing: false
    tuning: {{seeds: 1, low: 0.1, high: {high}, per_decade: 1, widen: 0}}
    workloads: [ravine]
    optimizers: [{optimizers}]
    """

TIMED = """
    study: s
    seeds: [0]
    timing: {{seconds: 1}}
    workloads: [ravine]
    optimizers:
      sgd: {{}}
      heavy_ball: {{momentum: {momentum}}}
    """


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def study(text: str, **values: object) -> Study:
    Path("s.yaml").write_text(dedent(text).format(**values))
    return read_study(Path("s.yaml"))


def told(*words: str) -> list[str]:
    done = CliRunner().invoke(cli, ["why", "s.yaml", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def train(cells: object) -> None:
    """Stands for training: traces of cells that took no step."""
    for cell in cells:  # type: ignore[attr-defined]
        facts = {**cell_facts(cell), "status": "killed", "error": "", "steps": 0}
        write_trace(trace_path(cell), Trace(facts, {"started": 100.0}))


def tune_and_train(found: Study) -> None:
    tune(searches_of(found), lambda left, _: train(left))
    train(cells_of(found))


def test_choices_by_cause() -> None:
    old = study(TUNED, high=1.0, optimizers="sgd, heavy_ball")
    assert [one.state for one in reasons_of_choices(searches_of(old))] == [NEVER_CHOSEN] * 2
    assert "2 learning rates to choose: never chosen" in told("--all")
    tune_and_train(old)
    assert [one.state for one in reasons_of_choices(searches_of(old))] == [UP_TO_DATE] * 2
    assert told("--all") == ["nothing would be trained"]

    new = study(TUNED, high=10.0, optimizers="sgd, heavy_ball, adam")
    assert told("--all") == [
        # a grid of -1..0 and its wider one of -1..1: the trials of the first are found again
        "5 trials: never trained",
        "  ravine/sgd/constant/lr10/1000 and 4 more",
        "2 learning rates to choose: settings: tuning high 1.0 -> 10.0",
        "  ravine/sgd/constant and 1 more",
        "1 learning rate to choose: never chosen",
        "  ravine/adam/constant",
        "2 cells: settings: tuning high 1.0 -> 10.0",
        "  ravine/sgd/constant/0 and 1 more",
        "1 cell: never trained",
        "  ravine/adam/constant/0",
    ]
    tune_and_train(new)
    assert told("--all") == ["nothing would be trained"]


def test_a_tuned_cell_says_what_changed_in_its_search() -> None:
    tune_and_train(study(TUNED, high=1.0, optimizers="sgd"))
    (old,) = Path("results/s/cells/ravine/sgd/constant").iterdir()
    (cell,) = cells_of(study(TUNED, high=10.0, optimizers="sgd"))
    assert told(cell.name) == [
        f"{cell.name}: would be trained again; {old.name} differs:",
        "  settings: tuning high 1.0 -> 10.0",
        "  its learning rate would be chosen first: settings: tuning high 1.0 -> 10.0",
    ]
    old.unlink()  # without a trace of it, its old choice still tells
    assert told(cell.name) == [
        f"{cell.name}: never trained",
        "  its learning rate would be chosen first: settings: tuning high 1.0 -> 10.0",
    ]


def test_what_seeds_share_is_the_same_for_every_cell_that_waits() -> None:
    drawn = TUNED.replace("[0]", "[0, 1]").replace("[ravine]", "{{ravine: {{spread: 0.1}}}}")
    found = study(drawn, high=1.0, optimizers="sgd")
    one, other = cells_of(found)
    (search,) = searches_of(found)
    (same,) = searches_of(found, [other])
    assert one.identity != other.identity
    assert search.identity == same.identity
    assert not {"seed", "probe_every", "together", "lr"} & set(search.identity["settings"])


def test_a_choice_whose_trials_are_gone() -> None:
    found = study(TUNED, high=1.0, optimizers="sgd")
    tune_and_train(found)
    trace_path(known_trials(found)[0]).unlink()
    assert told("--all") == [
        "1 trial: never trained",
        "  ravine/sgd/constant/lr0.1/1000",
        f"1 learning rate to choose: {TRIALS_GONE}",
        "  ravine/sgd/constant",
    ]


def test_a_choice_of_an_earlier_version_is_read() -> None:
    found = study(TUNED, high=1.0, optimizers="sgd")
    tune_and_train(found)
    (cell,) = cells_of(found)
    path = choice_path(cell)
    old = read_choice(path)
    assert old is not None
    del old["identity"]
    path.write_text(json.dumps(old))
    assert told("--all") == ["nothing would be trained"]
    path.rename(path.with_name("choice-00000000.json"))
    assert told("--all") == [f"1 learning rate to choose: {UNTOLD}", "  ravine/sgd/constant"]


def time(found: Study) -> None:
    """Stands for measuring: files without blocks."""
    for timing in timings_of(found):
        write_timing(timing_path(timing), timing_facts(timing))


def test_timings_by_cause() -> None:
    old = study(TIMED, momentum=0.9)
    train(cells_of(old))
    assert told("--all") == ["1 timing: never measured", "  ravine"]
    assert [one.state for one in reasons_of_timings(timings_of(old))] == [NEVER_MEASURED]
    time(old)
    assert told("--all") == ["nothing would be trained"]
    new = study(TIMED, momentum=0.5)
    (one,) = reasons_of_timings(timings_of(new))
    assert (one.name, one.state, one.causes) == (
        "ravine",
        AGAIN,
        ("settings: optimizer heavy_ball momentum 0.9 -> 0.5",),
    )
    assert told("--all")[-2:] == ["1 timing: settings: optimizer heavy_ball momentum 0.9 -> 0.5", "  ravine"]
    # Not measured where the study asks for none.
    study(TIMED.replace("timing: {{seconds: 1}}", "timing: false"), momentum=0.4)
    assert not [line for line in told("--all") if "timing" in line]


def test_data_that_would_be_prepared_again() -> None:
    found = study(TUNED.replace("ravine", "digits_mlp"), high=1.0, optimizers="sgd")
    prepare(DatasetSpec("digits"), found.data_folder, "00000000")
    assert told("--all")[:2] == [
        "1 data set: what lies there was prepared from other files or by other code",
        "  digits",
    ]


def facts(settings: object) -> dict[str, object]:
    return {"identity": {"settings": settings, "code": {}, "data": None}}


@pytest.mark.parametrize(
    ("then", "now", "lines"),
    [
        # Words in place of keys, and no colon before the name of a function of ours.
        (
            {"schedule": {"factory": ":exponential"}},
            {"schedule": {"factory": ":cosine"}},
            ["schedule factory exponential -> cosine"],
        ),
        ({"schema": 3}, {"schema": 4}, ["layout of traces 3 -> 4"]),
        ({"together": []}, {"together": [0, 1]}, ["seeds trained as one model [] -> [0, 1]"]),
        # Optimizers that are timed together.
        (
            {"optimizers": [{"name": "a", "lr": 0.1}, {"name": "b", "lr": 0.2}]},
            {"optimizers": [{"name": "b", "lr": 0.3}, {"name": "a", "lr": 0.1}]},
            ["optimizer b lr 0.2 -> 0.3", 'order of optimizers ["a", "b"] -> ["b", "a"]'],
        ),
        ({}, {}, []),
    ],
)
def test_a_line_is_for_a_user(then: object, now: object, lines: list[str]) -> None:
    found = differences(facts(then), facts(now))
    assert found == ([f"settings: {line}" for line in lines] or [SAME_FILES])
