"""docs/howto/extend.md: every example is written to files as it stands there, read, checked and trained."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import optbench
from lab.fabricate import fabricate
from lab.studies import optbench as run_verb
from optbench.core.errors import UserError

DOCS = Path(optbench.__file__).parent.parent / "docs/howto"
BLOCK = re.compile(
    r"^## (?P<title>[^\n]+)$|^```\w+\n(?:# (?P<file>[\w.]+)\n)?(?P<text>.*?)^```$", re.M | re.S
)
LONGEST = 15
"""Lines of code that an optimizer, a schedule or a metric may take."""

SHORTEST_COMPARISON = 8
"""Lines of code that a figure of a comparison may take in a notebook."""


def sections() -> dict[str, dict[str, str]]:
    """The files of each section by its title; a block without a file's name is `.py`."""
    found: dict[str, dict[str, str]] = {}
    title = ""
    for block in BLOCK.finditer((DOCS / "extend.md").read_text(encoding="utf-8")):
        title = block["title"] or title
        if block["text"] is not None:
            found.setdefault(title, {})[block["file"] or ".py"] = block["text"]
    return found


SECTIONS = sections()
STUDIES = [title for title, files in SECTIONS.items() if any(name.endswith(".yaml") for name in files)]


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def optbench_says(*words: str) -> str:
    done = run_verb(*words)
    assert done.exit_code == 0, done.output
    return done.output


def write(folder: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return next((name for name in files if name.endswith(".yaml")), "")


def test_the_sections_are_found() -> None:
    assert {"An optimizer", "Somebody else's optimizer", "A schedule", "A workload"} <= set(STUDIES)


@pytest.mark.parametrize("title", STUDIES)
@pytest.mark.usefixtures("trained_here")
def test_an_example_is_sound_and_trains(title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = write(tmp_path, SECTIONS[title])
    monkeypatch.chdir(tmp_path)
    assert "is sound" in optbench_says("check", study)
    cell = optbench_says("list", study).splitlines()[-1].split()[-1]
    optbench_says("train", study, cell)
    assert re.findall(r"(?m)^ok +(.*)$", optbench_says("list", study)) == [cell]


@pytest.mark.parametrize("title", ["An optimizer", "A schedule", "A metric"])
def test_an_extension_is_short(title: str) -> None:
    lines = [line for line in SECTIONS[title]["my_lab.py"].splitlines() if line.strip()]
    assert len(lines) <= LONGEST


def test_the_conformance_tests_pass_under_pytest(tmp_path: Path) -> None:
    write(tmp_path, SECTIONS["Conformance in your own tests"])
    done = run(tmp_path, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_lab.py")
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_the_notebook_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fabricate(tmp_path / "results" / "smoke")
    monkeypatch.chdir(tmp_path)
    exec(compile(SECTIONS["In a notebook"][".py"], "notebook", "exec"), {})  # noqa: S102
    assert (tmp_path / "finals.png").read_bytes().startswith(b"\x89PNG")
    lines = [line for line in SECTIONS["In a notebook"][".py"].splitlines() if line.strip()]
    assert len(lines) <= SHORTEST_COMPARISON


def test_load_gives_every_table(tmp_path: Path) -> None:
    results = optbench.load(fabricate(tmp_path / "results" / "smoke"))
    assert {"runs", "curves", "summary", "convergence"} <= set(results.names)
    assert set(results.curves["cell"]) <= set(results.runs["cell"])
    assert results.study["study"] == "smoke"
    with pytest.raises(UserError, match=r"no table 'run'.*runs"):
        results.table("run")


def test_load_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no results"):
        optbench.load(tmp_path)


def test_importing_optbench_loads_no_pandas() -> None:
    script = "import optbench, sys; print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
