"""The plan of a search: what is left, in batches."""

from __future__ import annotations

from collections.abc import Callable
from math import log10
from pathlib import Path

import pytest

from lab.studies import write_study
from lab.tuning import STUDY, Loss, Trainer
from optbench.cells.matrix import cells_of
from optbench.cells.search import (
    first_grid,
    is_finished,
    known_trials,
    read_choice,
    searches_of,
    with_choice,
)
from optbench.core.errors import CorruptFileError, UserError
from optbench.running.tuning import tune
from optbench.running.tuning_plan import make_tune_plan, read_tune_batch
from optbench.study.resolve import read_study
from optbench.study.study import Study


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    return read_study(write_study(tmp_path, STUDY))


def valley(bottom: float) -> Loss:
    """The squared distance from a rate in decades; seed 1001 half a unit above seed 1000."""
    return lambda cell: log10(cell.lr / bottom) ** 2 + 0.5 * (cell.seed == 1001)


def test_the_plan_covers_what_is_left(study: Study) -> None:
    searches = searches_of(study)
    paths = [search.path.as_posix() for search in searches]
    local = make_tune_plan(study, 4, again=False)
    assert local.choices == ()
    (name,) = local.batches
    batch = read_tune_batch(study.results / "plan" / f"{name}.json")
    assert (list(batch.choices), batch.workers, batch.again) == (paths, 4, False)
    tune(searches[:1], Trainer(valley(0.1)))
    after = make_tune_plan(study, 4, again=False)
    assert after.choices == (paths[0],)
    assert read_tune_batch(study.results / "plan" / f"{after.batches[0]}.json").choices == (paths[1],)
    forced = make_tune_plan(study, 1, again=True)
    assert forced.choices == ()
    assert read_tune_batch(study.results / "plan" / f"{forced.batches[0]}.json").again
    tune(searches, Trainer(valley(0.1)))
    assert make_tune_plan(study, 4).batches == ()


def test_a_cluster_gets_jobs_of_about_fifty_trials(study: Study, tmp_path: Path) -> None:
    many = STUDY.replace("seeds: 2,", "seeds: 20,")  # 7 x 20 = 140 trials a search
    plan = make_tune_plan(read_study(write_study(tmp_path, many)), None)
    assert len(plan.batches) == 2
    assert len(make_tune_plan(study, None).batches) == 1  # 28 trials in all


def flipped(text: bytes) -> bytes:
    """Another digit in the rate that was chosen: still JSON, and another rate for every cell."""
    place = text.index(b'"lr": 0.') + len(b'"lr": 0.')
    return text[:place] + (b"2" if text[place : place + 1] != b"2" else b"3") + text[place + 1 :]


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda text: b"",
    "cut": lambda text: text[:100],
    "0xff": lambda text: b"\xff" + text,
    "flipped": flipped,
    "a list": lambda text: b"[]",
    "another object": lambda text: b"{}",
    "no trials": lambda text: b'{"search": "a", "lr": 1, "settings": {}, "at_edge": true, "trials": [1]}',
    "deep": lambda text: b"[" * 100_000,
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=list(SPOILT))
def test_a_corrupt_choice_is_named_set_aside_and_made_anew(
    study: Study, capsys: pytest.CaptureFixture[str], spoil: Callable[[bytes], bytes]
) -> None:
    searches = searches_of(study)
    tune(searches, Trainer(valley(0.1)))
    path = searches[0].path
    whole = path.read_bytes()
    spoilt = spoil(whole)
    path.write_bytes(spoilt)
    assert not is_finished(searches[0])
    here = [trial.lr for trial in known_trials(study) if trial.combination == searches[0].name]
    assert here == [searches[0].lr(place) for place in first_grid(searches[0].tuning) for _ in range(2)]
    (cell, *_) = cells_of(study)
    with pytest.raises(UserError, match=f"^{path} ") as told:
        with_choice(cell)
    assert "\n" not in str(told.value)
    assert make_tune_plan(study, 1, look_only=True).choices == (searches[1].path.as_posix(),)
    assert "made anew" in capsys.readouterr().err
    assert path.read_bytes() == spoilt  # only looked at
    (name,) = make_tune_plan(study, 1).batches
    assert read_tune_batch(study.results / "plan" / f"{name}.json").choices == (path.as_posix(),)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"optbench: {path} ")
    assert line.endswith(f"; it is set aside as {path.name}.corrupt and made anew")
    assert path.with_name(f"{path.name}.corrupt").read_bytes() == spoilt
    trainer = Trainer(valley(0.1))
    tune(searches, trainer)
    assert trainer.count == 0  # every trial is still there
    assert path.read_bytes() == whole


def test_every_flipped_byte_of_a_choice_is_noticed_or_changes_nothing(study: Study) -> None:
    search = searches_of(study)[0]
    tune([search], Trainer(valley(0.1)))
    whole, choice = search.path.read_bytes(), read_choice(search.path)
    for place in range(len(whole)):
        spoilt = bytearray(whole)
        spoilt[place] ^= 1
        search.path.write_bytes(spoilt)
        try:
            found = read_choice(search.path)
        except CorruptFileError:
            continue
        assert found is not None
        # A space for a line break; or the key of the checksum, which leaves one key more.
        assert {key: found[key] for key in choice or {}} == choice


@pytest.mark.parametrize("text", [b"", b"\xff", b"{}", b"[]"])
def test_a_corrupt_batch_of_searches_is_one_line(study: Study, text: bytes) -> None:
    file = study.results / "plan" / "batch.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(text)
    with pytest.raises(CorruptFileError, match=f"^{file} is "):
        read_tune_batch(file)
