"""A study is found by its file, its name and its results."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.study_files import study, with_
from optbench.core.errors import UserError
from optbench.study.locate import find_study_file


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
