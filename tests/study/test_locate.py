"""A study is found by its file, its name and its results."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab.study_files import study, with_
from optbench.core.errors import UserError
from optbench.study.locate import find_study_file, note_study_file
from optbench.study.resolve import read_study


def test_a_study_is_found_by_its_file_its_name_and_its_results(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    study(folder, with_())
    (folder / "config").mkdir()
    (folder / "config" / "shipped.yaml").touch()
    (folder / "results" / "s").mkdir(parents=True)
    (folder / "results" / "s" / "study_file").write_text("study.yaml\n")
    for argument in ("study.yaml", "s", "results/s"):
        assert find_study_file(argument) == Path("study.yaml")
    assert find_study_file("shipped") == Path("config/shipped.yaml")
    with pytest.raises(UserError, match=r"^no study file or study 'shiped'; did you mean 'shipped'\?$"):
        find_study_file("shiped")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"\x1b[31m\n", b"a\0b\n", None])
def test_a_note_that_is_no_path_is_named_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("study: s\nworkloads: [ravine]\noptimizers: [sgd]\n")
    note = Path("results/s/study_file")
    note.parent.mkdir(parents=True)
    if content is None:
        os.mkfifo(note)
    else:
        note.write_bytes(content)
    with pytest.raises(UserError, match=r"^results/s/study_file is .*: give the study file itself$"):
        find_study_file("s")
    note_study_file(read_study(Path("mine.yaml")))
    assert "it is set aside as study_file.corrupt and written anew" in capsys.readouterr().err
    assert find_study_file("s") == Path("mine.yaml")


def test_a_note_without_its_study_file_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a folder of results that was copied from elsewhere."""
    monkeypatch.chdir(tmp_path)
    Path("results/copied").mkdir(parents=True)
    Path("results/copied/study_file").write_text("theirs.yaml\n")
    told = "results/copied/study_file names theirs.yaml, which is not there: give the study file itself"
    for name in ("copied", "results/copied"):
        with pytest.raises(UserError, match=f"^{told}$"):
            find_study_file(name)
