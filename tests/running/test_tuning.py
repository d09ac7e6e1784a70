"""The tuning stage: every trial once, a choice that the cells train with, and the table of it all."""

from __future__ import annotations

import json
from math import inf, log10, nan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lab.studies import optbench, write_study
from lab.tuning import STUDY, Loss, Trainer
from optbench.cells.cell import CellSpec
from optbench.cells.matrix import cells_of
from optbench.cells.paths import trace_path
from optbench.cells.search import (
    Search,
    first_grid,
    is_finished,
    known_trials,
    read_choice,
    searches_of,
    with_choice,
)
from optbench.cells.trace import read_trace
from optbench.running.supervisor import train_all
from optbench.running.tuning import drop_stale, tune
from optbench.study.resolve import read_study
from optbench.study.study import Study
from optbench.tables.collect import collect
from optbench.tables.tuning import TUNING_COLUMNS, collect_tuning


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    return read_study(write_study(tmp_path, STUDY))


def valley(bottom: float) -> Loss:
    """The squared distance from a rate in decades; seed 1001 half a unit above seed 1000."""
    return lambda cell: log10(cell.lr / bottom) ** 2 + 0.5 * (cell.seed == 1001)


def sgd(study: Study) -> Search:
    return searches_of(study)[0]


def test_the_best_rate_inside_the_grid_is_chosen(study: Study) -> None:
    trainer = Trainer(valley(0.0464))
    tune([sgd(study)], trainer)
    choice = read_choice(sgd(study).path)
    assert choice is not None
    assert (choice["search"], choice["lr"], choice["settings"]) == ("line/sgd/constant", 0.04642, {})
    assert (choice["at_edge"], choice["failed"]) == (False, False)
    assert choice["score"] == pytest.approx(0.25, abs=1e-4)  # the mean of 0 and 0.5
    assert trainer.count == len(choice["trials"]) == 14  # 7 rates from 0.01 to 1, two seeds
    assert {trial["initial_val_loss"] for trial in choice["trials"]} == {10.0}


def test_the_grid_widens_by_the_new_trials_alone(study: Study) -> None:
    trainer = Trainer(valley(4.6))
    tune([sgd(study)], trainer)
    choice = read_choice(sgd(study).path)
    assert choice is not None
    assert (choice["lr"], choice["at_edge"]) == (4.642, False)
    assert [len(left) for left in trainer.rounds] == [14, 6]
    assert {cell.lr for cell in trainer.rounds[1]} == {2.154, 4.642, 10.0}


def test_a_bound_that_is_reached_is_told(study: Study) -> None:
    tune([sgd(study)], Trainer(valley(1000)))
    choice = read_choice(sgd(study).path)
    assert choice is not None
    assert (choice["lr"], choice["at_edge"], len(choice["trials"])) == (10.0, True, 20)


def test_a_rate_at_which_one_seed_diverges_is_not_chosen(study: Study) -> None:
    flat = valley(0.0464)
    tune([sgd(study)], Trainer(lambda c: inf if c.lr == 0.04642 and c.seed == 1001 else flat(c)))
    choice = read_choice(sgd(study).path)
    assert choice is not None
    # Its neighbours are a third of a decade off; at equal distance the smaller one.
    assert choice["lr"] == 0.02154
    assert sum(trial["status"] == "diverged" for trial in choice["trials"]) == 1


def test_where_every_rate_diverges_the_choice_is_the_smallest_and_marked(study: Study) -> None:
    tune([sgd(study)], Trainer(lambda cell: inf))
    choice = read_choice(sgd(study).path)
    assert choice is not None
    assert (choice["lr"], choice["failed"], choice["at_edge"]) == (0.001, True, True)
    assert choice["score"] is None


def test_what_fails_at_every_rate_for_another_reason_is_not_widened(study: Study) -> None:
    trainer = Trainer(lambda cell: nan)
    tune([sgd(study)], trainer)
    assert trainer.count == 14
    choice = read_choice(sgd(study).path)
    assert choice is not None
    assert choice["failed"]


def test_searched_settings_are_chosen_with_the_rate(study: Study) -> None:
    ball = searches_of(study)[1]
    sloped = valley(0.1)
    tune([ball], Trainer(lambda c: sloped(c) + (c.optimizer.settings["momentum"] == 0.5)))
    choice = read_choice(ball.path)
    assert choice is not None
    # momentum 0.9 stands at the odd places: 0.02154, 0.1, 0.4642.
    assert (choice["lr"], choice["settings"]) == (0.1, {"momentum": 0.9})
    cell = next(c for c in cells_of(study) if c.optimizer.name == "heavy_ball")
    trained = with_choice(cell)
    assert (trained.lr, trained.optimizer.settings["momentum"]) == (0.1, 0.9)
    assert (trained.digest, trace_path(trained)) == (cell.digest, trace_path(cell))


