"""Without its warm-up it is torch's cosine."""

from __future__ import annotations

from typing import Any

import pytest

from lab.schedules import rates
from optbench.core.specs import ScheduleSpec


@pytest.mark.parametrize("total", [1, 2, 17, 100])
def test_cosine_without_warmup_is_torchs(total: Any) -> None:
    expected = rates(
        ScheduleSpec("c", "torch.optim.lr_scheduler:CosineAnnealingLR", {"T_max": "100%"}), total
    )
    ours = rates(
        ScheduleSpec(
            "w", "optbench.catalogue.schedules.warmup_cosine:warmup_cosine", {"warmup": 0, "total": "100%"}
        ),
        total,
    )
    assert ours == pytest.approx(expected, abs=1e-12)
