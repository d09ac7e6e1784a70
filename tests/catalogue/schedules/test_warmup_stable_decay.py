"""Decay all the way is torch's polynomial; parts that overlap meet."""

from __future__ import annotations

from typing import Any

import pytest

from lab.schedules import rates
from optbench.catalogue.schedules.warmup_stable_decay import warmup_stable_decay_factor
from optbench.core.specs import ScheduleSpec, Setting


@pytest.mark.parametrize("total", [2, 17, 100])
def test_decay_all_the_way_is_torchs_polynomial(total: Any) -> None:
    linear = ScheduleSpec("p", "torch.optim.lr_scheduler:PolynomialLR", {"total_iters": "100%"})
    settings: dict[str, Setting] = {"warmup": 0, "decay": "100%", "total": "100%"}
    ours = rates(
        ScheduleSpec("w", "optbench.catalogue.schedules.warmup_stable_decay:warmup_stable_decay", settings),
        total,
    )
    assert ours == pytest.approx(rates(linear, total), abs=1e-12)


def test_warmup_and_decay_that_overlap_meet() -> None:
    shape = [warmup_stable_decay_factor(t, 4, 4, 5) for t in range(6)]
    assert shape == pytest.approx([0.2, 0.4, 0.6, 0.5, 0.25, 0])
