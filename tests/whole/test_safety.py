"""Names become paths safely, and nothing that is read can run."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import optbench
from optbench.cells.matrix import cells_of
from optbench.cells.paths import trace_path
from optbench.cells.timings import timing_path, timings_of
from optbench.core.errors import UserError
from optbench.core.files import slug
from optbench.study.resolve import read_study

HOSTILE = [
    "..",
    ".",
    "../../up",
    "/etc/passwd",
    "a/../b",
    "~",
    "$HOME",
    "a b",
    "`id`",
    "%2e%2e",
    "con:",
    "-rf",
]


def test_hostile_names_stay_in_their_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = "".join(f"  {name!r}: {{like: ravine}}\n" for name in HOSTILE)
    file = tmp_path / "s.yaml"
    file.write_text(f"study: s\nseeds: 1\noptimizers: [sgd]\nworkloads:\n{names}")
    study = read_study(file)
    cells = (tmp_path / "results" / "s" / "cells").resolve()
    paths = [trace_path(cell).resolve() for cell in cells_of(study)]
    assert len(set(paths)) == len(HOSTILE)
    assert all(path.parents[3] == cells for path in paths)
    timings = [timing_path(timing).resolve() for timing in timings_of(study)]
    assert len(set(timings)) == len(HOSTILE)
    assert all(path.parent == tmp_path / "results" / "s" / "timing" for path in timings)


@pytest.mark.parametrize("name", ["..", "../up", "/etc", "a/b", "", ".hidden", "-rf", "a b", "x" * 61])
def test_a_study_s_own_name_is_plain(tmp_path: Path, name: str) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(f"study: {name!r}\nworkloads: [ravine]\noptimizers: [sgd]\n")
    with pytest.raises(UserError, match="study"):
        read_study(file)


def test_a_slug_is_one_plain_part_of_a_path() -> None:
    for name in HOSTILE:
        assert slug(name) not in {"", ".", ".."}
        assert not set(slug(name)) & set("/\\$`:* ")


FROM_THE_PARENT = {
    "optbench.running.worker": {"pickle.load"},
    "optbench.running.timing_worker": {"pickle.load"},
    "optbench.running.check_worker": {"pickle.load"},
    "optbench.running.forkserver": {"pickle.loads"},
}
"""Children that are handed their work over a pipe, pickled by the parent that started them."""


def test_nothing_is_unpickled_but_what_a_parent_hands_its_child() -> None:
    root = Path(optbench.__file__).parent
    found: dict[str, set[str]] = {}
    for file in root.rglob("*.py"):
        parts = ("optbench", *file.relative_to(root).with_suffix("").parts)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            risky = called in {"pickle.load", "pickle.loads", "torch.load", "pd.read_pickle", "eval", "exec"}
            words = {word.arg: ast.unparse(word.value) for word in node.keywords}
            if called == "np.load" and words.get("allow_pickle", "False") == "False":
                continue
            if risky or called == "np.load":
                found.setdefault(".".join(parts), set()).add(called)
    assert found == FROM_THE_PARENT
