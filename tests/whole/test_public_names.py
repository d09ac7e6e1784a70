"""A plug-in that imports through a public name has the digests of one that imports from where it is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

import optbench
from optbench.cells.slices import Slices

SAME = {
    "workload": (
        "from optbench.workload import Workload",
        "from optbench import Workload",
        "from optbench.catalogue.workloads.workload import Workload",
    ),
    "testing": (
        "from optbench.testing import check_optimizer as Workload",
        "from optbench.training.conformance import check_optimizer as Workload",
    ),
    "figures": (
        "from optbench.figures import draw_heat as Workload",
        "from optbench.report.figures.marks.heat import draw_heat as Workload",
    ),
    "stats": (
        "from optbench.stats import holm as Workload",
        "from optbench.stats.paired import holm as Workload",
    ),
    "load": ("from optbench import load as Workload", "from optbench.tables.load import load as Workload"),
}
"""One thing by each of its addresses, named alike."""

PLUGIN = """
    {}

    def mine(data, seed=0):
        return Workload(data, seed)
    """


def code(folder: Path, line: str) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "plugin.py").write_text(dedent(PLUGIN).format(line))
    return Slices(folder).code("plugin:mine").sha256


@pytest.mark.parametrize("name", SAME)
def test_every_door_leads_to_the_same_code(tmp_path: Path, name: str) -> None:
    codes = {line: code(tmp_path, line) for line in SAME[name]}
    assert len(set(codes.values())) == 1, codes


def test_different_things_differ(tmp_path: Path) -> None:
    codes = [code(tmp_path, lines[0]) for lines in SAME.values()]
    assert len(set(codes)) == len(SAME)


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package, found before the one that runs here; studies lie in a folder beside it."""
    ignored = shutil.ignore_patterns("__pycache__", "templates")
    shutil.copytree(Path(optbench.__file__).parent, tmp_path / "optbench", ignore=ignored)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "study").mkdir()
    return tmp_path


def test_an_edit_behind_a_door_makes_the_plug_in_new(copy: Path) -> None:
    before = {name: code(copy / "study", lines[0]) for name, lines in SAME.items()}
    lazy = code(copy / "study", "from optbench import Workload")
    file = copy / "optbench/catalogue/workloads/workload.py"
    text = file.read_text()
    edited = text.replace("eval_every: int = 10", "eval_every: int = 11")
    assert edited != text
    file.write_text(edited)
    assert code(copy / "study", "from optbench import Workload") != lazy
    assert code(copy / "study", SAME["workload"][0]) != before["workload"]
    assert code(copy / "study", SAME["stats"][0]) == before["stats"]


def test_one_more_door_makes_no_plug_in_new(copy: Path) -> None:
    line = "from optbench import Workload"
    before = code(copy / "study", line)
    file = copy / "optbench/__init__.py"
    text = file.read_text().replace('    "load": ', '    "holm": "optbench.stats.paired",\n    "load": ')
    assert text != file.read_text()
    file.write_text(text)
    assert code(copy / "study", line) == before


STUDY = """
study: s
seeds: [0, 1]
execution: {seeds: batched}
workloads:
  mine: {factory: "plugin:mine"}
  ravine: {spread: 0.1}
  digits_mlp: {}
optimizers: [sgd, lion]
schedules: [constant, exponential]
"""

DIGESTS = """
from pathlib import Path
import optbench
from optbench.cells.data import data_digests
from optbench.study.resolve import read_study
assert optbench.__file__.startswith(str(Path.cwd())), optbench.__file__
"""

RENAMED = {
    "catalogue": "registry",
    "training": "learning",
    "cells": "units",
    "core": "ground",
}
"""Packages by another name each."""


def digests(root: Path, cells: str = "cells") -> dict[str, str]:
    """Names and digests of the cells, timings and data of the study in `root`, by its own copy's code."""
    script = (
        DIGESTS
        + f"from optbench.{cells}.matrix import cells_of\nfrom optbench.{cells}.timings import timings_of\n"
        + "s = read_study(Path('study/study.yaml'))\n"
        + "[print(c.name, c.digest) for c in cells_of(s)]\n"
        + "[print(t.workload.name, t.digest) for t in timings_of(s)]\n"
        + "[print('data', name, d) for name, d in data_digests(s).items()]\n"
    ).replace("optbench.cells.", f"optbench.{cells}.")
    printed = subprocess.run(
        [sys.executable, "-c", script],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert printed.returncode == 0, printed.stderr
    return dict(line.rsplit(" ", 1) for line in printed.stdout.splitlines())


def rename_room(root: Path, old: str, new: str) -> None:
    """Renames a package of the copy and writes its name anew wherever the package says it."""
    (root / "optbench" / old).rename(root / "optbench" / new)
    for file in (root / "optbench").rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        moved = text.replace(f"optbench.{old}.", f"optbench.{new}.")
        moved = re.sub(rf"\bfrom optbench\.{old}\b", f"from optbench.{new}", moved)
        moved = re.sub(rf"\bfrom optbench import {old}\b", f"from optbench import {new} as {old}", moved)
        if moved != text:
            file.write_text(moved, encoding="utf-8")


@pytest.mark.parametrize("line", SAME["workload"][:2])
def test_a_room_by_another_name_makes_nothing_new(copy: Path, line: str) -> None:
    (copy / "study" / "study.yaml").write_text(STUDY)
    (copy / "study" / "plugin.py").write_text(dedent(PLUGIN).format(line))
    before = digests(copy)
    assert len(before) == 3 * 2 * 2 * 2 + 3 + 1
    for old, new in RENAMED.items():
        rename_room(copy, old, new)
        assert digests(copy, RENAMED["cells"] if old in {"cells", "core"} else "cells") == before, old
