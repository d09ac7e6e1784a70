"""What every test shares: one thread for torch, and system packages that CI must not skip."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny models are slow with several threads, and tests run side by side."""
    import torch

    torch.set_num_threads(1)
    yield


@pytest.fixture
def chromium() -> str:
    """Path of Debian's Chromium."""
    found = shutil.which("chromium")
    if found is None:
        if os.environ.get("OPTBENCH_REQUIRE_ALL"):
            pytest.fail("chromium is not installed, and this run must not skip its tests")
        pytest.skip("chromium is not installed (apt-get install chromium)")
    return found


@pytest.fixture
def project() -> Path:
    """The root of the checkout."""
    return Path(__file__).parents[1]
