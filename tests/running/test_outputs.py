"""What stages wrote is held against its checksums; what has changed is set aside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from optbench.core.checksums import sums_path
from optbench.core.errors import CorruptFileError
from optbench.running.outputs import (
    OUTPUTS,
    check_outputs,
    forget_outputs_of_another,
    is_unfinished,
    set_outputs_aside,
    spoilt_drawings,
    summed_stage,
)
from optbench.study.resolve import read_study
from optbench.study.study import Study


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every file of every stage, and two drawings."""
    monkeypatch.chdir(tmp_path)
    folder = Path("results", "s")
    for stage, names in OUTPUTS.items():
        root = Path("reports", "s") if stage == "report" else folder
        with summed_stage(folder, stage):
            for name in names:
                file = root / name.replace("*", "drawn")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(name)
    (folder / "study_file").write_text("study.yaml\n")
    return folder


def test_nothing_is_said_of_what_is_as_it_was(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check_outputs(results, *OUTPUTS)
    set_outputs_aside(results)
    assert capsys.readouterr().err == ""
    assert all(sums_path(results, stage).exists() for stage in OUTPUTS)


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("tables/runs.csv", "collect"),
        ("tables/curves.parquet", "collect"),
        ("tables/claims.json", "summarize"),
        ("tables/oracle.csv", "oracle"),
        ("figures/figures.json", "plot"),
        ("figures/drawn.svg", "plot"),
    ],
)
def test_one_spoilt_file_is_set_aside_and_its_stage_has_no_checksums(
    results: Path, capsys: pytest.CaptureFixture[str], name: str, stage: str
) -> None:
    file = results / name
    file.write_text("spoilt")
    if file.suffix == ".svg":  # one drawing does not cost the page: it is left out of it
        check_outputs(results, *OUTPUTS)
        assert list(spoilt_drawings(results)) == [file.name]
    else:
        with pytest.raises(CorruptFileError, match=f"^{file} is corrupt: .*the next run makes it anew"):
            check_outputs(results, *OUTPUTS)
        assert spoilt_drawings(results) == {}
    set_outputs_aside(results, look_only=True)
    assert file.read_text() == "spoilt"
    assert capsys.readouterr().err.endswith("; it will be made anew\n")
    set_outputs_aside(results)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(f"; it is set aside as {file.name}.corrupt and made anew")
    assert file.with_name(f"{file.name}.corrupt").read_text() == "spoilt"
    assert {one for one in OUTPUTS if not sums_path(results, one).exists()} == {stage}


def test_no_run_is_promised_where_none_will_be(results: Path) -> None:
    theirs = results.rename("theirs")
    (theirs / "tables/runs.csv").write_text("spoilt")
    with pytest.raises(CorruptFileError) as told:
        check_outputs(theirs, *OUTPUTS)
    assert (
        str(told.value) == "theirs/tables/runs.csv is corrupt: its content has changed since it was written"
    )


def test_a_page_and_a_lost_drawing(results: Path) -> None:
    page = Path("reports", "s", "index.html")
    page.write_text("spoilt")
    (results / "figures" / "drawn.svg").unlink()
    set_outputs_aside(results)
    assert not page.exists()
    assert not sums_path(results, "report").exists()
    assert not sums_path(results, "plot").exists()


def test_spoilt_checksums_are_set_aside(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sums = sums_path(results, "summarize")
    sums.write_bytes(b"\xff")
    set_outputs_aside(results)
    assert "summarize.sha256.corrupt" in capsys.readouterr().err
    assert not sums.exists()


STUDY = "study: s\nseeds: 1\nworkloads: [ravine]\noptimizers: [sgd]\n"


def study_of(name: str, text: str = STUDY) -> Study:
    Path(name).write_text(text)
    return read_study(Path(name))


def made_from(results: Path, study: Study) -> None:
    facts = {"config_path": study.file.as_posix(), "config_text": study.text}
    (results / "tables" / "study.json").write_text(json.dumps(facts))


def test_tables_of_the_same_text_stay(results: Path) -> None:
    study = study_of("a.yaml")
    made_from(results, study)
    assert not forget_outputs_of_another(study)
    # The same file by another path.
    assert not forget_outputs_of_another(read_study(Path("a.yaml").absolute()))
    assert all(sums_path(results, stage).exists() for stage in OUTPUTS)
    assert not is_unfinished(study)


@pytest.mark.parametrize(
    ("name", "text"), [("a.yaml", f"{STUDY}title: other\n"), ("a.yaml", f"{STUDY}\n"), ("b.yaml", STUDY)]
)
def test_tables_of_another_text_or_file_are_made_anew_by_every_stage(
    results: Path, name: str, text: str
) -> None:
    made_from(results, study_of("a.yaml"))
    other = study_of(name, text)
    assert forget_outputs_of_another(other, look_only=True)
    assert all(sums_path(results, stage).exists() for stage in OUTPUTS)
    assert forget_outputs_of_another(other)
    assert not any(sums_path(results, stage).exists() for stage in OUTPUTS)
    assert is_unfinished(other)


@pytest.mark.parametrize("content", [None, "{", "[]", '{"config_text": 3, "config_path": []}'])
def test_tables_that_do_not_say_are_no_mistake(results: Path, content: str | None) -> None:
    file = results / "tables" / "study.json"
    file.unlink()
    if content is not None:
        file.write_text(content)
    assert forget_outputs_of_another(study_of("a.yaml")) == (content is not None and content[-1:] == "}")


def test_what_has_no_page_is_not_unfinished_and_an_oracle_is_asked_for_where_there_is_one(
    results: Path,
) -> None:
    plain, asking = study_of("a.yaml"), study_of("b.yaml", f"{STUDY}oracle: true\n")
    sums_path(results, "oracle").unlink()
    assert not is_unfinished(plain)
    assert is_unfinished(asking)
    Path("reports/s/index.html").unlink()
    assert not is_unfinished(asking)
