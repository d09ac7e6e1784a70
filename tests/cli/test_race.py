"""A race by `optbench run`: who is trained on, what is said, and how it is extended."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from lab.races import RACE, RACING
from lab.studies import optbench, write_study
from optbench.core.errors import UserError
from optbench.findings.race import Place, Race
from optbench.tables.rows import Combination

pytestmark = pytest.mark.usefixtures("trained_here")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path, RACE)
    return tmp_path


def traces() -> dict[str, int]:
    found: dict[str, int] = {}
    for file in Path("results/race/cells").rglob("seed*.parquet"):
        name = file.parts[-3]
        found[name] = found.get(name, 0) + 1
    return found


def places() -> pd.DataFrame:
    return pd.read_csv("results/race/tables/race.csv", keep_default_na=False)


def test_only_what_is_not_decided_gets_more_seeds() -> None:
    done = optbench("run", "study.yaml")
    assert done.exit_code == 0, done.output
    assert traces()["slow"] == 6
    assert "look 1 at 6 seeds: of 4 combinations" in done.stderr
    table = places()
    at_first = table[table["look"] == 1].set_index("optimizer")
    assert at_first.loc["slow", "state"] == "dropped"
    last = table.groupby("optimizer", sort=False).last()
    assert traces() == dict(zip(last.index, last["n"], strict=True)), "nobody has a run that no look rests on"
    runs = pd.read_csv("results/race/tables/runs.csv")
    assert len(runs) == sum(traces().values())
    assert set(runs["status"]) == {"ok"}


def test_the_same_again_trains_nothing_and_says_the_same() -> None:
    first = optbench("run", "study.yaml")
    before, cells = places(), Path("results/race/cells")
    stamps = {f: f.stat().st_mtime_ns for f in cells.rglob("*.parquet")}
    again = optbench("run", "study.yaml")
    assert again.exit_code == 0
    looks = [line for line in first.stderr.splitlines() if "optbench: look" in line]
    assert [line for line in again.stderr.splitlines() if "optbench: look" in line] == looks
    assert looks
    assert places().equals(before)
    assert {f: f.stat().st_mtime_ns for f in cells.rglob("*.parquet")} == stamps


def test_a_look_alone_waits_for_its_runs() -> None:
    optbench("train", "study.yaml", "line/sgd/constant/*")
    done = optbench("race", "study.yaml", "--look", "1")
    assert isinstance(done.exception, UserError)
    assert str(done.exception).startswith("look 1 rests on 24 runs and 18 of them are missing: line/")
    done = optbench("race", "study.yaml", "--look", "4")
    assert str(done.exception) == "--look 4: the race has 3 looks"


def test_a_study_without_looks_has_none_to_decide(here: Path) -> None:
    write_study(here, RACE.replace(RACING, "3"))
    done = optbench("race", "study.yaml")
    assert str(done.exception) == "study.yaml: no race: give 'seeds: {until: decided}' or 'extend'"


def test_a_peek_has_estimates_and_no_verdicts() -> None:
    optbench("train", "study.yaml", "*/[0-4]")
    done = optbench("report", "study.yaml", "--now")
    assert done.exit_code == 0, done.output
    table = pd.read_csv("results/race/tables/comparisons.csv")
    losses = table[table["metric"] == "final_val_loss"]
    assert set(losses["verdict"]) == {"insufficient data"}
    assert losses["effect"].notna().all()
    assert places().empty


def test_a_study_of_fixed_seeds_is_extended_where_it_is_open(here: Path) -> None:
    file = write_study(here, RACE.replace(RACING, "7  # enough?"))
    early = optbench("extend", "study.yaml", "--seeds", "12")
    assert str(early.exception) == (
        "study.yaml: the study is not finished: 28 cells to train; run it to its end first"
    )
    assert "extend" not in file.read_text()
    optbench("run", "study.yaml")
    before = pd.read_csv("results/race/tables/comparisons.csv")
    done = optbench("extend", "study.yaml", "--seeds", "12", "--error", "2%")
    assert done.exit_code == 0, done.output
    assert "the chance of any false claim is now at most 7%" in done.stderr
    assert file.read_text().endswith("extend: [{seeds: 12, error: 2%}]\n")
    assert "7  # enough?" in file.read_text()
    after = pd.read_csv("results/race/tables/comparisons.csv")
    both = before.merge(after, on=["workload", "a", "b", "metric"], suffixes=("", "_after"))
    told = both[both["verdict"].isin(["better", "worse"]) & (both["metric"] == "final_val_loss")]
    assert len(told)
    assert (told["verdict"] == told["verdict_after"]).all(), "what was told stays told"
    assert (told["p_adjusted"] == told["p_adjusted_after"]).all()
    assert traces()["slow"] == 7


def test_a_second_extension_stands_beside_the_first(here: Path) -> None:
    from optbench.cli.race import declare_extension

    file = write_study(here, RACE.rstrip() + "\n    extend:\n      seeds: 14   # a block\n      error: 1%\n")
    study = declare_extension(file, 20, "0.5%")
    assert study.race is not None
    assert study.race.extended == ((14, 0.01), (20, 0.005))
    assert file.read_text().count("extend") == 1


@pytest.mark.parametrize(
    ("text", "seeds", "error", "message"),
    [
        (RACE, "20", "90%", "extend[0].error: must be less than or equal to 0.5"),
        ("{study: race, seeds: 7, workloads: [ravine], optimizers: [sgd]}", "20", "1%", "."),
    ],
)
def test_a_file_that_cannot_be_extended_stays_as_it_is(
    here: Path, text: str, seeds: str, error: str, message: str
) -> None:
    from optbench.cli.race import declare_extension

    file = write_study(here, text)
    before = file.read_text()
    with pytest.raises(UserError, match=message.replace("[", r"\[")):
        declare_extension(file, int(seeds), error)
    assert file.read_text() == before


def ended(*rows: tuple[int, int, str, str], planned: dict[str, int]) -> Race:
    """A race that is not over, from look, seeds, optimizer and state of its rows on one workload."""
    places = [
        Place(look, n, 0.01, "w", name, "s", state, "", "", *(math.nan,) * 4) for look, n, name, state in rows
    ]
    to_come = {("w", Combination(name, "s")): n for name, n in planned.items()}
    return Race(tuple(places), (), to_come, looks=rows[-1][0], over=False)


def said(found: Race, looks: tuple[int, ...]) -> str:
    from optbench.cli.race import _said

    return _said(found, SimpleNamespace(looks=looks, cells=[]), 0)  # type: ignore[arg-type]


FIRST = ((1, 6, "a", "in"), (1, 6, "b", "in"), (1, 6, "c", "dropped"), (1, 6, "d", "dropped"))


def test_a_look_says_how_many_cells_are_to_come() -> None:
    """Two of four go on: 2 x 4 cells to 10 seeds, then one of them to 20."""
    found = ended(*FIRST, planned={"a": 10, "b": 10, "c": 6, "d": 6})
    assert said(found, (6, 10, 20)) == (
        "look 1 at 6 seeds: of 4 combinations 2 in, 2 dropped; at most 28 cells to go, about 18 "
        "if as many leave at each look"
    )


def test_a_further_look_behind_a_race_that_was_given_up_says_what_is_to_come() -> None:
    found = ended(*((1, 6, "a", "futile"), (1, 6, "b", "futile")), planned={"a": 40, "b": 40})
    assert said(found, (6, 10, 40)) == (
        "look 1 at 6 seeds: of 2 combinations 2 futile; at most 68 cells to go, about 68 "
        "if as many leave at each look"
    )


def test_looks_at_which_nobody_was_in_are_told_by_the_last_at_which_somebody_was() -> None:
    """Of two further looks the first is decided where the race had its second: nobody was in there."""
    rows = ((1, 6, "a", "futile"), (1, 6, "b", "futile"), (3, 40, "a", "in"), (3, 40, "b", "in"))
    found = ended(*rows, planned={"a": 50, "b": 50})
    assert said(found, (6, 10, 40, 50)) == (
        "look 3 at 40 seeds: of 2 combinations 2 in; at most 20 cells to go, about 20 "
        "if as many leave at each look"
    )
