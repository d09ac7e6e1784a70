"""Why a cell is trained again: what its traces say of what they were made from."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lab.studies import optbench, write_study
from optbench.cells.cell import CellSpec
from optbench.cells.matrix import cells_of
from optbench.cells.paths import is_complete, trace_path
from optbench.cells.search import choice_path, known_trials, searches_of
from optbench.cells.trace import BadTraceError, Trace, cell_facts, read_facts, read_trace, write_trace
from optbench.cells.trials import trial_row
from optbench.cells.why import AGAIN, NEVER, SAME_FILES, UNTOLD, UP_TO_DATE, differences, grouped, reasons
from optbench.core.files import write_text
from optbench.study.resolve import read_study
from optbench.tables.collect import collect

STUDY = """
    study: s
    seeds: 2
    timing: false
    workloads:
      line: {{factory: "plugin:line"}}
    optimizers:
      sgd: {{lr: 0.1}}
      ball: {{factory: "torch.optim:SGD", lr: 0.1, momentum: {momentum}}}
    schedules: [constant, exponential]
    """


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def study(momentum: float = 0.9) -> list[CellSpec]:
    """The cells of the study, written anew."""
    return cells_of(read_study(write_study(Path(), STUDY.format(momentum=momentum))))


def train(cells: Sequence[CellSpec], started: float = 100.0, **more: Any) -> None:
    """Stands for training: traces of cells whose processes died, which hold no rows."""
    for cell in cells:
        facts = {**cell_facts(cell), "status": "killed", "error": "", "steps": 0, **more}
        write_trace(trace_path(cell), Trace(facts, {"started": started}))


def told(*words: str) -> list[str]:
    done = optbench("why", "study.yaml", *words)
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def test_a_trace_keeps_what_its_digest_was_taken_from() -> None:
    cell = study()[-1]
    train([cell])
    facts, times = read_facts(trace_path(cell))
    assert (facts, times) == (read_trace(trace_path(cell)).facts, {"started": 100.0})
    identity = facts["identity"]
    assert identity["settings"]["optimizer"] == {
        "factory": "torch.optim:SGD",
        "settings": {"momentum": 0.9},
    }
    # Without the address of a module of ours, which may move.
    assert identity["settings"]["schedule"]["factory"] == ":exponential"
    assert identity["data"] is None
    assert set(identity["code"]) == {"training", "workload", "schedule"}
    assert "./plugin" in identity["code"]["workload"]
    hashes = [code for modules in identity["code"].values() for code in modules.values()]
    assert all(len(code) == 8 and int(code, 16) >= 0 for code in hashes)
    assert len(json.dumps(identity)) < 1500


def test_cells_that_are_there_and_cells_that_never_were() -> None:
    cells = study()
    train(cells[:1])
    assert told("line/sgd/constant/*") == [
        "line/sgd/constant/0: up to date",
        "line/sgd/constant/1: never trained",
    ]
    assert told("--all") == ["7 cells: never trained", "  line/sgd/constant/1 and 6 more"]
    train(cells)
    assert told("--all") == ["nothing would be trained"]


def test_a_setting_that_was_changed() -> None:
    old = study()
    train(old)
    new = study(momentum=0.95)
    name = trace_path(old[-1]).name
    assert told(new[-1].name) == [
        f"{new[-1].name}: would be trained again; {name} differs:",
        "  settings: optimizer momentum 0.9 -> 0.95",
    ]
    assert told("--all") == [
        "4 cells: settings: optimizer momentum 0.9 -> 0.95",
        "  line/ball/constant/0 and 3 more",
    ]
    train(new, 200.0)
    assert told(new[-1].name)[0] == f"{new[-1].name}: up to date; {name} differs:"
    assert told("--all") == ["nothing would be trained"]
    study()  # and back again: the old traces are still there
    assert told("--all") == ["nothing would be trained"]


def test_the_newest_trace_is_compared() -> None:
    train(study(0.5), 300.0)
    train(study(0.6), 200.0)
    study()
    assert told("line/ball/constant/0")[1:] == ["  settings: optimizer momentum 0.5 -> 0.9"]


def test_code_that_was_edited(here: Path) -> None:
    train(study())
    plugin = here / "plugin.py"
    plugin.write_text(plugin.read_text().replace("3 * x + 2", "3 * x + 1"))
    assert told("--all") == ["8 cells: code: plugin.py", "  line/sgd/constant/0 and 7 more"]


def test_versions_are_named_apart() -> None:
    train(study(), versions={"python": "3.0"})
    study(0.95)
    first, second, third = told("line/ball/constant/0")
    assert first.endswith("differs:")
    assert second == "  settings: optimizer momentum 0.9 -> 0.95"
    assert third.startswith("  versions (decide no digest): python 3.0 -> 3.")


def test_traces_of_an_earlier_layout_are_read_and_say_so() -> None:
    cell = study()[0]
    facts = {**cell_facts(cell), "schema": 2, "status": "killed", "error": "", "steps": 0}
    del facts["identity"]
    path = trace_path(cell).with_name("seed0-00000000.parquet")
    write_trace(path, Trace({**facts, "digest": "00000000"}, {}))
    assert read_trace(path).facts["schema"] == 2
    assert told(cell.name)[1:] == [f"  {UNTOLD}"]


def test_mistakes_are_one_line() -> None:
    study()
    for words in (["why", "study.yaml"], ["why", "study.yaml", "line/sgd/constant/0", "--all"]):
        assert "name the cells, or give --all" in str(optbench(*words).exception)
    done = optbench("why", "study.yaml", "line/sdg/constant/0")
    assert "did you mean 'line/sgd/constant/0'" in str(done.exception)


def test_tuned_cells_and_their_trials(here: Path) -> None:
    text = """
        study: s
        seeds: 1
        timing: false
        tuning: {{seeds: 1, low: 0.1, high: {high}, per_decade: 1, widen: 0}}
        workloads:
          line: {{factory: "plugin:line"}}
        optimizers: [sgd]
        """
    file = write_study(here, text.format(high=1.0))
    found = read_study(file)
    (cell,) = cells_of(found)
    train([cell, *known_trials(found)])
    assert told("--all") == ["1 learning rate to choose: never chosen", "  line/sgd/constant"]
    for search in searches_of(found):
        rows = [trial_row(search, place, seed) for place in (-1, 0) for seed in search.tuning.seeds]
        choice = {"search": search.name, "lr": 0.1, "settings": {}, "at_edge": False}
        choice |= {"identity": search.identity, "trials": rows}
        write_text(search.path, json.dumps(choice))
    assert told("--all") == ["nothing would be trained"]
    write_study(here, text.format(high=10.0))
    (other,) = cells_of(read_study(file))
    assert choice_path(other) != choice_path(cell)
    assert told("--all") == [
        "1 trial: never trained",
        "  line/sgd/constant/lr10/1000",
        "1 learning rate to choose: settings: tuning high 1.0 -> 10.0",
        "  line/sgd/constant",
        "1 cell: settings: tuning high 1.0 -> 10.0",
        "  line/sgd/constant/0",
    ]


def facts(settings: Any = None, code: Any = None, data: Any = None) -> dict[str, Any]:
    return {"identity": {"settings": settings or {}, "code": code or {}, "data": data}}


@pytest.mark.parametrize(
    ("then", "now", "lines"),
    [
        (facts({"lr": 0.1}), facts({"lr": 0.2}), ["settings: lr 0.1 -> 0.2"]),
        (
            facts({"a": {"settings": {}}}),
            facts({"a": {"settings": {"b": [1]}}}),
            ["settings: a b not set -> [1]"],
        ),
        (facts({"device": "cpu"}), facts({"device": "cuda"}), ["settings: device cpu -> cuda"]),
        (facts(data=None), facts(data={"name": "d"}), ["data: name not set -> d"]),
        (facts(code={"p": {"a.b": "1"}}), facts(code={"p": {"a.b": "2"}}), ["code: optbench/a/b.py"]),
        (
            facts(code={"p": {"a": "1"}}),
            facts(code={"p": {"a": "1", "b": "2"}}),
            ["code: optbench/b.py (new)"],
        ),
        (
            facts(code={"p": {"a": "1", "b": "2"}}),
            facts(code={"p": {"a": "1"}}),
            ["code: optbench/b.py (no longer used)"],
        ),
        # A module that has only moved is no difference, beside one that changed.
        (
            facts(code={"p": {"a": "1", "c": "3"}}),
            facts(code={"p": {"b.x": "1", "c": "4"}}),
            ["code: optbench/c.py"],
        ),
        # A module that serves two parts is named once.
        (
            facts(code={"p": {"a": "1"}, "q": {"a": "2"}}),
            facts(code={"p": {"a": "3"}, "q": {"a": "2"}}),
            ["code: optbench/a.py"],
        ),
        (facts(code={"p": {"a": "1"}}), facts(code={"q": {"a": "1"}}), [SAME_FILES]),
        ({}, facts(), [UNTOLD]),
        ({"identity": {}}, facts(), [UNTOLD]),
    ],
)
def test_what_differs_between_two_traces(then: Any, now: Any, lines: list[str]) -> None:
    assert differences(then, now) == lines


def test_reasons_and_their_groups() -> None:
    old = study()
    train(old[:6])
    found = list(reasons(study(momentum=0.5)))
    assert [one.state for one in found] == [UP_TO_DATE] * 4 + [AGAIN] * 2 + [NEVER] * 2
    assert [(causes, len(cells)) for causes, cells in grouped(found)] == [
        (("settings: optimizer momentum 0.9 -> 0.5",), 2),
        ((NEVER,), 2),
    ]


def test_files_that_are_no_traces_are_passed_over() -> None:
    cell = study()[0]
    train([cell])
    trace_path(cell).with_name("seed0-11111111.parquet").write_bytes(b"PAR1")
    trace_path(cell).with_name("seed0-22222222.parquet.bad").write_bytes(b"PAR1")
    trace_path(cell).with_name("seed01-22222222.parquet").write_bytes(b"PAR1")
    assert told(cell.name) == [f"{cell.name}: up to date"]
    with pytest.raises(BadTraceError, match="is not whole"):
        read_facts(trace_path(cell).with_name("seed0-11111111.parquet"))


def runs(momentum: float = 0.9) -> pd.DataFrame:
    file = write_study(Path(), STUDY.format(momentum=momentum))
    collect(read_study(file))
    return pd.read_parquet("results/s/tables/runs.parquet").set_index("cell")


def test_the_run_table_says_why_a_cell_was_trained_again() -> None:
    train(study(), 100.0)
    assert set(runs()["trained_again"]) == {""}
    train(study(0.95), 200.0)
    found = runs(0.95)["trained_again"]
    again = found.index.str.contains("/ball/")
    assert set(found[again]) == {"settings: optimizer momentum 0.9 -> 0.95"}
    assert set(found[~again]) == {""}
    # Back at the first setting: its traces were made before, and not again.
    assert set(runs()["trained_again"]) == {""}
    missing = runs(0.7)
    assert set(missing["status"]) == {"killed", "missing"}
    assert set(missing["trained_again"]) == {""}


def test_a_folder_is_listed_once_a_combination(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = study()
    train(cells)
    listed: list[Path] = []
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda folder: listed.append(Path(folder)) or real(folder))
    assert all(one.state == UP_TO_DATE for one in reasons(cells))
    assert len(listed) == len(set(listed)) == 4
    assert all(is_complete(trace_path(cell)) for cell in cells)
