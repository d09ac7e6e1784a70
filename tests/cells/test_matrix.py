"""The matrix of cells: who they are, where their traces lie, and finding them by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab.cells import cell
from optbench.cells.cell import CellSpec
from optbench.cells.matrix import cells_of, select
from optbench.cells.paths import trace_path
from optbench.core.errors import UserError
from optbench.study.resolve import read_study
from optbench.study.study import Study

PLUGIN = "import torch\n\nclass Mine(torch.optim.SGD):\n    pass\n"

STUDY = """\
study: s
title: A study
seeds: [0, 1]
device: cpu
threads: 1
timeout_s: 100
cells_per_job: 3
workloads:
  ravine: {steps: 20, spread: 0.1}
  digits_mlp: {label: Digits}
optimizers:
  sgd: {lr: 0.1, momentum: 0.5}
  adam: {label: Adam}
  mine: {factory: "mine:Mine", lr: 0.1}
schedules: [constant, cosine]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(PLUGIN)
    return tmp_path


def cells(folder: Path, *edits: tuple[str, str]) -> dict[str, CellSpec]:
    text = STUDY
    for before, after in edits:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    file = folder / "study.yaml"
    file.write_text(text)
    return {cell.name: cell for cell in cells_of(read_study(file))}


def changed(folder: Path, *edits: tuple[str, str]) -> set[str]:
    before, after = cells(folder), cells(folder, *edits)
    assert set(before) == set(after)
    return {name for name in before if before[name].digest != after[name].digest}


def test_every_combination_is_one_cell_with_a_digest_of_its_own(folder: Path) -> None:
    found = cells(folder)
    assert len(found) == 2 * 3 * 2 * 2
    assert len({cell.digest for cell in found.values()}) == len(found)
    assert list(found)[:3] == ["ravine/sgd/constant/0", "ravine/sgd/constant/1", "ravine/sgd/cosine/0"]
    cell = found["digits_mlp/mine/cosine/1"]
    assert (cell.lr, cell.seed, cell.device, cell.threads, cell.timeout_s) == (0.1, 1, "cpu", 1, 100.0)
    assert cells(folder) == found


@pytest.mark.parametrize(
    "edit",
    [
        ("title: A study", "title: Another"),
        ("timeout_s: 100", "timeout_s: 200"),
        ("cells_per_job: 3", "cells_per_job: 4"),
        ("label: Adam", "label: The Adam"),
        ("label: Digits", "label: The digits"),
        ("study: s", "study: t"),
        ("{lr: 0.1, momentum: 0.5}", "{momentum: 0.5, lr: 0.1}"),
        ("{lr: 0.1, momentum: 0.5}", "{lr: 1e-1, momentum: 0.5}  # a comment"),
        ("schedules: [constant, cosine]", "schedules: {cosine: , constant: {label: None at all}}"),
        ("cells_per_job: 3", "data_folder: elsewhere"),
        ("study: s", "question: Why?\nstudy: s"),
    ],
)
def test_what_decides_no_number_changes_no_digest(folder: Path, edit: tuple[str, str]) -> None:
    assert changed(folder, edit) == set()


@pytest.mark.parametrize(
    ("edit", "part"),
    [
        (("momentum: 0.5", "momentum: 0.6"), "/sgd/"),
        (("momentum: 0.5", "momentum: 0.5, nesterov: true"), "/sgd/"),
        (("{lr: 0.1, momentum: 0.5}", "{lr: 0.2, momentum: 0.5}"), "/sgd/"),
        (("{label: Adam}", "{betas: [0.8, 0.9]}"), "/adam/"),
        (('"mine:Mine"', '"torch.optim:SGD"'), "/mine/"),
        (("{steps: 20, s", "{steps: 21, s"), "ravine/"),
        (("{steps: 20, s", "{steps: 20, target: 0.5, s"), "ravine/"),
        (("{steps: 20, s", "{steps: 20, eval_every: 3, s"), "ravine/"),
        (("{label: Digits}", "{batch_size: full}"), "digits_mlp/"),
        (("{label: Digits}", "{hidden: [8]}"), "digits_mlp/"),
        (("[constant, cosine]", "{constant: , cosine: {eta_min: 0.1}}"), "/cosine/"),
        (("device: cpu", "device: cuda"), ""),
        (("threads: 1", "threads: 2"), ""),
        (("threads: 1", "threads: 1\nprobes: false"), ""),
        (("threads: 1", "threads: 1\nprobes: {every: 3}"), ""),
    ],
)
def test_a_setting_changes_its_cells_and_no_others(folder: Path, edit: tuple[str, str], part: str) -> None:
    assert changed(folder, edit) == {name for name in cells(folder) if part in name}


def test_the_seed_and_a_blocks_rate_are_in_the_digest(folder: Path) -> None:
    found = cells(folder)
    assert found["ravine/sgd/constant/0"].digest != found["ravine/sgd/constant/1"].digest
    block = ("schedules: [constant, cosine]", "schedules: [constant, cosine]\nmatrix: [{lr: {adam: 0.7}}]")
    assert changed(folder, block) == {name for name in found if "/adam/" in name}
    # A rate given in a block and the same rate given to the optimizer are one cell.
    assert changed(folder, (block[0], block[1].replace("adam: 0.7", "sgd: 0.1"))) == set()


