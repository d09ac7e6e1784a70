"""What several of these tests share: a browser, which takes a second to start."""

from __future__ import annotations

import os

import pytest

from lab.browser import CHROMIUM, FLAGS


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if CHROMIUM is None:
        if os.environ.get("OPTBENCH_REQUIRE_ALL"):
            pytest.fail("chromium is not installed, and this run must not skip its tests")
        pytest.skip("chromium is not installed (apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS, headless=True)
        yield chromium
        chromium.close()
