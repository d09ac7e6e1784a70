"""The page that most tests look at."""

from __future__ import annotations

import pytest

from lab.pages import Page, mixed_page


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    path = mixed_page(tmp_path_factory)
    return path, Page(path.read_text(encoding="utf-8"))
