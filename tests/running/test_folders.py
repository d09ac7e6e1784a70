"""What lies in the place of a study's folders is named and set aside before a run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.studies import optbench, write_study
from optbench.core.errors import UserError
from optbench.running.folders import COMPUTED, DERIVED, set_folders_aside, without_place
from optbench.study.resolve import read_study
from optbench.study.study import Study

STUDY = """
    study: s
    seeds: 1
    timing: false
    workloads: {ravine: {spread: 0.1, steps: 5}, digits_mlp: {steps: 3}}
    optimizers: [sgd, adam]
    """


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Of which every folder is there."""
    monkeypatch.chdir(tmp_path)
    found = read_study(write_study(tmp_path, STUDY))
    for name in (*COMPUTED, *DERIVED):
        (found.results / name).mkdir(parents=True)
    for name in ("ravine/sgd/constant", "ravine/adam/constant", "digits_mlp/sgd/constant"):
        (found.results / "cells" / name).mkdir(parents=True)
    Path("reports/s").mkdir(parents=True)
    Path("data/digits").mkdir(parents=True)
    return found


PLACES = (
    "results",
    "results/s",
    *(f"results/s/{name}" for name in (*COMPUTED, *DERIVED)),
    "results/s/cells/ravine",
    "results/s/cells/ravine/sgd",
    "results/s/cells/digits_mlp/sgd/constant",
    "results/s/tuning/ravine",
    "reports",
    "reports/s",
    "data/digits",
)

KINDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "file": (lambda path: path.write_text(""), "is a file, not a folder"),
    "pipe": (os.mkfifo, "is a pipe, not a folder"),
    "loop": (lambda path: path.symlink_to(path.name), "is a link that leads back to itself"),
    "dangling": (lambda path: path.symlink_to("/nowhere/x"), "is a link to /nowhere/x, which is not there"),
}


def replaced(place: Path, make: Callable[[Path], object]) -> None:
    if place.exists():
        shutil.rmtree(place)
    make(place)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", PLACES)
def test_it_is_named_once_and_set_aside(
    study: Study, capsys: pytest.CaptureFixture[str], place: str, kind: str
) -> None:
    make, why = KINDS[kind]
    replaced(Path(place), make)
    aside = Path(f"{place}.corrupt")
    if kind == "dangling" and place in {"results", "reports"}:
        # A disk that is not mounted: all would be computed again, onto another.
        with pytest.raises(UserError, match=f"^{place} {why}: mount or make that, or remove the link$"):
            set_folders_aside(study)
        assert not os.path.lexists(aside)
        return
    then = "prepared again" if place == "data/digits" else "made anew"
    set_folders_aside(study, look_only=True)
    assert capsys.readouterr().err == f"optbench: {place} {why}; it will be {then}\n"
    assert not os.path.lexists(aside)
    set_folders_aside(study)
    assert capsys.readouterr().err == f"optbench: {place} {why}; it is set aside as {aside.name} and {then}\n"
    assert os.path.lexists(aside)
    set_folders_aside(study)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("place", PLACES)
def test_a_link_to_a_folder_elsewhere(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    """The user's own way to another disk; below the results: not entered."""
    Path(place).mkdir(parents=True, exist_ok=True)
    shutil.move(place, tmp_path / "elsewhere")
    Path(place).symlink_to(tmp_path / "elsewhere")
    parts = Path(place).parts
    if parts[0] != "results" or len(parts) < 3:
        set_folders_aside(study)
        assert capsys.readouterr().err == ""
        return
    why = f"{place} is a link that leads out of results/s"
    if parts[2] in DERIVED:
        set_folders_aside(study)
        assert (
            capsys.readouterr().err
            == f"optbench: {why}; it is set aside as {parts[2]}.corrupt and made anew\n"
        )
    else:
        with pytest.raises(UserError, match=f"^{why}: let results/s itself be the link$"):
            set_folders_aside(study)
        assert Path(place).is_symlink()


def test_a_link_within_the_results_is_followed(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("cells", "tables"):
        (study.results / name).rename(study.results / f"{name}.moved")
        (study.results / name).symlink_to(f"{name}.moved")
    set_folders_aside(study)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("folder", "why"),
    [
        ("/dev/null", "/dev/null is a device, not a folder"),
        ("study.yaml", "study.yaml is a file, not a folder"),
        ("study.yaml/data", "study.yaml is a file, not a folder"),
        ("/proc", "/proc/digits cannot be made: No such file or directory"),
        ("d" * 300, "File name too long"),
        ("loop", "loop is a link that leads back to itself"),
        ("dangling", "dangling is a link to nowhere, which is not there"),
    ],
)
def test_a_data_folder_that_is_none_is_one_line_with_its_key(study: Study, folder: str, why: str) -> None:
    Path("loop").symlink_to("loop")
    Path("dangling").symlink_to("nowhere")
    write_study(Path(), f"{STUDY}data_folder: {folder}\n".replace("\n    ", "\n"))
    text = Path("study.yaml").read_text()
    other = read_study(Path("study.yaml"))
    (line,) = without_place(other, other.datasets).values()
    value = folder if len(folder) < 80 else folder[:79]
    assert line.startswith(f"data_folder: '{value}")
    assert line.endswith(f" cannot be used: {why}")
    for verb in ("prepare", "collect"):
        done = optbench(verb, "study.yaml")
        assert done.exit_code == 0, done.exception
    assert optbench("prepare", "study.yaml").stderr == f"optbench: data set digits is not available: {line}\n"
    assert Path("study.yaml").read_text() == text  # the data folder is the user's: nothing there is renamed
    assert Path("dangling").is_symlink()
