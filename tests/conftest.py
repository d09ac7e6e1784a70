"""What every test shares: one thread for torch, and system packages that CI must not skip."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.checkout import ROOT

LONG = (
    "test_cluster",
    "test_workflow",
    "test_tuning_workflow",
    "test_race_workflow",
    "test_kill",
    "test_supervisor",
    "test_ends",
    "test_isolation",
    "test_corrupt",
    "test_docs_run",
)
"""Files that take minutes, the longest first: begun last, one of them would run alone at the end."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One process more than there are processors: tests of whole pipelines mostly wait for others."""
    return len(os.sched_getaffinity(0)) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the long files first."""
    place = {name: index for index, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path.stem, len(LONG)))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny models are slow with several threads, and tests run side by side."""
    import torch

    torch.set_num_threads(1)
    yield


@pytest.fixture(autouse=True)
def own_plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Forgets the modules that a test wrote and imported: the next test's `plugin` is another file."""
    places = [*sys.path]
    yield
    sys.path[:] = places
    written = str(tmp_path_factory.getbasetemp())
    for name, module in sys.modules.copy().items():  # what a look at a module frees may import another
        if (getattr(module, "__file__", None) or "").startswith(written):
            del sys.modules[name]


@pytest.fixture
def chromium() -> str:
    """Path of Debian's Chromium."""
    found = shutil.which("chromium")
    if found is None:
        if os.environ.get("OPTBENCH_REQUIRE_ALL"):
            pytest.fail("chromium is not installed, and this run must not skip its tests")
        pytest.skip("chromium is not installed (apt-get install chromium)")
    return found


@pytest.fixture(scope="session")
def project() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture
def trained_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells are trained in this process, for tests that are not about processes."""
    from lab.studies import TrainingHere

    monkeypatch.setattr("optbench.running.supervisor.start_child", TrainingHere)
