"""What an edit of optbench itself makes new: every built-in its own cells alone, a module that moves none."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import optbench
from optbench.catalogue.datasets.entries import DATASETS
from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.schedules.entries import SCHEDULES
from optbench.catalogue.workloads.entries import WORKLOADS
from optbench.cells.cell import CellSpec
from optbench.cells.identity import SPLIT, SPLIT_BY_POSITION
from optbench.cells.matrix import cells_of
from optbench.study import resolve as config
from optbench.study.resolve import read_study

STAR = f"""
study: star
seeds: [0]
workloads: [{", ".join(WORKLOADS)}]
optimizers: [{", ".join(OPTIMIZERS)}]
schedules: [{", ".join(SCHEDULES)}]
matrix:
  - {{optimizers: [sgd], schedules: [constant]}}
  - {{workloads: [ravine], schedules: [constant]}}
  - {{workloads: [ravine], optimizers: [sgd]}}
"""
"""Every built-in once: each workload, each optimizer and each schedule beside the same others."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the package beside a study, found before the one that runs here."""
    root = tmp_path_factory.mktemp("copy")
    ignored = shutil.ignore_patterns("__pycache__", "templates")
    shutil.copytree(Path(optbench.__file__).parent, root / "optbench", ignore=ignored)
    (root / "study").mkdir()
    (root / "study" / "study.yaml").write_text(STAR)
    sys.path.insert(0, str(root))
    yield root
    sys.path.remove(str(root))


@pytest.fixture(scope="module")
def cells(copy: Path) -> list[CellSpec]:
    return cells_of(read_study(copy / "study" / "study.yaml"))


def digests(study: Path) -> dict[str, str]:
    return {cell.name: cell.digest for cell in cells_of(read_study(study))}


def file_of(root: Path, address: str) -> tuple[Path, str]:
    module, _, name = address.partition(":")
    place = root.joinpath(*module.split("."))
    return (place / "__init__.py" if place.is_dir() else place.with_suffix(".py")), name


@contextmanager
def edited(file: Path, text: str) -> Iterator[None]:
    before = file.read_text(encoding="utf-8")
    file.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        file.write_text(before, encoding="utf-8")


def with_one_more_line(root: Path, address: str) -> tuple[Path, str]:
    """The file of a function or class, and its text with a statement more at the end of that."""
    file, name = file_of(root, address)
    text = file.read_text(encoding="utf-8")
    (node,) = (n for n in ast.parse(text).body if getattr(n, "name", "") == name)
    assert isinstance(node, ast.FunctionDef | ast.ClassDef)
    lines = text.splitlines()
    assert node.end_lineno is not None
    lines.insert(node.end_lineno, f"{' ' * node.body[-1].col_offset}edited = 1")
    return file, "\n".join(lines) + "\n"


def changed_by_code(root: Path, address: str, before: Mapping[str, str]) -> set[str]:
    with edited(*with_one_more_line(root, address)):
        after = digests(root / "study" / "study.yaml")
    return {name for name in before if after[name] != before[name]}


OURS = sorted(
    {
        *(spec.factory for spec in (*WORKLOADS.values(), *OPTIMIZERS.values(), *SCHEDULES.values())),
        *(entry.reader for entry in DATASETS.values()),
    }
)


def uses(cell: CellSpec, address: str) -> bool:
    factories = {cell.workload.factory, cell.optimizer.factory, cell.schedule.factory}
    dataset = cell.workload.dataset
    return address in factories or (dataset is not None and DATASETS[dataset.name].reader == address)


@pytest.mark.parametrize("address", [address for address in OURS if address.startswith("optbench.")])
def test_an_edit_of_a_built_in_makes_its_own_cells_new(
    copy: Path, cells: list[CellSpec], address: str
) -> None:
    before = {cell.name: cell.digest for cell in cells}
    expected = {cell.name for cell in cells if uses(cell, address)}
    assert expected
    assert changed_by_code(copy, address, before) == expected