def test_a_finished_trial_is_never_repeated(study: Study) -> None:
    searches = searches_of(study)
    tune(searches, Trainer(valley(0.1)))
    text = searches[0].path.read_bytes()
    stamp = searches[0].path.stat().st_mtime_ns
    assert all(map(is_finished, searches))

    lost = trace_path(searches[0].trial(-3, 1001))
    lost.unlink()
    assert [is_finished(search) for search in searches] == [False, True]
    again = Trainer(valley(0.1))
    tune(searches, again)
    assert [trace_path(cell) for cell in again.rounds[0]] == [lost]
    assert again.count == 1
    assert (searches[0].path.read_bytes(), searches[0].path.stat().st_mtime_ns) == (text, stamp)

    forced = Trainer(valley(0.1))
    tune(searches, forced, again=True)
    assert forced.count == 28


def test_another_grid_uses_the_trials_that_are_there(study: Study, tmp_path: Path) -> None:
    tune([sgd(study)], Trainer(valley(0.1)))
    wide = read_study(write_study(tmp_path, STUDY.replace("low: 0.01", "low: 0.001")))
    trainer = Trainer(valley(0.1))
    tune([sgd(wide)], trainer)
    assert {cell.lr for cell in trainer.rounds[0]} == {0.001, 0.002154, 0.004642}


def test_cells_trained_with_another_choice_are_dropped(study: Study) -> None:
    tune([sgd(study)], Trainer(valley(0.1)))
    cells = [cell for cell in cells_of(study) if cell.optimizer.name == "sgd"]
    Trainer(valley(0.1))([with_choice(cell) for cell in cells], cells)
    assert drop_stale(cells) == []
    tune([sgd(study)], Trainer(valley(0.0464)), again=True)
    assert drop_stale(cells) == cells
    assert not any(trace_path(cell).exists() for cell in cells)
    assert drop_stale(cells) == []


def test_the_table_has_every_trial(study: Study) -> None:
    tune([sgd(study)], Trainer(lambda c: inf if c.lr == 1 else valley(0.1)(c)))
    collect_tuning(study)
    table = pd.read_parquet("results/t/tables/tuning.parquet")
    promised = "workload, optimizer, schedule, lr, seed, status, val_loss, selected, at_edge"
    assert ", ".join(list(table)[:9]) == promised
    mine = table[table["optimizer"] == "sgd"]
    assert len(mine) == 14
    assert list(mine["lr"]) == sorted(mine["lr"])
    chosen = mine[mine["selected"]]
    assert (list(chosen["lr"]), list(chosen["seed"])) == ([0.1, 0.1], [1000, 1001])
    np.testing.assert_allclose(chosen["val_loss"], [0, 0.5])
    assert mine.loc[mine["lr"] == 1, "val_loss"].isna().all()
    assert set(mine.loc[mine["lr"] == 1, "status"]) == {"diverged"}
    other = table[table["optimizer"] == "heavy_ball"]
    assert set(other["status"]) == {"missing"}
    assert not other["selected"].any()
    assert json.loads(other["settings"].iloc[0]) == {"momentum": 0.5}
    assert not Path("results/t/tables/tuning.csv").read_text().startswith(",")


def test_without_tuning_the_table_is_empty_and_typed(study: Study, tmp_path: Path) -> None:
    plain = STUDY.replace("tuning:", "#").replace(" {search: {momentum: [0.5, 0.9]}}", "")
    collect_tuning(read_study(write_study(tmp_path, plain)))
    table = pd.read_parquet("results/t/tables/tuning.parquet")
    assert list(table) == list(TUNING_COLUMNS)
    assert len(table) == 0
    assert table["lr"].dtype == "float64"


