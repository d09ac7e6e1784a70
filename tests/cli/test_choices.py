"""Which results a word means, and what is said of a folder that is not as optbench writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.studies import optbench
from optbench.cli.choices import reading, results_folder
from optbench.core.errors import UserError

STUDY = "study: s\nseeds: 1\ntiming: false\nworkloads: [ravine]\noptimizers: [sgd]\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(STUDY)
    return tmp_path


@pytest.mark.usefixtures("here")
def test_a_study_is_found_by_its_file_its_name_and_its_folder() -> None:
    Path("results/s/tables").mkdir(parents=True)
    for word in ("s", "s.yaml", "results/s"):
        assert results_folder(word) == Path("results/s")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("verb", "word", "told"),
    [
        ("show", "s.yaml", "results/s holds no results yet: no folder 'tables'"),
        ("report", "s.yaml", "results/s holds no results yet"),
        ("show", "copy", "copy holds no results: it has no folder 'tables'"),
        ("report", "copy", "copy holds no results"),
        ("plot", "copy", "copy holds no results"),
        ("show", "begun", "results/begun holds no results yet"),
        ("report", "nothing", "no study file or study 'nothing'"),
        ("show", "half", "half has no findings"),
        ("report", "half", "half is incomplete: half/tables/study.json is not there"),
        ("plot", "half", "half is incomplete: half/tables/study.json is not there"),
        ("summarize", "half", "half is incomplete: half/tables/runs.parquet is not there"),
    ],
)
def test_a_folder_that_is_missing_or_incomplete_is_one_line(verb: str, word: str, told: str) -> None:
    Path("results/begun").mkdir(parents=True)
    Path("half/tables").mkdir(parents=True)
    Path("copy").mkdir()
    done = optbench(verb, word)
    assert isinstance(done.exception, UserError)
    assert told in str(done.exception)
    assert "Errno" not in str(done.exception)


@pytest.mark.usefixtures("here")
def test_the_study_file_that_a_folder_of_somebody_names_is_not_read() -> None:
    """It may be any file of this machine, and what it would say of it."""
    Path("copy").mkdir()
    Path("copy/study_file").write_text("s.yaml\n")
    with pytest.raises(UserError, match=r"^copy holds no results: it has no folder 'tables'$"):
        results_folder("copy")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "problem", [KeyError("seed"), TypeError("a\nb"), ValueError("x"), AttributeError("y"), RuntimeError("z")]
)
def test_a_fault_of_ours_is_not_taken_for_one_of_the_folder(problem: Exception) -> None:
    Path("results/s/tables").mkdir(parents=True)
    with pytest.raises(type(problem)) as told, reading("s"):
        raise problem
    assert told.value is problem


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("problem", [KeyError("seed"), RuntimeError("a drawing process failed")])
def test_a_file_that_is_not_as_optbench_writes_it_is_named_with_its_key(problem: Exception) -> None:
    Path("results/s/tables").mkdir(parents=True)
    Path("results/s/tables/claims.json").write_text('[{"id": "A1", "text": 3}]')
    with pytest.raises(UserError) as told, reading("s"):
        raise problem
    line = "results/s/tables/claims.json is not as optbench writes it: [0].text must be a text; got 3; "
    assert str(told.value).startswith(line)


def test_a_table_that_has_changed_is_named_before_it_is_read(here: Path) -> None:
    done = optbench("run", "s.yaml", "--cores", "1")
    assert done.exit_code == 0, done.output
    table = here / "results" / "s" / "tables" / "runs.parquet"
    content = bytearray(table.read_bytes())
    content[len(content) // 2] ^= 1
    table.write_bytes(content)
    for verb in (("show", "s"), ("report", "s"), ("plot", "s"), ("summarize", "s"), ("compare", "s", "s")):
        told = str(optbench(*verb).exception)
        assert told.startswith("results/s/tables/runs.parquet is corrupt: its content has changed")
    assert table.read_bytes() == content  # whoever only reads renames nothing
    again = optbench("run", "s.yaml", "--cores", "1")
    assert again.exit_code == 0
    assert "set aside as runs.parquet.corrupt and made anew" in again.stderr
    assert optbench("show", "s").exit_code == 0


@pytest.mark.parametrize("said", [".", "../theirs", "tables/.."])
def test_a_result_folder_has_a_name_however_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    """The page goes to reports/<name>, and never beside or above it."""
    (tmp_path / "theirs" / "tables").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "theirs")
    assert results_folder(said).name == "theirs"