def test_two_names_of_one_optimizer_train_the_same_cell_twice(folder: Path) -> None:
    found = cells(folder, ("  adam: {label: Adam}\n", "  adam:\n  adam_again: {like: adam}\n"))
    once, again = found["ravine/adam/constant/0"], found["ravine/adam_again/constant/0"]
    assert once.digest == again.digest
    assert trace_path(once) != trace_path(again)


def test_a_plug_ins_mathematics_is_in_the_digest_of_its_cells(folder: Path) -> None:
    before = cells(folder)
    (folder / "mine.py").write_text(f'"""Documented."""\n{PLUGIN}# and a comment\n')
    assert cells(folder) == before
    (folder / "mine.py").write_text(PLUGIN.replace("pass", "more = 1"))
    after = cells(folder)
    assert {name for name in before if before[name].digest != after[name].digest} == {
        name for name in before if "/mine/" in name
    }


def test_the_fingerprint_of_the_users_data_is_in_the_digest(folder: Path) -> None:
    images = ("  digits_mlp: {label: Digits}\n", "  mnist_mlp:\n")
    mine = ("title: A study", "datasets: {mnist: {root: raw}}")
    (folder / "raw").mkdir()

    def digests(*edits: tuple[str, str], content: bytes = b"1") -> dict[str, str]:
        (folder / "raw" / "x").write_bytes(content)
        return {name: cell.digest for name, cell in cells(folder, images, *edits).items()}

    published, first, second = digests(), digests(mine), digests(mine, content=b"2")
    assert first == digests(mine)
    for name in published:
        assert len({published[name], first[name], second[name]}) == (3 if "mnist" in name else 1)


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["ravine/sgd/constant/0"], ["ravine/sgd/constant/0"]),
        (["*/sgd/constant/0"], ["ravine/sgd/constant/0", "digits_mlp/sgd/constant/0"]),
        (["ravine/sgd/*"], [f"ravine/sgd/{s}/{n}" for s in ("constant", "cosine") for n in (0, 1)]),
        (["ravine/sgd/cosine/?"], ["ravine/sgd/cosine/0", "ravine/sgd/cosine/1"]),
        (["ravine/adam/cosine/1", "*adam/cosine/1"], ["ravine/adam/cosine/1", "digits_mlp/adam/cosine/1"]),
        ([], []),
    ],
)
def test_cells_are_selected_by_patterns(folder: Path, patterns: list[str], names: list[str]) -> None:
    found = list(cells(folder).values())
    assert [chosen.name for chosen in select(found, patterns)] == names
    assert select(found, [str(trace_path(found[5]))]) == [found[5]]


def test_a_pattern_without_a_cell(folder: Path) -> None:
    found = list(cells(folder).values())
    with pytest.raises(UserError) as raised:
        select(found, ["ravine/sdg/constant/0"])
    assert str(raised.value) == (
        "no cell 'ravine/sdg/constant/0'; did you mean 'ravine/sgd/constant/0'? "
        "(a cell is workload/optimizer/schedule/seed)"
    )


def test_a_name_with_the_marks_of_a_pattern_is_found_as_it_is() -> None:
    odd = cell("a[1]")
    assert select([odd, cell("a1")], ["a[1]/o/s/0"])[0] == odd


def test_cells_do_not_hold_what_the_study_only_shows(folder: Path) -> None:
    file = folder / "study.yaml"
    file.write_text(STUDY)
    study: Study = read_study(file)
    assert cells_of(study) == cells_of(replace(study, title="x", question="y", cells_per_job=9, text=""))


def test_what_draws_nothing_is_there_once(tmp_path: Path) -> None:
    """The textbook's start under built-ins, with one tuning seed; not a drawn start, a plug-in, or data."""
    (tmp_path / "mine.py").write_text(PLUGIN)
    text = (
        "study: s\nseeds: [3, 4, 5]\ntuning: {seeds: 3, low: 0.1, high: 1, per_decade: 1}\n"
        "workloads: {ravine: {}, drawn: {like: ravine, spread: 0.1}, digits_mlp: {}}\n"
        "optimizers: {sgd: {}, mine: {factory: 'mine:Mine', lr: 0.1}}\n"
    )
    (tmp_path / "study.yaml").write_text(text)
    cells = cells_of(read_study(tmp_path / "study.yaml"))
    seeds: dict[str, list[int]] = {}
    for one in cells:
        seeds.setdefault(one.combination, []).append(one.seed)
        assert one.tuning is not None
        assert len(one.tuning.seeds) == (1 if one.combination == "ravine/sgd/constant" else 3)
    assert seeds.pop("ravine/sgd/constant") == [3]
    assert set(seeds) == {
        "ravine/mine/constant", "drawn/sgd/constant", "drawn/mine/constant", "digits_mlp/sgd/constant",
        "digits_mlp/mine/constant",
    }  # fmt: skip
    assert all(found == [3, 4, 5] for found in seeds.values())