MAPPINGS: dict[str, Mapping[str, Any]] = {
    "workloads": WORKLOADS,
    "optimizers": OPTIMIZERS,
    "schedules": SCHEDULES,
}


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, entries in MAPPINGS.items() for name in entries]
)
def test_an_edit_of_an_entry_makes_its_own_cells_new(
    copy: Path, cells: list[CellSpec], kind: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = MAPPINGS[kind][name]
    if not entry.factory:
        pytest.skip("a constant learning rate has neither code nor settings")
    other = replace(entry, settings={**entry.settings, "edited": 1})
    monkeypatch.setattr(config, kind.upper(), {**MAPPINGS[kind], name: other})
    after = digests(copy / "study" / "study.yaml")
    part = {"workloads": 0, "optimizers": 1, "schedules": 2}[kind]
    expected = {cell.name for cell in cells if cell.name.split("/")[part] == name}
    assert {cell.name for cell in cells if after[cell.name] != cell.digest} == expected


@pytest.mark.parametrize("name", DATASETS)
def test_an_edit_of_a_data_sets_entry_makes_its_own_cells_new(
    copy: Path, cells: list[CellSpec], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(DATASETS[name], validation_share=0.3)
    monkeypatch.setattr("optbench.cells.identity.DATASETS", {**DATASETS, name: other})
    after = digests(copy / "study" / "study.yaml")
    expected = {c.name for c in cells if c.workload.dataset and c.workload.dataset.name == name}
    assert expected
    assert {cell.name for cell in cells if after[cell.name] != cell.digest} == expected


def test_how_data_is_cut_belongs_to_the_cells_that_see_it(copy: Path, cells: list[CellSpec]) -> None:
    before = {cell.name: cell.digest for cell in cells}
    of = {c.name: DATASETS[c.workload.dataset.name].by_position for c in cells if c.workload.dataset}
    assert changed_by_code(copy, SPLIT, before) == {name for name, last in of.items() if not last}
    assert changed_by_code(copy, SPLIT_BY_POSITION, before) == {name for name, last in of.items() if last}


@pytest.mark.parametrize(
    "module",
    [
        "training.loop",
        "catalogue.schedules.make",
        "catalogue.schedules.entries",
        "catalogue.datasets.sources",
        "catalogue.datasets.load",
        "catalogue.datasets.prepare",
        "catalogue.datasets.entries",
        "cells.seeds",
        "catalogue.workloads.landscapes",
        "catalogue.optimizers.momentum",
        "catalogue.optimizers.lion",
        "catalogue.workloads.vision",
        "training.probes.run",
        "cells.trace",
        "cells.matrix",
        "cli.stages",
        "report.page.build",
    ],
)
def test_a_definition_that_nothing_uses_makes_no_cell_new(
    copy: Path, cells: list[CellSpec], module: str
) -> None:
    file, _ = file_of(copy, f"optbench.{module}:")
    text = file.read_text(encoding="utf-8")
    with edited(file, f"{text}\n\nMORE = 1\n\n\ndef one_more(x):\n    return x + MORE\n"):
        after = digests(copy / "study" / "study.yaml")
    assert after == {cell.name: cell.digest for cell in cells}


@pytest.mark.parametrize("module", ["training.loop", "cells.seeds", "training.probes.run", "training.record"])
def test_what_a_module_of_the_loop_runs_makes_every_cell_new(
    copy: Path, cells: list[CellSpec], module: str
) -> None:
    file, _ = file_of(copy, f"optbench.{module}:")
    with edited(file, f"{file.read_text(encoding='utf-8')}\n\nprint(1)\n"):
        after = digests(copy / "study" / "study.yaml")
    assert not {cell.name for cell in cells if after[cell.name] == cell.digest}


MOVES = {
    "training.loop": "elsewhere.loop",
    "training.batched.train": "training.stacked.loop",
    "cells.seeds": "core.streams",
    "catalogue.schedules.make": "catalogue.every_schedule",
    "catalogue.schedules.exponential": "catalogue.exponential",
    "catalogue.workloads.landscapes": "catalogue.surfaces",
    "catalogue.datasets.sources": "catalogue.raw",
    "catalogue.optimizers.lion": "catalogue.lion",
    "catalogue.optimizers.protocol": "catalogue.protocol",
    "catalogue.workloads.analytic": "catalogue.workloads.formulas",
    "training.timing.measure": "training.clock",
}


def move(root: Path, old: str, new: str) -> None:
    """Moves a module of the copy and names it anew wherever an import or a text names it."""
    file, _ = file_of(root, f"optbench.{old}:")
    goal = root.joinpath("optbench", *new.split(".")).with_suffix(".py")
    for folder in [f for f in goal.parents if f.is_relative_to(root / "optbench")]:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "__init__.py").touch()
    file.rename(goal)
    named = re.compile(rf"\boptbench\.{re.escape(old)}(?=[:\s\"'`]|\.\s|$)", re.MULTILINE)
    for source in (root / "optbench").rglob("*.py"):
        text = source.read_text(encoding="utf-8")
        moved = named.sub(f"optbench.{new}", text)
        # The catalogue of workloads names a factory by the end of its address.
        moved = moved.replace(f'"{old.rpartition(".")[2]}:', f'"{new.rpartition(".")[2]}:')
        if moved != text:
            source.write_text(moved, encoding="utf-8")


def digests_of(root: Path) -> dict[str, str]:
    """Names and digests of the cells and timings of a copy, by its own code."""
    script = (
        "from pathlib import Path; import optbench; from optbench.study.resolve import read_study; "
        "from optbench.cells.matrix import cells_of; from optbench.cells.timings import timings_of; "
        "assert optbench.__file__.startswith(str(Path.cwd())), optbench.__file__; "
        "s = read_study(Path('study/study.yaml')); "
        "[print(c.name, c.digest) for c in cells_of(s)]; "
        "[print(t.workload.name, t.digest) for t in timings_of(s)]"
    )
    printed = subprocess.run(
        [sys.executable, "-c", script],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return dict(line.split() for line in printed.splitlines())


def test_a_module_that_moves_makes_nothing_new(copy: Path, tmp_path: Path) -> None:
    shutil.copytree(copy / "optbench", tmp_path / "optbench")
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "study.yaml").write_text(
        "study: s\nseeds: [0, 1]\nexecution: {seeds: batched}\n"
        "workloads: {ravine: {spread: 0.1}, digits_mlp: }\n"
        "optimizers: [sgd, lion]\nschedules: [constant, exponential]\n"
    )
    before = digests_of(tmp_path)
    assert len(before) == 2 * 2 * 2 * 2 + 2
    for old, new in MOVES.items():
        move(tmp_path, old, new)
        assert not file_of(tmp_path, f"optbench.{old}:")[0].exists()
    assert digests_of(tmp_path) == before
