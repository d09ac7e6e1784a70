"""Linear warm-up, then cosine decay (arXiv 1706.02677, arXiv 1608.03983)."""

from __future__ import annotations

from functools import partial
from math import cos, pi
from typing import TYPE_CHECKING

from torch.optim.lr_scheduler import LambdaLR

from optbench.catalogue.schedules.checks import _check_shape

if TYPE_CHECKING:
    from torch.optim import Optimizer


def warmup_cosine_factor(step: int, warmup: int, total: int, floor: float = 0.0) -> float:
    """Return the share of the learning rate at `step` of a linear warm-up and a cosine decay.

    (step + 1) / (warmup + 1) before `warmup`, then floor + (1 - floor) (1 + cos(pi p)) / 2 with
    p = (step - warmup) / (total - warmup), then `floor` from `total` on. It is 1 just at `warmup` and never
    0 at the start, where a step would be lost. Without warm-up it is torch's CosineAnnealingLR.

    Args:
        step: the optimizer step, >= 0.
        warmup: steps of warm-up, in [0, total].
        total: steps in all, >= 1.
        floor: the share at the end, in [0, 1].
    """
    if step >= total:
        return floor
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return floor + (1 - floor) * (1 + cos(pi * (step - warmup) / (total - warmup))) / 2


def warmup_cosine(optimizer: Optimizer, warmup: int, total: int, floor: float = 0.0) -> LambdaLR:
    """Return the schedule of `warmup_cosine_factor`, whose arguments these are.

    Raises:
        ValueError: an argument is out of its range.
    """
    _check_shape(total, floor, warmup=warmup)
    return LambdaLR(optimizer, partial(warmup_cosine_factor, warmup=warmup, total=total, floor=floor))
