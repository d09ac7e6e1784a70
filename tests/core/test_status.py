"""A status is declared once: no bare literal of one elsewhere, and a new one arrives everywhere."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import optbench
from lab.checkout import ROOT
from optbench.core.status import (
    DIVERGED,
    ERROR,
    FAILED,
    KILLED,
    MISSING,
    OK,
    OUTCOMES,
    REPEATABLE,
    STATUSES,
    TIMEOUT,
    status_of,
)

PACKAGE = Path(optbench.__file__).parent
DECLARED = PACKAGE / "core/status.py"

COLUMN = "a column of a table or a key of a record"
OTHERS = "a word of another library"
EXCEPTIONS = {
    ("error", "tables/collect.py"): COLUMN,
    ("error", "report/page/sections/completeness.py"): COLUMN,
    ("error", "report/tables.py"): COLUMN,
    ("error", "tables/read.py"): COLUMN,
    ("error", "tables/expected.py"): COLUMN,
    ("error", "findings/analysis.py"): "a key of the study file",
    ("error", "report/page/sections/methods.py"): "a key of the study file",
    ("error", "cli/race.py"): "a key of the study file",
    ("error", "cells/race.py"): "a key of the study file",
    ("error", "report/page/sections/verdict.py"): "a key of the study file",
    ("diverged", "findings/leaders.py"): COLUMN,
    ("diverged", "findings/effects.py"): COLUMN,
    ("diverged", "findings/sentences.py"): COLUMN,
    ("diverged", "findings/chinese.py"): COLUMN,
    ("error", "tables/timing.py"): COLUMN,
    ("error", "training/batched/stack.py"): OTHERS,
    ("error", "cells/timing_file.py"): OTHERS,
    ("missing", "study/file.py"): OTHERS,
    ("error", "study/metrics.py"): COLUMN,
    ("ok", "cli/checks.py"): "what verify says of a cell",
    ("ok", "report/figures/sections/verdict.py"): COLUMN,
    ("diverged", "report/figures/sections/textbook.py"): COLUMN,
    ("diverged", "report/figures/marks/points.py"): COLUMN,
}
"""Literals that are no status, each with its reason."""


def literals(file: Path) -> set[str]:
    """Names of statuses that stand bare in a module, but for those that only name a column or a key.

    `error` and `ok` are ordinary words: as the key of a dictionary or of a subscript they name a fact.
    """
    names = {status.name for status in STATUSES}
    tree = ast.parse(file.read_text(encoding="utf-8"))
    keys = set()
    for node in ast.walk(tree):
        subscript = node.slice if isinstance(node, ast.Subscript) else None
        given = node.keys if isinstance(node, ast.Dict) else [subscript]
        for key in given:
            listed = key.elts if isinstance(key, ast.List) else [key]
            keys |= {
                id(one) for one in listed if isinstance(one, ast.Constant) and one.value in {"error", "ok"}
            }
    return {
        str(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in names and id(node) not in keys
    }


def test_no_status_stands_bare_in_the_package():
    found = {
        (name, file.relative_to(PACKAGE).as_posix())
        for file in PACKAGE.rglob("*.py")
        if file != DECLARED
        for name in literals(file)
    }
    assert found == set(EXCEPTIONS)


def test_no_template_names_one():
    """Classes and hatches of the page are made of the table; prose may use the words."""
    for file in (PACKAGE / "report/page/templates").iterdir():
        text = file.read_text(encoding="utf-8")
        for status in STATUSES:
            for prefix in ("hatch-", ".s-", ".b-", ".c-", "s-", '"'):
                assert f"{prefix}{status.name}" not in text, (file.name, status.name)


def test_what_code_asks_of_each():
    assert {DIVERGED.name, OK.name} == OUTCOMES
    assert {ERROR.name, KILLED.name, TIMEOUT.name} == FAILED
    assert {OK.name, DIVERGED.name, ERROR.name} == REPEATABLE
    assert status_of("missing") is MISSING
    assert status_of("of a later version") is ERROR


def test_statuses_can_be_told_apart():
    for of in ("name", "text", "glyph", "card_order"):
        assert len({getattr(status, of) for status in STATUSES}) == len(STATUSES)
    assert len({(status.tone, status.hatch) for status in STATUSES}) == len(STATUSES)
    assert all(len(status.glyph) == 1 for status in STATUSES)


SEVENTH = """
STOPPED: Final = Status("stopped", "stopped by a rule", "▽", "warn", "M0 0H4V4H0Z", 6, outcome=False)
"""

USE = """
import sys
from pathlib import Path

sys.path.append(sys.argv[1])
from lab.fabricate import Fake, fabricate

import optbench
from optbench.study.resolve import read_study
from optbench.cells.matrix import cells_of
from optbench.running.progress import Progress
from optbench.report.page.build import render

assert Path(optbench.__file__).parent == Path("optbench").resolve()
stopped = dict.fromkeys(("ravine/sgd/constant/0", "ravine/sgd/constant/1"), "stopped")
results = fabricate(Path("results/s"), Fake(statuses=stopped))
(results / "figures").mkdir()
(results / "figures/figures.json").write_text("[]")
render(results, Path("reports"))
Path("s.yaml").write_text("study: s\\nworkloads: [ravine]\\noptimizers: [sgd]\\n")
cells = cells_of(read_study(Path("s.yaml")))
Progress(cells, cells, Path("mark"), "cells").tell(cells[0], "stopped")
"""


def test_a_seventh_status_is_one_entry(tmp_path: Path):
    """In a copy of the tree with one more entry: counts, legend, cards, cells and progress know it."""
    shutil.copytree(PACKAGE, tmp_path / "optbench", ignore=shutil.ignore_patterns("__pycache__"))
    text = DECLARED.read_text(encoding="utf-8")
    table = "STATUSES: Final = (OK, DIVERGED, ERROR, KILLED, TIMEOUT, MISSING"
    declared, _, after = text.partition(table)
    assert after
    (tmp_path / "optbench/core/status.py").write_text(
        f"{declared}{SEVENTH}\n{table}, STOPPED{after}", encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-c", USE, str(ROOT / "tests")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "reports/s/index.html").read_text(encoding="utf-8")
    assert "+ 0 missing + 2 stopped" in page
    assert page.count('id="hatch-stopped"') == 1
    assert ".s-stopped{color:var(--warn)}" in page
    assert "▽</span> <strong>2</strong> stopped" in page  # the legend
    assert "▽</span> stopped · 2 cells" in page  # the card
    assert page.count('<td class="s-stopped">') == 2  # the list of cells
    assert "optbench rerun --failed s" in page
    assert "stopped (optbench show" in done.stderr
    assert ", 1 failed" in done.stderr
