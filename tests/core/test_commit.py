"""Which commit the numbers come from."""

from __future__ import annotations

from pathlib import Path

import pytest

import optbench
from optbench.core import provenance


def test_changes_anywhere_in_the_package_count(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    def git(*words: object) -> str:
        asked.append(tuple(map(str, words)))
        return ""

    monkeypatch.setattr(provenance, "_git", git)
    provenance.commit.cache_clear()
    provenance.commit()
    provenance.commit.cache_clear()
    assert asked[-1][-1] == str(Path(optbench.__file__).resolve().parent)
