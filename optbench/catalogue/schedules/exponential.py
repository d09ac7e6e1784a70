"""Exponential decay to a share of the learning rate at the end of the budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.optim.lr_scheduler import ExponentialLR

from optbench.catalogue.schedules.checks import _check_shape

if TYPE_CHECKING:
    from torch.optim import Optimizer


def exponential(optimizer: Optimizer, total: int, final: float = 0.01) -> ExponentialLR:
    """Return torch's ExponentialLR with gamma = final ** (1 / total), which falls to `final` lr at `total`.

    Args:
        optimizer: whose learning rates it moves.
        total: steps in all, >= 1.
        final: the share of the learning rate that is left at `total`, in (0, 1].

    Raises:
        ValueError: an argument is out of its range.
    """
    _check_shape(total, 0.0)
    if not 0 < final <= 1:
        raise ValueError(f"final must be in (0, 1]; got {final!r}")
    return ExponentialLR(optimizer, gamma=final ** (1 / total))
