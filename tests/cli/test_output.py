"""What the verbs say: nothing that a terminal obeys, and nothing that keeps a verb from its work."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.checkout import ROOT
from lab.studies import BIN, run, run_bytes, write_study
from optbench.cli.output import LONGEST_LINE, echo, one_line, plain

STUDY = """
    study: s
    seeds: 2
    timing: false
    workloads: {ravine: {spread: 0.1, steps: 5}}
    optimizers: {sgd: {lr: 0.1}}
    """


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_study(tmp_path, STUDY)
    return tmp_path


@pytest.fixture
def nobody() -> int:
    """A pipe that nobody reads, as that of `| head -1` is after the first line."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


def test_what_a_terminal_would_obey_is_an_escape(capsys: pytest.CaptureFixture[str]) -> None:
    echo("a\x1b[31m\u202e\ud800\nb\tc")
    echo("d\x07", err=True)
    assert capsys.readouterr() == ("a\\x1b[31m\\u202e\\ud800\nb\tc\n", "d\\x07\n")
    assert plain("[red]\x1b[0m[/]") == "\\[red]\\x1b[0m\\[/]"


def test_a_message_is_one_line_with_its_beginning_and_its_end() -> None:
    assert one_line("a\n b\x1b\r c ") == "a b\\x1b c"
    assert one_line("x" * LONGEST_LINE) == "x" * LONGEST_LINE
    long = one_line("begin " + "x " * 50_000 + "end")
    assert long.startswith("begin x x")
    assert long.endswith("x x end")
    assert " ... " in long
    assert len(long) == LONGEST_LINE + len(" ... ")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--help"],
        ["list"],
        ["list", "study.yaml"],
        ["why", "study.yaml", "--all"],
        ["why", "study.yaml", "*"],
        ["rerun", "study.yaml", "*", "--dry-run"],
        ["show", "ravine/sgd/constant/0", "--study", "study.yaml"],
        ["init", "new.yaml"],
        ["check", "study.yaml"],
    ],
    ids=" ".join,
)
def test_a_reader_that_has_gone_is_no_mistake(folder: Path, nobody: int, words: list[str]) -> None:
    done = run_bytes("optbench", *words, cwd=folder, stdout=nobody)
    assert done.returncode == 0
    assert done.stderr in {b"", b"optbench: 2 cells would be trained again\n"}


def test_the_first_line_of_many(folder: Path) -> None:
    done = run("bash", "-o", "pipefail", "-c", "optbench list | head -1", cwd=folder)
    assert (done.returncode, done.stderr, done.stdout.strip()) == (0, "", "workloads")


def test_training_goes_on_when_nobody_reads(folder: Path, nobody: int) -> None:
    done = run_bytes(
        "optbench", "run", "study.yaml", "--cores", "1", cwd=folder, stdout=nobody, stderr=nobody
    )
    assert done.returncode == 0
    assert len(list(folder.glob("results/s/cells/**/*.parquet"))) == 2
    assert (folder / "reports" / "s" / "index.html").is_file()


def test_a_mistake_that_nobody_reads_is_one(folder: Path, nobody: int) -> None:
    assert run_bytes("optbench", "run", "none", cwd=folder, stderr=nobody).returncode == 2


def test_closed_streams(folder: Path) -> None:
    """Python has no sys.stdout then, and the first file that is opened has its number."""
    for words, status in ((["list"], 0), (["run", "study.yaml", "--cores", "1"], 0), (["run", "none"], 2)):
        command = [sys.executable, str(BIN / "optbench"), *words]
        ended = subprocess.run(
            ["bash", "-c", '"$@" 0<&- >&- 2>&-', "bash", *command],
            cwd=folder,
            env={**os.environ},
            timeout=300,
            check=False,
        )
        assert ended.returncode == status
    assert (folder / "reports" / "s" / "index.html").is_file()
    for file in folder.rglob("*.parquet"):
        assert file.read_bytes()[:4] == b"PAR1"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="of Linux")
def test_a_full_disk_is_one_line(folder: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = run_bytes("optbench", "list", cwd=folder, stdout=full.fileno())
        assert done.returncode == 2
        assert done.stderr == b"optbench: No space left on device; what is finished is safe\n"
        assert run_bytes("optbench", "list", "study.yaml", cwd=folder, stdout=full.fileno()).returncode == 2


def test_every_verb_speaks_through_one_door() -> None:
    strange = []
    for file in (ROOT / "optbench" / "cli").glob("*.py"):
        if file.name == "output.py":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if called in {"print", "click.echo", "click.secho", "sys.stdout.write", "sys.stderr.write"}:
                strange.append(f"{file.name} line {node.lineno}")  # type: ignore[attr-defined]
    assert strange == []
