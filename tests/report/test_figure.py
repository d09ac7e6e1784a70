"""Names of figures are unique and safe."""

from __future__ import annotations

import re

from lab.fabricate import HOSTILE
from optbench.report.figure import UniqueIds


def test_stems_are_unique_and_safe():
    stems = UniqueIds()
    found = [stems.unique("a", name) for name in (*HOSTILE, *HOSTILE, "A/b", "a/B")]
    assert len({s.lower() for s in found}) == len(found)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", s) for s in found)
