"""Which file of a result folder is not as optbench writes it, by its key or column."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lab.fabricate import Fake, fabricate
from lab.studies import optbench
from optbench.core.errors import UserError
from optbench.tables.expected import what_is_wrong

FAKE = Fake(workloads=("a", "b"), optimizers=("sgd", "adam"), seeds=6, evaluations=5)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fabricate(tmp_path_factory.mktemp("made") / "theirs", FAKE)


@pytest.fixture
def results(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(made, "theirs"))


def test_nothing_is_wrong_with_what_optbench_writes(results: Path) -> None:
    assert what_is_wrong(results) is None


def test_nothing_is_wrong_with_what_a_run_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every column of every table, of a study that tunes and times, holds what is said of it here."""
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(
        "study: s\nseeds: 2\ntiming: {seconds: 0.2}\n"
        "tuning: {seeds: 1, low: 0.01, high: 0.1, per_decade: 1, widen: 0}\n"
        "workloads: {ravine: {steps: 5}, rosenbrock: {steps: 5}}\noptimizers: [sgd, adam]\n"
        "schedules: [constant, cosine]\n"
    )
    assert optbench("run", "s.yaml", "--cores", "1").exit_code == 0
    assert what_is_wrong(Path("results/s")) is None


def facts(**changes: Any) -> Callable[[Path], None]:
    """Changes values of study.json by their dotted keys; `...` removes one."""

    def change(tables: Path) -> None:
        values = json.loads((tables / "study.json").read_text())
        for key, value in changes.items():
            *above, last = key.split("__")
            inner = values
            for part in above:
                inner = inner[part]
            inner[last] = value
            if value is ...:
                del inner[last]
        (tables / "study.json").write_text(json.dumps(values))

    return change


def column(table: str, name: str, value: object) -> Callable[[Path], None]:
    """Puts a value into a column's first row; `...` removes the column."""

    def change(tables: Path) -> None:
        file = tables / f"{table}.parquet"
        frame = pd.read_parquet(file)
        if value is ...:
            del frame[name]
        else:
            values = frame[name].astype(object).tolist()
            frame[name] = list(map(str, [value, *values[1:]]))
        frame.to_parquet(file)

    return change


def entry(file: str, value: Any) -> Callable[[Path], None]:
    return lambda tables: (tables / file).write_text(json.dumps([value])) and None


FORGED: dict[str, tuple[Callable[[Path], None], str]] = {
    "a NaN for an optimizer": (
        facts(optimizers__adam=float("nan")),
        "study.json is not as optbench writes it: optimizers.adam must be a mapping; got nan",
    ),
    "no label": (
        facts(workloads__a__label=...),
        "study.json is not as optbench writes it: workloads.a.label is not",
    ),
    "a label of numbers": (facts(workloads__a__label=3), "workloads.a.label must be a text; got 3"),
    "seeds of none": (
        facts(seeds=None),
        "study.json is not as optbench writes it: seeds must be a list; got None",
    ),
    "no provenance": (facts(provenance=...), "provenance is not there"),
    "a finding of none": (
        entry("findings.json", None),
        "findings.json is not as optbench writes it: [0] must be a",
    ),
    "a finding without words": (entry("findings.json", {"id": "x"}), "[0].section is not there"),
    "words for numbers": (
        column("runs", "final_val_loss", "low"),
        "runs.parquet is not that table: column 'final_val_loss' does not hold numbers",
    ),
    "no column": (
        column("runs", "seed", ...),
        "runs.parquet is not that table: it has no column seed",
    ),
    "an unknown name": (
        column("summary", "optimizer", "x"),
        "summary.parquet is not as optbench writes it: the column 'optimizer' names 'x', which study.json",
    ),
    "another cell": (column("runs", "cell", "'x'"), "the column 'cell' says \"'x'\" of 'a/sgd/"),
}


@pytest.mark.parametrize(("forge", "told"), FORGED.values(), ids=list(FORGED))
def test_a_forged_file_is_named_with_its_key(results: Path, forge: Callable[[Path], None], told: str) -> None:
    forge(results / "tables")
    found = what_is_wrong(results)
    assert found is not None
    assert str(found).startswith("theirs/tables/")
    assert told in str(found)


def test_a_command_that_meets_it_says_so_in_one_line(results: Path) -> None:
    facts(optimizers__adam=float("nan"))(results / "tables")
    done = optbench("show", "theirs")
    assert isinstance(done.exception, UserError)
    assert "study.json is not as optbench writes it: optimizers.adam must be a mapping" in str(done.exception)
