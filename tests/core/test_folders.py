"""Folders are made and entered where they are folders, and never by a link that leads out."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from optbench.core.errors import CorruptFileError
from optbench.core.files import open_for_writing, set_aside, sweep, write_atomically, write_text
from optbench.core.folders import LeadsOutError, folder_problem, is_own, make_folder

IN_ITS_PLACE: dict[str, Callable[[Path], object]] = {
    "is a file, not a folder": lambda path: path.write_text(""),
    "is a pipe, not a folder": os.mkfifo,
    "is a device, not a folder": lambda path: path.symlink_to("/dev/null"),
    "is a link to nowhere, which is not there": lambda path: path.symlink_to("nowhere"),
    "is a link that leads back to itself": lambda path: path.symlink_to(path.name),
}


@pytest.mark.parametrize(("why", "make"), IN_ITS_PLACE.items())
@pytest.mark.parametrize("below", ["", "a", "a/b"])
def test_what_is_no_folder_is_named_itself(
    tmp_path: Path, why: str, make: Callable[[Path], object], below: str
) -> None:
    place = tmp_path / "place"
    make(place)
    for home in (None, tmp_path):
        with pytest.raises(CorruptFileError) as told:
            make_folder(place / below, home)
        assert (told.value.path, told.value.why) == (place, why)
    with pytest.raises(CorruptFileError, match=why), write_atomically(place / below / "file"):
        pass
    assert os.path.lexists(place)


def test_links_within_a_folder_are_followed_and_those_out_of_it_are_not(tmp_path: Path) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    (home / "real").mkdir(parents=True)
    outside.mkdir()
    (home / "in").symlink_to("real")
    (home / "out").symlink_to(outside)
    (tmp_path / "linked").symlink_to(home)
    for root in (home, tmp_path / "linked"):  # that the home is a link itself is its owner's choice
        make_folder(root / "in" / "a", root)
        with pytest.raises(LeadsOutError, match=f"^{root}/out is a link that leads out of {root}$") as told:
            make_folder(root / "out" / "a", root)
        assert str(copy.copy(told.value)) == str(told.value)  # as it goes from one process to another
    assert (home / "real" / "a").is_dir()
    assert folder_problem(home / "out") is None
    assert list(outside.iterdir()) == []


def test_a_name_that_is_too_long_is_the_system_s_to_refuse(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="too long"):
        make_folder(tmp_path / ("a" * 300))


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_replaced_itself(tmp_path: Path, *, there: bool) -> None:
    goal = tmp_path / "goal"
    if there:
        goal.write_text("another's")
    path = tmp_path / "path"
    path.symlink_to(goal)
    # So is one that lies where the unfinished file is written.
    (tmp_path / f".path.{os.getpid()}").symlink_to(goal)
    write_text(path, "mine")
    assert path.read_text() == "mine"
    assert not path.is_symlink()
    assert (goal.read_text() == "another's") if there else not goal.exists()


@pytest.mark.parametrize(
    ("why", "make"),
    [
        ("is a link, not a file", lambda path: path.symlink_to("nowhere")),
        ("is a link, not a file", lambda path: path.symlink_to("/dev/null")),
        ("is a folder, not a file", Path.mkdir),
        ("is a pipe, not a file", os.mkfifo),
    ],
)
def test_what_keeps_its_place_is_written_to_where_it_is_a_file(
    tmp_path: Path, why: str, make: Callable[[Path], object]
) -> None:
    path = tmp_path / "lock"
    make(path)
    with pytest.raises(CorruptFileError, match=why):
        open_for_writing(path)
    set_aside(path)
    os.close(open_for_writing(path))
    assert path.is_file()
    assert not (tmp_path / "nowhere").exists()


def test_folders_that_are_set_aside_are_kept_all(tmp_path: Path) -> None:
    for count in range(12):
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / str(count)).touch()
        set_aside(tmp_path / "a")
    assert {int(file.name) for file in tmp_path.glob("*/*")} == set(range(12))


def test_a_folder_that_is_named_like_an_unfinished_file_is_not_swept(tmp_path: Path) -> None:
    (tmp_path / ".a.1").mkdir()
    (tmp_path / ".a.2").touch()
    (tmp_path / ".a.3").symlink_to("nowhere")
    sweep(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [".a.1"]


def test_results_are_one_s_own_where_a_run_here_made_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in (Path("results/mine"), Path("theirs"), Path("results/copied")):
        folder.mkdir(parents=True)
        if folder.name != "copied":
            (folder / "study_file").write_text("study.yaml\n")
    assert is_own(Path("results/mine"))
    assert is_own(tmp_path / "results/mine")
    assert not is_own(Path("theirs"))
    assert not is_own(Path("results/copied"))
