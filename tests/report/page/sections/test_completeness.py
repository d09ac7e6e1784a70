"""The counts of cells add up."""

from __future__ import annotations

import pandas as pd
import pytest

from lab.fabricate import Fake
from lab.pages import MIXED
from optbench.core.status import STATUSES
from optbench.report.page.sections.completeness import status_counts


def test_counts_add_up(mixed):
    _, page = mixed
    assert "48 expected = 41 ok + 3 diverged + 1 error + 1 killed + 1 timeout + 1 missing" in page.text
    for fake in (MIXED, Fake(status="error"), Fake(seeds=1)):
        cells = [
            {"cell": (cell := f"{w}/{o}/{s}/{seed}"), "status": fake.statuses.get(cell, fake.status)}
            for w in fake.workloads
            for o in fake.optimizers
            for s in fake.schedules
            for seed in range(fake.seeds)
        ]
        found = status_counts(pd.DataFrame(cells), "demo")
        assert found.expected == len(cells) == sum(part.count for part in found.parts)
        assert [part.status for part in found.parts] == list(STATUSES)
        assert sum(part.width for part in found.parts) == pytest.approx(1000, abs=1)
        assert all(part.width > 0 for part in found.parts if part.count)
