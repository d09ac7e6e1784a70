"""`optbench init`, and that what it writes is sound."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from optbench.cells.matrix import cells_of
from optbench.cli import cli
from optbench.core.errors import UserError
from optbench.study.resolve import read_study
from optbench.study.starter.write import WORKFLOW, copy_workflow, start_plugin, start_study

COMMENTED = re.compile(r"(?m)^#: ")


def test_a_new_study_reads_and_has_the_files_name(tmp_path: Path) -> None:
    start_study(tmp_path / "mine.yaml")
    found = read_study(tmp_path / "mine.yaml")
    assert found.name == "mine"
    assert len(cells_of(found)) == 2 * 3 * 2 * 6


def test_every_commented_line_is_valid(tmp_path: Path) -> None:
    """With all the examples taken in, the study reads, and each of them changes it."""
    start_study(tmp_path / "mine.yaml")
    start_plugin(tmp_path)
    text = (tmp_path / "mine.yaml").read_text(encoding="utf-8")
    full, count = COMMENTED.subn("", text)
    assert count >= 10
    (tmp_path / "mine.yaml").write_text(full, encoding="utf-8")
    found = read_study(tmp_path / "mine.yaml")
    assert set(found.optimizers) == {"sgd", "heavy_ball", "adam", "mine", "adafactor"}
    assert set(found.workloads) == {"digits_mlp", "logistic_regression", "wide", "my_task"}
    assert set(found.schedules) == {"constant", "cosine", "steps", "ramp"}
    assert (found.title, found.timeout_s) == ("Which optimizer for my problem?", 600)
    # Four workloads by five optimizers, four schedules and six seeds, and four seeds more of one workload.
    assert len(cells_of(found)) == 4 * 5 * 4 * 6 + 5 * 4 * 4


def test_a_study_with_a_plugin_uses_it(tmp_path: Path) -> None:
    """What `init --plugin` writes is not left in comments: the study has one of each, and is sound."""
    done = CliRunner().invoke(cli, ["init", str(tmp_path / "mine.yaml"), "--plugin"])
    assert done.exit_code == 0, done.output
    found = read_study(tmp_path / "mine.yaml")
    assert set(found.optimizers) == {"sgd", "heavy_ball", "adam", "mine"}
    assert set(found.workloads) == {"digits_mlp", "logistic_regression", "my_task"}
    assert set(found.schedules) == {"constant", "cosine", "ramp"}
    checked = subprocess.run(
        [sys.executable, "-m", "optbench", "check", "mine.yaml"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr
    assert checked.stderr == ""  # nobody looks on: no progress
    assert "is sound" in checked.stdout


def test_a_terminal_is_told_what_check_does(tmp_path: Path) -> None:
    start_study(tmp_path / "mine.yaml", plugin=True)
    start_plugin(tmp_path)
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "optbench", "check", "mine.yaml"],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=theirs,
    ) as checking:  # fmt: skip
        os.close(theirs)
        said = b""
        while chunk := _read(ours):
            said += chunk
    os.close(ours)
    assert checking.returncode == 0
    lines = said.decode().splitlines()
    # With and without each of the plug-in's optimizer, schedule and workload.
    assert lines == [f"optbench: trying all that it names, in process {n} of 8 ..." for n in range(1, 9)]


def _read(descriptor: int) -> bytes:
    """What a terminal says; nothing once nobody holds its other end."""
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""


def test_the_plugin_conforms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from optbench.testing import check_optimizer, check_schedule, check_workload

    start_plugin(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    import my_lab  # type: ignore[import-not-found]

    assert check_optimizer(my_lab.Signum, lr=0.01, momentum=0.8) == []
    assert check_schedule(my_lab.ramp, up="10%") == []
    assert check_workload(my_lab.bowl) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("precious")
    (tmp_path / "my_lab.py").write_text("precious")
    (tmp_path / "profiles/default").mkdir(parents=True)
    (tmp_path / "profiles/default/config.yaml").write_text("precious")
    with pytest.raises(UserError, match=r"mine\.yaml exists already"):
        start_study(tmp_path / "mine.yaml")
    with pytest.raises(UserError, match=r"my_lab\.py exists already"):
        start_plugin(tmp_path)
    with pytest.raises(UserError, match=r"config\.yaml exists already; nothing was written"):
        copy_workflow(tmp_path)
    assert not (tmp_path / "Snakefile").exists()
    assert {file.read_text() for file in tmp_path.rglob("*") if file.is_file()} == {"precious"}


@pytest.mark.parametrize("name", ["a b.yaml", "-x.yaml", ".yaml", "study.txt", "naïve.yaml"])
def test_a_name_that_no_study_can_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="cannot name a study"):
        start_study(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_the_verb_says_what_to_do_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["init", "mine.yaml", "--plugin", "--workflow"])
    assert done.exit_code == 0, done.output
    assert "optbench run mine.yaml" in done.output
    assert "snakemake --cores all --configfile mine.yaml" in done.output
    for name in WORKFLOW:
        assert (tmp_path / name).exists()


def test_the_copied_workflow_plans_the_study(tmp_path: Path) -> None:
    start_study(tmp_path / "mine.yaml")
    copy_workflow(tmp_path)
    command = ["snakemake", "--cores", "1", "--dry-run", "--configfile", "mine.yaml"]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"(?m)^train +\d+", done.stdout), done.stdout
