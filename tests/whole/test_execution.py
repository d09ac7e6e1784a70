"""The setting `execution`: what it may be, which cells it brings together, and what tables say of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lab.study_files import without_place
from optbench.cells.cell import CellSpec
from optbench.cells.matrix import cells_of, seeds_together, trained_at_once
from optbench.cells.paths import trace_path
from optbench.cells.search import searches_of
from optbench.cells.trace import Trace, cell_facts, write_trace
from optbench.core.errors import UserError
from optbench.running.plan import make_plan, read_batch
from optbench.study.resolve import read_study
from optbench.study.study import Study
from optbench.tables.collect import collect

BATCHED = "execution: {seeds: batched, at_most: 3}\n"


def study(folder: Path, more: str = "", seeds: int = 5) -> Study:
    file = folder / "study.yaml"
    file.write_text(
        f"study: s\nseeds: {seeds}\nworkloads: {{ravine: {{spread: 0.1}}}}\noptimizers: [sgd, adam]\n{more}"
    )
    return read_study(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("execution: batched", "execution: must be a mapping of keys to values; got 'batched'"),
        ("execution: {seeds: both}", "execution.seeds: must be 'alone' or 'batched'; got 'both'"),
        ("execution: {step: fast}", "execution.step: must be 'eager' or 'graph'; got 'fast'"),
        ("execution: {at_most: 1}", "execution.at_most: must be greater than or equal to 2; got 1"),
        (
            "execution: {seed: batched}",
            "unknown key 'execution.seed'; did you mean 'seeds'? (allowed: at_most, seeds, step)",
        ),
    ],
)
def test_what_it_may_not_be(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        study(tmp_path, text)
    assert without_place(str(error.value)).removeprefix(f"{tmp_path}/study.yaml: ") == message


def test_seeds_are_cut_in_ascending_order_and_none_is_batched_with_itself() -> None:
    assert seeds_together([7, 1, 4], 2) == {1: (1, 4), 4: (1, 4), 7: ()}
    assert seeds_together([7, 1, 4], 1) == {1: (), 4: (), 7: ()}
    assert seeds_together([7, 1, 4], 32) == dict.fromkeys((1, 4, 7), (1, 4, 7))
    # A seed behind the others leaves full groups as they are.
    assert seeds_together([1, 4, 7, 9], 2) == {1: (1, 4), 4: (1, 4), 7: (7, 9), 9: (7, 9)}


def digests(found: Study) -> dict[str, str]:
    return {cell.name: cell.digest for cell in cells_of(found)}


def test_who_trains_together_is_part_of_who_a_cell_is(tmp_path: Path) -> None:
    alone = digests(study(tmp_path))
    assert digests(study(tmp_path, "execution: {seeds: alone, at_most: 3}")) == alone
    batched = digests(study(tmp_path, BATCHED))
    graphed = digests(study(tmp_path, "execution: {step: graph}"))
    assert not set(alone.values()) & (set(batched.values()) | set(graphed.values()))
    more = digests(study(tmp_path, BATCHED, seeds=6))
    kept = {name for name, digest in batched.items() if more[name] == digest}
    assert kept == {f"ravine/{name}/constant/{seed}" for name in ("sgd", "adam") for seed in (0, 1, 2)}


def test_blocks_with_other_rates_do_not_mix(tmp_path: Path) -> None:
    blocks = "matrix: [{seeds: [0, 1], lr: 0.1}, {seeds: [2, 3, 4], lr: 0.2}]\n"
    cells = cells_of(study(tmp_path, BATCHED + blocks))
    assert {(cell.lr, cell.together) for cell in cells} == {(0.1, (0, 1)), (0.2, (2, 3, 4))}


def test_trials_of_one_candidate_train_together(tmp_path: Path) -> None:
    tuned = "tuning: {seeds: 3, low: 0.01, high: 0.1}\n"
    plain = searches_of(study(tmp_path, tuned))[0]
    batched = searches_of(study(tmp_path, tuned + BATCHED))[0]
    assert plain.cell.search != batched.cell.search
    assert plain.trial(-3, 1000).together == ()
    assert batched.trial(-3, 1000).together == (1000, 1001, 1002)
    groups = trained_at_once(batched.trials(range(-6, -2)))
    assert [len(group) for group in groups] == [3] * 4
    assert all(len({cell.lr for cell in group}) == 1 for group in groups)


def test_a_batch_of_a_job_holds_whole_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan = make_plan(study(tmp_path, BATCHED), 3, None)
    jobs = [read_batch(plan.folder / f"{name}.txt") for name in plan.batches]
    seeds = [sorted(int(Path(path).name[4]) for path in paths) for paths in jobs]
    assert sorted(seeds) == [[0, 1, 2], [0, 1, 2, 3, 4], [3, 4]]


def write(cell: CellSpec, execution: dict[str, str] | None) -> None:
    own = {"status": "ok", "error": "", "steps": 0, **({"execution": execution} if execution else {})}
    rows = np.array([0], np.int32), ["validation"], ["loss"], np.array([1.0])
    write_trace(trace_path(cell), Trace({**cell_facts(cell), **own}, {}, *rows))


def test_tables_say_which_way_made_the_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = study(tmp_path, BATCHED)
    ways = [
        *[{"seeds": "batched", "step": "eager", "why": ""}] * 5,
        {"seeds": "alone", "step": "eager", "why": "it is odd"},
        {"seeds": "alone", "step": "graph", "why": "it is odd"},
        {"seeds": "batched", "step": "graph", "why": ""},
        None,  # its process died
    ]
    for cell, execution in zip(cells_of(found), ways, strict=False):  # the tenth has no trace
        write(cell, execution)
    collect(found)
    runs = pd.read_parquet("results/s/tables/runs.parquet")
    assert list(runs["execution"]) == [*["batched"] * 5, "alone", "alone, graph", "batched, graph", "", ""]
    assert json.loads(Path("results/s/tables/study.json").read_text())["execution"] == [
        {"how": "alone", "why": "it is odd", "cells": 1},
        {"how": "alone, graph", "why": "it is odd", "cells": 1},
        {"how": "batched", "why": "", "cells": 5},
        {"how": "batched, graph", "why": "", "cells": 1},
    ]
