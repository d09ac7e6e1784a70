"""Which cells a race plans: the first look's, then those of whoever goes on, by the files of its looks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.races import RACE, RACING
from lab.studies import write_study
from optbench.cells.race import RaceOf, planned_cells
from optbench.core.checksums import with_checksum
from optbench.core.errors import CorruptFileError
from optbench.study.resolve import read_study


@pytest.fixture
def race(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RaceOf:
    return of(tmp_path, monkeypatch)


def of(folder: Path, monkeypatch: pytest.MonkeyPatch, *edits: tuple[str, str]) -> RaceOf:
    monkeypatch.chdir(folder)
    text = RACE
    for before, after in edits:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return RaceOf(read_study(write_study(folder, text)))


def decide(race: RaceOf, look: int, planned: dict[str, int], *, over: bool = False) -> None:
    path = race.path(look)
    path.parent.mkdir(parents=True, exist_ok=True)
    planned = {f"line/{name}/constant": n for name, n in planned.items()}
    path.write_text(json.dumps(with_checksum({"look": 0, "planned": planned, "over": over})))


def seeds(race: RaceOf, look: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for cell in race.planned_at(look):
        found[cell.optimizer.name] = found.get(cell.optimizer.name, 0) + 1
    return found


def test_the_first_look_is_of_all(race: RaceOf) -> None:
    assert len(race.cells) == 40
    assert seeds(race, 0) == {"slow": 6, "sgd": 6, "near": 6, "heavy_ball": 6}
    assert len(race.planned()) == 24
    assert not race.is_over()
    with pytest.raises(FileNotFoundError):
        race.planned_at(1)


def test_a_look_plans_the_next(race: RaceOf) -> None:
    decide(race, 0, {"slow": 6, "sgd": 8, "near": 8, "heavy_ball": 6})
    assert seeds(race, 1) == {"slow": 6, "sgd": 8, "near": 8, "heavy_ball": 6}
    assert {cell.seed for cell in race.planned() if cell.optimizer.name == "near"} == set(range(8))
    decide(race, 1, {"slow": 6, "sgd": 8, "near": 8, "heavy_ball": 6}, over=True)
    assert race.is_over()
    assert len(race.planned()) == 28


def test_a_look_without_those_before_it_plans_nothing(race: RaceOf) -> None:
    decide(race, 1, {"slow": 6, "sgd": 10, "near": 10, "heavy_ball": 6}, over=True)
    assert len(race.planned()) == 24
    assert not race.is_over()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"planned": 3, "over": true}'])
def test_what_is_no_look_is_named_and_plans_nothing(race: RaceOf, content: str) -> None:
    race.path(0).parent.mkdir(parents=True)
    race.path(0).write_text(content)
    with pytest.raises(CorruptFileError, match=race.path(0).name):
        race.read(0)
    assert len(race.planned()) == 24


def test_a_look_is_known_by_all_that_decides_it(
    race: RaceOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = race.paths
    assert len(set(paths)) == 3
    assert of(tmp_path, monkeypatch).paths == paths
    for edit in (
        ("lr: 0.104", "lr: 0.105"),
        ("looks: [6, 8, 10]", "looks: [6, 8, 11]"),
        ("looks: [6, 8, 10]", "looks: [6, 8, 10], budget: 30"),
        ("equal_within: 0.01%", "equal_within: 2%"),
        ("study: race", "study: race\n    report: {error: 0.1}"),
    ):
        assert not set(of(tmp_path, monkeypatch, edit).paths) & set(paths), edit
    assert of(tmp_path, monkeypatch, ("study: race", "study: race\n    title: Other")).paths == paths


def test_an_extension_is_a_look_more(race: RaceOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the race ended, it goes on there now: every look is decided anew, from the same traces."""
    more = of(tmp_path, monkeypatch, ("study: race", "study: race\n    extend: {seeds: 14}"))
    assert more.looks == (6, 8, 10, 14)
    assert not set(more.paths) & set(race.paths)
    assert [cell.digest for cell in more.cells if cell.seed < 10] == [cell.digest for cell in race.cells]


def test_without_a_race_all_cells_are_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = read_study(write_study(tmp_path, RACE.replace(RACING, "3")))
    assert len(planned_cells(study)) == 12
    with pytest.raises(ValueError, match="does not race"):
        RaceOf(study)


def test_batched_seeds_are_grouped_within_a_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    race = of(tmp_path, monkeypatch, ("study: race", "study: race\n    execution: {seeds: batched}"))
    groups = {cell.seed: cell.together for cell in race.cells if cell.optimizer.name == "sgd"}
    assert groups[0] == groups[5] == (0, 1, 2, 3, 4, 5)
    assert groups[6] == groups[7] == (6, 7)
    assert groups[9] == (8, 9)