def test_the_chosen_rate_is_what_the_cell_trains_with(study: Study) -> None:
    """Through the processes that train, down to the rate that the loop recorded."""
    tune(searches_of(study), Trainer(valley(0.0464)))
    cells = [cell for cell in cells_of(study) if cell.seed == 0]
    train_all(cells, study.data_folder, study.folder, 1, lambda cell, status: None)
    for cell in cells:
        trace = read_trace(trace_path(cell))
        assert (trace.facts["status"], trace.facts["seed"]) == ("ok", 0)
        choice = read_choice(next(s for s in searches_of(study) if s.name == cell.combination).path)
        assert choice is not None
        assert trace.facts["lr"] == choice["lr"]
        assert set(trace.series("schedule", "lr")[1]) == {choice["lr"]}
    collect(study)
    runs = pd.read_parquet("results/t/tables/runs.parquet").set_index("cell")
    assert runs.loc["line/sgd/constant/0", "lr"] == 0.04642
    # A cell that is still missing shows the rate that it waits to be trained with.
    assert runs.loc["line/sgd/constant/1", ["lr", "status", "ruleset"]].to_list() == [
        0.04642,
        "missing",
        "tuned",
    ]


@pytest.mark.usefixtures("trained_here")
def test_a_trial_never_looks_at_the_test_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = STUDY.replace('line: {factory: "plugin:line"}', "logistic_regression: {steps: 2}")
    tested = read_study(write_study(tmp_path, text))
    search = sgd(tested)
    assert optbench("prepare", "study.yaml").exit_code == 0
    cells = [search.trial(-3, 1000), with_choice(cells_of_at(tested, 0.1))]
    train_all(cells, tested.data_folder, tested.folder, 1, lambda cell, status: None)
    trial, cell = (read_trace(trace_path(one)) for one in cells)
    assert (trial.facts["status"], cell.facts["status"]) == ("ok", "ok")
    assert "test" not in trial.split
    assert "test" in cell.split
    # But for that, the trial is the cell with its seed and rate.
    assert "validation" in trial.split


def cells_of_at(study: Study, lr: float) -> CellSpec:
    """The first cell of a study as if it was not tuned."""
    from dataclasses import replace

    return replace(cells_of(study)[0], lr=lr, tuning=None)


def test_known_trials_follow_the_choice(study: Study) -> None:
    assert len(known_trials(study)) == 28
    tune([sgd(study)], Trainer(valley(4.6)))
    assert len(known_trials(study)) == 34
    assert {t.lr for t in known_trials(study)} >= {10.0}
    assert len(first_grid(sgd(study).tuning)) == 7


RACED = STUDY.replace("seeds: 2,", "seeds: 3,").replace("widen: 1}", "widen: 1, race: true}")


def test_a_race_chooses_the_same_from_fewer_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The grid is widened as without it; another run, one without `race` too, trains what is not there."""
    monkeypatch.chdir(tmp_path)
    loss = valley(4.6)
    raced = read_study(write_study(tmp_path, RACED))
    few = Trainer(loss)
    tune([sgd(raced)], few)
    choice = read_choice(sgd(raced).path)
    assert choice is not None
    # The bottom lies beyond the first grid, whose best rate, at .66 decades of it, sums to 3 (.66^2) + .5.
    assert (choice["lr"], choice["score"]) == (4.642, pytest.approx(0.5 / 3, abs=1e-4))
    assert few.count == len(choice["trials"]) < 30
    assert is_finished(sgd(raced))
    assert len(known_trials(raced)) == len(choice["trials"]) + 21  # those of the other search's first grid
    tune([sgd(raced)], none := Trainer(loss))
    assert none.count == 0

    full = read_study(write_study(tmp_path, RACED.replace("race: true", "race: false")))
    assert sgd(full).path == sgd(raced).path
    assert not is_finished(sgd(full))
    assert len(known_trials(full)) == 30 + 21
    tune([sgd(full)], rest := Trainer(loss))
    assert rest.count == 30 - few.count
    whole = read_choice(sgd(full).path)
    assert whole is not None
    assert {key: whole[key] for key in choice if key not in {"trials", "checksum", "identity"}} == {
        key: choice[key] for key in choice if key not in {"trials", "checksum", "identity"}
    }
    assert is_finished(sgd(raced))  # more than it asks for


def test_a_race_repeats_its_trials_where_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old losses decide nothing then: the trials of the second race are those of its own losses."""
    monkeypatch.chdir(tmp_path)
    raced = read_study(write_study(tmp_path, RACED))
    tune([sgd(raced)], Trainer(valley(0.1)))
    tune([sgd(raced)], again := Trainer(valley(0.0464)), again=True)
    choice = read_choice(sgd(raced).path)
    assert choice is not None
    assert choice["lr"] == 0.04642
    assert again.count == len(choice["trials"])
