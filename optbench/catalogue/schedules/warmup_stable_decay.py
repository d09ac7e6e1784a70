"""Linear warm-up, a plateau, linear decay (arXiv 2404.06395)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from torch.optim.lr_scheduler import LambdaLR

from optbench.catalogue.schedules.checks import _check_shape

if TYPE_CHECKING:
    from torch.optim import Optimizer


def warmup_stable_decay_factor(step: int, warmup: int, decay: int, total: int, floor: float = 0.0) -> float:
    """Return the share of the learning rate at `step` of a linear warm-up, a plateau and a linear decay.

    The least of (step + 1) / (warmup + 1), 1 and floor + (1 - floor) (total - step) / decay; `floor` from
    `total` on. Where warm-up and decay overlap there is no plateau.

    Args:
        step: the optimizer step, >= 0.
        warmup: steps of warm-up, in [0, total].
        decay: steps of decay at the end, in [0, total].
        total: steps in all, >= 1.
        floor: the share at the end, in [0, 1].
    """
    if step >= total:
        return floor
    rising = (step + 1) / (warmup + 1)
    falling = floor + (1 - floor) * (total - step) / decay if decay else 1.0
    return min(rising, 1.0, falling)


def warmup_stable_decay(
    optimizer: Optimizer, warmup: int, decay: int, total: int, floor: float = 0.0
) -> LambdaLR:
    """Return the schedule of `warmup_stable_decay_factor` (arXiv 2404.06395), whose arguments these are.

    Raises:
        ValueError: an argument is out of its range.
    """
    _check_shape(total, floor, warmup=warmup, decay=decay)
    factor = partial(warmup_stable_decay_factor, warmup=warmup, decay=decay, total=total, floor=floor)
    return LambdaLR(optimizer, factor)
