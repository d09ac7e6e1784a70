"""Where a module is found: as the import system of a process that runs plug-ins finds it."""

from __future__ import annotations

import json
import sys
import sysconfig
from pathlib import Path

import pytest

from optbench.study.modules import file_beside, find, lies_in, module_file

STANDARD = Path(sysconfig.get_path("stdlib"))


def touch(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")


def test_the_folder_comes_last(tmp_path: Path) -> None:
    touch(
        tmp_path, "json.py", "queue/__init__.py", "select.py", "sys.py", "own.py", "own_package/__init__.py"
    )
    assert module_file("json", tmp_path) == Path(json.__file__)
    assert module_file("queue", tmp_path) == STANDARD / "queue.py"
    assert module_file("select", tmp_path) is None  # compiled
    assert module_file("sys", tmp_path) is None  # built in
    assert module_file("own", tmp_path) == tmp_path / "own.py"
    assert module_file("own_package", tmp_path) == tmp_path / "own_package" / "__init__.py"


def test_where_an_installed_package_is_found_its_modules_are_too(tmp_path: Path) -> None:
    touch(tmp_path, "torch/optim/__init__.py", "torch/mine.py")
    found = module_file("torch.optim", tmp_path)
    assert found is not None
    assert not found.is_relative_to(tmp_path)
    assert module_file("torch.mine", tmp_path) is None


def test_a_folder_that_is_on_the_path_comes_last_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the working folder is in a process that was started with `python -m`."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), "", *sys.path])
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "json.py", "own.py")
    assert module_file("json", tmp_path) == Path(json.__file__)
    assert module_file("own", tmp_path) == tmp_path / "own.py"


def test_beside_the_interpreter_lie_no_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of a command is on the path of that command, and of no process that trains."""
    commands, folder = tmp_path / "bin", tmp_path / "study"
    touch(tmp_path, "bin/jp.py", "study/jp.py")
    monkeypatch.setattr(sys, "executable", str(commands / "python"))
    monkeypatch.setattr(sys, "path", [str(commands), *sys.path])
    assert module_file("jp", folder) == folder / "jp.py"


def test_the_program_itself_is_no_module(tmp_path: Path) -> None:
    touch(tmp_path, "__main__.py")
    assert find("__main__", tmp_path) is None


def test_files_of_a_module_in_the_folder(tmp_path: Path) -> None:
    touch(tmp_path, "one.py", "two/__init__.py", "two.py", "three/deep.py")
    assert file_beside("one", tmp_path) == tmp_path / "one.py"
    assert file_beside("two", tmp_path) == tmp_path / "two" / "__init__.py"  # as Python prefers it
    assert file_beside("three", tmp_path) is None
    assert file_beside("three.deep", tmp_path) == tmp_path / "three" / "deep.py"
    assert lies_in(tmp_path, "three.deep", tmp_path / "three" / "deep.py")
    assert not lies_in(tmp_path, "deep", tmp_path / "three" / "deep.py")
