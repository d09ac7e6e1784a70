"""The command line as a whole: a mistake is one line and status 2, whatever was asked of whichever verb."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.studies import run, run_bytes, write_study
from optbench.cli import cli, main
from optbench.core.text import unshowable

Mistake = Callable[..., str]

STUDY = """
    study: s
    seeds: 2
    timing: false
    workloads: {ravine: {spread: 0.1, steps: 5}, Wörter-学: {like: ravine, spread: 0.1, steps: 5}}
    optimizers: {sgd: {label: "−½ α"}, -x: {like: sgd}}
    """


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path, STUDY)
    return tmp_path


@pytest.fixture
def mistake(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mistake:
    """What the command says of a mistake; that it is one line, with status 2, is asserted here."""

    def told(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["optbench", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert ended.value.code == 2
        assert out == ""
        assert err.endswith("\n")
        line = err.removesuffix("\n")
        assert not unshowable(line)
        assert line.startswith("optbench: ")
        assert len(line) < 2050
        return line.removeprefix("optbench: ")

    return told


def test_without_a_verb_it_prints_its_help(folder: Path) -> None:
    bare, asked = run("optbench", cwd=folder), run("optbench", "--help", cwd=folder)
    assert (bare.returncode, bare.stderr) == (0, "")
    assert bare.stdout == asked.stdout
    assert bare.stdout.splitlines()[0].startswith("Usage: optbench")
    for verb in cli.commands:
        assert any(line.split()[:1] == [verb] for line in bare.stdout.splitlines())


VERBS_OF_A_STUDY = sorted(set(cli.commands) - {"init", "compare", "list", "show"})
OF_TABLES = ("summarize", "plot", "report", "oracle")
"""Verbs that need no study file, only what others have written."""

LONG = "x" * 10_000


@pytest.mark.parametrize("verb", VERBS_OF_A_STUDY)
def test_a_study_that_is_none(folder: Path, mistake: Mistake, verb: str) -> None:
    (folder / "empty").mkdir()
    (folder / "binary.yaml").write_bytes(b"\x7fELF\x02\xff")
    os.mkfifo(folder / "pipe.yaml")
    for given, said in (
        ("", "no study file or study ''"),
        ("none.yaml", "no study file or study 'none.yaml'"),
        ("empty", "'empty' is a folder that no study was run into, and no study file"),
        ("/dev/zero", "no study file or study '/dev/zero'"),
        ("pipe.yaml", "no study file or study 'pipe.yaml'"),
        ("\udcff\x1b[31m\u202e", "no study file or study '\\udcff\\x1b[31m\\u202e'"),
        ("binary.yaml", "binary.yaml: line 1, column 6: the byte 0xff is not UTF-8: save the file as UTF-8"),
    ):
        no_tables = given == "empty" and verb in OF_TABLES
        wanted = "empty holds no results: it has no folder 'tables'" if no_tables else said
        assert mistake(verb, given, *(["*"] if verb == "why" else [])) == wanted
    # Whoever looks for tables asks the system for a folder of that name first.
    told = mistake(verb, LONG, *(["*"] if verb == "why" else []))
    assert told.startswith((f"no study file or study '{LONG[:79]}...", "File name too long: xxx"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_study_that_may_not_be_read(folder: Path, mistake: Mistake) -> None:
    (folder / "study.yaml").chmod(0)
    assert mistake("run", "study.yaml") == "study.yaml: the study file cannot be read: Permission denied"


@pytest.mark.parametrize("name", ["\udcff.yaml", "a\nb.yaml", "\x1b[31m.yaml", "a\u202eb.yaml"])
def test_a_study_file_whose_name_is_no_text(folder: Path, mistake: Mistake, name: str) -> None:
    (folder / "study.yaml").rename(folder / name)
    escape = unshowable(name)
    assert mistake("run", name) == f"the name of the study file holds the character {escape}: rename it"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["lsit"], "No such command 'lsit'. Did you mean 'list'?"),
        (["\x1b[31m"], "No such command '\\x1b[31m'."),
        (["run"], "Missing argument 'STUDY-OR-CONFIG'."),
        (["run", "s", "more"], "Got unexpected extra argument (more)"),
        (["run", "study.yaml", "--core", "1"], "No such option '--core'. Did you mean '--cores'?"),
        (["run", "study.yaml", "--cores"], "Option '--cores' requires an argument."),
        (
            ["run", "study.yaml", "--cores", "0"],
            "Invalid value for '--cores': 0 is not in the range",
        ),
        (
            ["run", "study.yaml", "--cores", "9" * 5000],
            f"Invalid value for '--cores': '{'9' * 79}",
        ),
        (
            ["run", "study.yaml", "--cores", "1e3"],
            "Invalid value for '--cores': '1e3' is not a valid",
        ),
        (
            ["run", "study.yaml", "--device", "gpu"],
            "Invalid value for '--device': 'gpu' is not one",
        ),
        (
            ["time", "study.yaml", "--seconds", "nan"],
            "Invalid value for '--seconds': 'nan' is not a",
        ),
        (
            ["time", "study.yaml", "--seconds", "inf"],
            "Invalid value for '--seconds': inf is not in",
        ),
        (["time", "study.yaml", "--seconds", "0"], "Invalid value for '--seconds': 0.0 is not in the range"),
        (["time", "study.yaml", "ravine"], "study.yaml: 'timing' is off: no step is timed"),
        (
            ["compare", "a", "b", "--threshold", "nan"],
            "Invalid value for '--threshold': 'nan' is not",
        ),
        (
            ["compare", "a", "b", "--threshold", "-1"],
            "Invalid value for '--threshold': -1.0 is not",
        ),
        (["compare", "a", "b", "--map", LONG], f"--map takes OLD=NEW; got '{LONG[:79]}..."),
        (
            ["verify", "study.yaml", "--sample", LONG],
            f"Invalid value for '--sample': '{LONG[:79]}... ",
        ),
        (["verify", "study.yaml", "--sample", "nan%"], "Invalid value for '--sample': 'nan%' is neither"),
        (["verify", "study.yaml", "--seed", "x"], "Invalid value for '--seed': 'x' is not a valid integer."),
        (["train", "study.yaml", "--workers", "0"], "Invalid value for '--workers': 0 is not in the range"),
        (
            ["train", "study.yaml", "--batch", "none"],
            "Invalid value for '--batch': File 'none' does not",
        ),
        (["train", "study.yaml", "--batch", "."], "Invalid value for '--batch': File '.' is a directory."),
        (["train", "study.yaml", "--batch", "empty"], "empty is no batch: it lists no cell"),
        (
            ["train", "study.yaml", LONG],
            f"no cell '{LONG[:79]}... (a cell is workload/optimizer/schedule/seed)",
        ),
        (
            ["train", "study.yaml", "ravine/sdg/constant/0"],
            "no cell 'ravine/sdg/constant/0'; did you mean",
        ),
        (["tune", "study.yaml"], "study.yaml: 'tuning' is off: each optimizer keeps its own learning rate"),
        (
            ["prepare", "study.yaml", "mnist"],
            "study.yaml: no workload of the study uses a data set; got 'mnist'",
        ),
        (["rerun", "study.yaml"], "name the cells to train again, or give --failed"),
        (["rerun", "study.yaml", "*", "--executor", LONG], f"--executor: unknown name '{LONG[:79]}..."),
        (["why", "study.yaml"], "name the cells, or give --all"),
        (
            ["show", "ravine/sgd/constant/7", "--study", "study.yaml"],
            "no cell 'ravine/sgd/constant/7'; did",
        ),
        (["init", "a/study.txt"], "'study.txt' cannot name a study"),
        (["init", "none/study.yaml"], "No such file or directory: none/study.yaml; what is finished is safe"),
        (["init", "study.yaml"], "study.yaml exists already; it is left as it is"),
    ],
    ids=lambda given: " ".join(given)[:40] if isinstance(given, list) else "",
)
def test_a_bad_word_is_one_line(folder: Path, mistake: Mistake, words: list[str], says: str) -> None:
    (folder / "empty").touch()
    assert mistake(*words).startswith(says)


def test_arguments_that_begin_like_options_stand_behind_two_hyphens(folder: Path, mistake: Mistake) -> None:
    name = "ravine/-x/constant/0"
    done = run("optbench", "rerun", "--dry-run", "study.yaml", "--", name, cwd=folder)
    assert (done.returncode, done.stdout.split()[0]) == (0, name)
    shown = run("optbench", "show", "--study", "study.yaml", "--", name, cwd=folder)
    assert shown.returncode == 0
    (folder / "-s.yaml").write_text((folder / "study.yaml").read_text())
    listed = run("optbench", "list", "--", "-s.yaml", cwd=folder)
    assert (listed.returncode, len(listed.stdout.splitlines())) == (0, 8)
    assert mistake("list", "-s.yaml") == "No such option '-s'."


def test_cells_begin_with_hyphens_too(folder: Path, mistake: Mistake) -> None:
    (folder / "y.yaml").write_text("study: y\nseeds: 1\nworkloads: {-w: {like: ravine}}\noptimizers: [sgd]\n")
    name = "-w/sgd/constant/0"
    done = run("optbench", "rerun", "--dry-run", "y.yaml", "--", name, cwd=folder)
    assert (done.returncode, done.stdout.split()[0]) == (0, name)
    told = run("optbench", "show", "--study", "y.yaml", "--", name, cwd=folder, COLUMNS="200")
    assert f"optbench rerun -- y.yaml {name}" in told.stdout


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_terminal_takes_any_name(folder: Path, encoding: str) -> None:
    name = "Wörter-学/sgd/constant/0"
    environment = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "COLUMNS": "200"}
    for words in (["list"], ["list", "study.yaml"], ["show", name, "--study", "study.yaml"]):
        done = run_bytes("optbench", *words, cwd=folder, **environment)
        assert (done.returncode, done.stderr) == (0, b"")
        assert (name.encode(encoding, "backslashreplace") in done.stdout) == (len(words) > 1)
