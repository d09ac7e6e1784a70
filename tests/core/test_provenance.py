"""A fact of provenance is one entry: traces, timings, study.json and the page go through the table."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import optbench
from lab.fabricate import Fake, fabricate
from optbench.cells.matrix import cells_of
from optbench.cells.paths import trace_path
from optbench.cells.timing_file import timing_facts
from optbench.cells.timings import timings_of
from optbench.cells.trace import Trace, cell_facts, write_trace
from optbench.core import provenance
from optbench.core.files import PACKAGE_FOLDER
from optbench.core.provenance import PROVENANCE, ProvenanceFact, current_origin, differing, origin_of
from optbench.core.provenance import differing as used_by_verify
from optbench.core.status import OK
from optbench.findings.agreement import origins_differ
from optbench.report.page.sections.methods import methods
from optbench.report.study import read_study_view as read_tables
from optbench.study.resolve import read_study
from optbench.tables.traces import read_group


def test_names_are_used_once_and_what_is_told_apart_has_words():
    assert len({fact.name for fact in PROVENANCE}) == len(PROVENANCE)
    assert {"versions", "machine", "commit", "dirty"} == set(current_origin())
    assert set(origin_of({})) == {fact.name for fact in PROVENANCE}
    assert set(origin_of({}).values()) == {None}


def test_a_commit_says_whether_the_tree_was_changed():
    (commit,) = (fact for fact in PROVENANCE if fact.name == "commit")
    assert commit.text({"commit": "0123456789abcdef", "dirty": False}) == "0123456789ab"
    assert commit.text({"commit": "0123456789abcdef", "dirty": True}).endswith("ab with uncommitted changes")
    assert commit.text({}) == ""


def test_origins_differ_by_what_numbers_depend_on():
    one = origin_of({"machine": {"cpu": "a"}, "threads": 1, "dirty": False})
    assert differing(one, one) == []
    assert [fact.name for fact in differing(one, one | {"machine": {"cpu": "b"}, "dirty": True})] == [
        "machine"
    ]
    assert used_by_verify is differing


def test_a_new_fact_is_one_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fact = ProvenanceFact("room", lambda: "cold", label="room", kinds="rooms")
    monkeypatch.setattr(provenance, "PROVENANCE", (*PROVENANCE, fact))
    monkeypatch.setattr("optbench.report.page.sections.methods.PROVENANCE", (*PROVENANCE, fact))
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text("study: s\nworkloads: [ravine]\noptimizers: [sgd]\n", encoding="utf-8")
    study = read_study(Path("s.yaml"))
    assert timing_facts(timings_of(study)[0])["room"] == "cold"
    cell = cells_of(study)[0]
    write_trace(trace_path(cell), Trace(cell_facts(cell) | {"status": OK.name, "error": "", "steps": 0}))
    (origin,) = read_group([cell]).origins.values()
    assert json.loads(origin)["room"] == "cold"
    warm, cold = (fabricate(tmp_path / name, Fake(seeds=1)) for name in ("warm", "cold"))
    for results in (warm, cold):
        file = results / "tables/study.json"
        told = json.loads(file.read_text(encoding="utf-8"))
        told["provenance"]["room"] = results.name
        file.write_text(json.dumps(told), encoding="utf-8")
    assert ("room", "cold") in methods(read_tables(cold / "tables")).run
    assert origins_differ(warm, cold) == ["rooms"]


def test_what_an_earlier_version_did_not_record_is_no_difference():
    known = {
        "versions": {"torch": "2.9.0", "numpy": "2.0.0"},
        "kernels": {"mkldnn": True},
        "machine": {"cpu": "a"},
    }
    newer = known | {"kernels": {"mkldnn": True, "blas": "x"}, "gpu": "H"}
    assert differing(known, newer) == differing(newer, known) == []
    other = newer | {"versions": {"torch": "2.10.0"}}
    assert [fact.name for fact in differing(known, other)] == ["versions"]


def test_an_edit_anywhere_in_the_package_makes_its_commit_dirty(tmp_path: Path):
    shutil.copytree(PACKAGE_FOLDER, tmp_path / "optbench", ignore=shutil.ignore_patterns("__pycache__"))

    def git(*words: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True)

    def dirty() -> bool:
        script = "from optbench.core.provenance import commit; print(commit()[1])"
        command = [sys.executable, "-c", script]
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout.strip() == "True"

    git("init", "-q")
    git("add", "optbench")
    git("commit", "-q", "-m", "all")
    assert not dirty()
    edited = tmp_path / "optbench/tables/ratios.py"
    edited.write_text(edited.read_text(encoding="utf-8") + "ONE_MORE = 1\n", encoding="utf-8")
    assert dirty()


def test_changes_anywhere_in_the_package_count(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    def git(*words: object) -> str:
        asked.append(tuple(map(str, words)))
        return ""

    monkeypatch.setattr(provenance, "_git", git)
    provenance.commit.cache_clear()
    provenance.commit()
    provenance.commit.cache_clear()
    assert asked[-1][-1] == str(Path(optbench.__file__).resolve().parent)
