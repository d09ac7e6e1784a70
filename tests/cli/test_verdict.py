"""A verdict that is shown may be a stranger's: nothing in it acts on a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.fabricate import fabricate
from lab.studies import optbench

HOSTILE = "\x1b[31m\u202e\ud800[red]\x07"
ESCAPED = "\\x1b[31m\\u202e\\ud800[red]\\x07"


def test_nothing_of_a_strangers_results_acts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    tables = fabricate(tmp_path / "theirs") / "tables"
    facts = json.loads((tables / "study.json").read_text())
    facts |= {"title": f"title {HOSTILE}", "question": f"question {HOSTILE}"}
    for name in facts["optimizers"]:
        facts["optimizers"][name]["label"] = f"{name} {HOSTILE}"
    (tables / "study.json").write_text(json.dumps(facts))
    findings = json.loads((tables / "findings.json").read_text())
    for finding in findings:
        finding["claim"] = HOSTILE
    (tables / "findings.json").write_text(json.dumps(findings))
    told = optbench("show", str(tmp_path / "theirs"))
    assert told.exit_code == 0, told.stderr
    assert not {"\x1b", "\u202e", "\x07"} & set(told.stdout)
    for words in ("title ", "question ", f"{next(iter(facts['optimizers']))} ", ""):
        assert f"{words}{ESCAPED}" in told.stdout
