"""Tests lie as the package does: a folder a package, a file a module."""

from __future__ import annotations

from lab.checkout import ROOT

TESTS, PACKAGE = ROOT / "tests", ROOT / "optbench"

APART = ("whole", "lab")
"""Folders of no package: what goes through several of them, and what tests share."""

EXCEPTIONS = {
    "cells/test_whole_slice.py": "what the slice of a whole cell holds and leaves out, module by module",
    "cells/test_why_more.py": "the half of `why` that is about choices, timings and data",
    "findings/test_openings.py": "findings of every module there that open a section of the page",
}
"""Files that have no module of their name, each with its reason."""


def test_a_file_of_tests_is_named_after_its_module() -> None:
    """Or after its package, where it holds of all of that."""
    strange = set()
    for file in TESTS.rglob("test_*.py"):
        place = file.relative_to(TESTS)
        if place.parts[0] in APART:
            continue
        name = place.stem.removeprefix("test_")
        module = PACKAGE / place.parent / name
        if not (module.with_suffix(".py").is_file() or module.is_dir() or name == place.parent.name):
            strange.add(place.as_posix())
    assert strange == set(EXCEPTIONS)


def test_nothing_lies_beside_the_folders() -> None:
    assert {file.name for file in TESTS.glob("*.py")} == {"conftest.py"}
    packages = {folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").is_file()}
    here = {file.relative_to(TESTS).parts[0] for file in TESTS.rglob("*.py")} - {"conftest.py"}
    assert here <= packages | set(APART)


def test_what_tests_share_lies_in_lab() -> None:
    """No file of tests imports another: xdist gives files to processes, and each is read by itself."""
    importing = {
        file.relative_to(TESTS).as_posix()
        for file in TESTS.rglob("*.py")
        for line in file.read_text(encoding="utf-8").splitlines()
        if line.startswith(("from test_", "import test_"))
    }
    assert importing == set()
