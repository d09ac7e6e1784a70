"""Modules of the user's own beside the study file."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from lab.study_files import PLUGIN, mistake, study, with_
from optbench.cells.matrix import cells_of
from optbench.core.errors import UserError
from optbench.core.factories import load_factory
from optbench.study.plugins import (
    keep_working_folder_off_path,
    plugins_importable,
    plugins_importable_from,
)


def test_a_module_that_is_not_there(folder: Path) -> None:
    places = f"in {folder} or among the installed packages"
    assert (
        mistake(folder, with_(optimizers="{x: {factory: 'my_lap:Signum', lr: 1}}"))
        == f"optimizers.x.factory: there is no module 'my_lap' {places}; did you mean 'my_lab'?"
    )
    assert (
        mistake(folder, with_(optimizers="{x: {factory: 'torch.no_such:f', lr: 1}}"))
        == f"optimizers.x.factory: there is no module 'torch.no_such' {places}"
    )


@pytest.mark.parametrize(
    ("module", "what"),
    [
        ("os", "is built into Python"),  # frozen
        ("sys", "is built into Python"),
        ("_json", "is "),  # compiled, or built in, by how Python was made
    ],
)
def test_a_module_without_a_source_is_called_what_it_is(folder: Path, module: str, what: str) -> None:
    message = mistake(folder, with_(optimizers=f"{{x: {{factory: '{module}:f', lr: 1}}}}"))
    assert message.startswith(f"optimizers.x.factory: module '{module}' {what}")
    assert message.endswith(
        "and has no source that a cell could be identified by; "
        "name a function of a module in Python that calls it"
    )
    (folder / "bare").mkdir()
    assert mistake(folder, with_(optimizers="{x: {factory: 'bare:f', lr: 1}}")) == (
        "optimizers.x.factory: module 'bare' is a folder without an __init__.py; name a module in it"
    )


@pytest.mark.parametrize("module", ["null", "latin"])
def test_a_module_that_is_no_text(folder: Path, module: str) -> None:
    message = mistake(folder, with_(optimizers=f"{{x: {{factory: '{module}:f', lr: 1}}}}"))
    assert message.startswith(f"optimizers.x.factory: {module}.py")


def test_factories_of_the_users_own(folder: Path) -> None:
    found = study(
        folder,
        with_(
            workloads="{mine: {factory: 'my_lab:line', points: 4, alpha: 3.5},"
            " seen: {factory: 'my_lab:digits', dataset: digits, width: 9}}",
            optimizers="{mine: {factory: 'my_lab:Signum', lr: 0.01, momentum: 1.5, label: Mine},"
            " plain: {factory: 'my_lab:Plain', lr: 1}, open: {factory: 'my_lab:open_ended', lr: 1, any: [1]},"
            " sgd: {factory: 'torch.optim:SGD', lr: 0.05}}",
            schedules="{mine: {factory: 'torch.optim.lr_scheduler:StepLR', step_size: 30%}}",
        ),
    )
    mine = found.optimizers["mine"]
    # Ranges are known for torch's factories and ours; what momentum another one takes is its own business.
    assert (mine.factory, mine.lr, mine.settings, mine.label) == (
        "my_lab:Signum",
        0.01,
        {"momentum": 1.5},
        "Mine",
    )
    assert found.optimizers["sgd"].lr == 0.05
    assert found.workloads["mine"].settings == {"points": 4, "alpha": 3.5}
    assert found.workloads["seen"].dataset is not None
    assert found.workloads["seen"].dataset.name == "digits"
    assert found.schedules["mine"].settings == {"step_size": "30%"}
    assert found.folder == folder.resolve()
    assert len({cell.digest for cell in cells_of(found)}) == len(cells_of(found)) == 2 * 4 * 6


def test_a_plug_in_in_a_package_and_in_namespaces(folder: Path) -> None:
    (folder / "bench" / "inner" / "deep").mkdir(parents=True)  # no __init__: namespace packages
    (folder / "bench" / "inner" / "deep" / "opt.py").write_text(PLUGIN)
    found = study(folder, with_(optimizers="{x: {factory: 'bench.inner.deep.opt:Signum', lr: 1}}"))
    assert len(cells_of(found)) == 6


PLUG_IN = """
import importlib, pickle
import sibling

def statement():
    import late
    return late.VALUE

def dynamic(name):
    return importlib.import_module(name).VALUE

def executed():
    here = {}
    exec("import by_text", globals(), here)
    return here["by_text"].VALUE

def unpickled():
    return pickle.loads(b"cby_pickle\\nVALUE\\n.")

def asked_for(module):
    return module.attempt()
"""

LIBRARY = """
def attempt():
    try:
        import optional_extra
    except ModuleNotFoundError:
        return "without it"
    return optional_extra.VALUE
"""


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A study's folder with a plug-in, modules that it needs, and files that nobody asked for."""
    folder = tmp_path / "study"
    (folder / "package").mkdir(parents=True)
    (folder / "plugged_in.py").write_text(PLUG_IN)
    for name in ("sibling", "late", "by_name", "by_text", "by_pickle", "package/__init__", "package/inner"):
        (folder / f"{name}.py").write_text(f"VALUE = {name!r}\n")
    for name in ("optional_extra", "json", "msvcrt", "torch"):
        (folder / f"{name}.py").write_text("raise RuntimeError('nobody asked for this')\n")
    return folder


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An installed module that tries for another one."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "some_library.py").write_text(LIBRARY)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "site")])
    return importlib.import_module("some_library")


def test_plug_ins_find_what_lies_beside_them_and_libraries_do_not(beside: Path, library: ModuleType) -> None:
    path = list(sys.path)
    with plugins_importable(beside):
        assert sys.path == [*path, str(beside)]
        statement = load_factory("plugged_in:statement")
        assert statement() == "late"
        assert load_factory("plugged_in:dynamic")("by_name") == "by_name"
        assert load_factory("plugged_in:dynamic")("package.inner") == "package/inner"
        assert load_factory("plugged_in:executed")() == "by_text"
        assert load_factory("plugged_in:unpickled")() == "by_pickle"
        assert load_factory("plugged_in:asked_for")(library) == "without it"
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("optional_extra")  # by this module, which lies elsewhere
        assert load_factory("json:loads") is json.loads
    assert sys.path == path
    with pytest.raises(UserError, match="No module named 'late_again'"):
        load_factory("late_again:f")


def test_a_folder_that_is_on_the_path_by_itself_serves_all(
    beside: Path, library: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is installed as editable, say: a package elsewhere may need what lies there."""
    (beside / "optional_extra.py").write_text("VALUE = 'with it'\n")
    path = list(sys.path)
    monkeypatch.setattr(sys, "path", [str(beside), *path])
    with plugins_importable(beside):
        assert sys.path == [*path, str(beside)]
        assert library.attempt() == "with it"


def test_the_working_folder_is_on_no_path_but_that_of_what_plug_ins_start(
    beside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "path_importer_cache", {**sys.path_importer_cache})
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    program = [sys.executable, "-c", "import json, sys; print(json.loads('1'))"]
    keep_working_folder_off_path()
    done = subprocess.run(program, cwd=beside, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
    plugins_importable_from(beside)
    assert "PYTHONSAFEPATH" not in os.environ
    assert sys.path[-1] == str(beside)
    assert subprocess.run(program, cwd=beside, capture_output=True, check=False).returncode == 1
    # Who has set it had a reason.
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    keep_working_folder_off_path()
    plugins_importable_from(beside)
    assert os.environ["PYTHONSAFEPATH"] == "1"
