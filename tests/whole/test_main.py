"""`python -m optbench` is `optbench`, beside files of any name."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from lab.studies import run


@pytest.mark.parametrize("name", ["click", "yaml", "torch", "queue", "pydantic"])
def test_files_of_the_working_folder_win_nothing(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.py").write_text("raise RuntimeError('nobody asked for this')\n")
    done = run(sys.executable, "-m", "optbench", "--version", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[-1] == version("optbench")


def test_a_mistake_is_one_line_and_status_2(tmp_path: Path) -> None:
    done = run(sys.executable, "-m", "optbench", "run", "missing.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
