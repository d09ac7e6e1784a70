"""Workloads of the oracle's study (docs/reference/oracle.md): losses on which optimizers have closed forms.

No data, float64, a fixed start, every step evaluated. They are for checking numbers: a study that compares
optimizers finds its analytic losses in `optbench.catalogue.workloads.analytic`.
"""

from __future__ import annotations

from itertools import cycle
from math import isfinite
from typing import TYPE_CHECKING

import torch

from optbench.catalogue.workloads.analytic import Point
from optbench.catalogue.workloads.workload import Workload

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Generator, Tensor, nn

    from optbench.catalogue.workloads.workload import Batch

RECORDED_COORDINATES = 8
"""A point of more coordinates than these leaves its path unrecorded."""


def spectrum(curvatures: list[float], start: float = 1.0, noise: float = 0.0, copies: int = 1) -> Workload:
    """Return `sum_i h_i w_i^2 / 2` with the eigenvalues h_i given, from w_i = `start`; 400 steps.

    With `noise`, each step's gradient is off by xi ~ N(0, noise^2) a coordinate, drawn from the cell's
    augmentation stream and added to the training loss as xi . w. Evaluations stay free of it.

    Args:
        curvatures: the eigenvalues h_i (> 0).
        start: where every coordinate starts.
        noise: standard deviation of a gradient entry's noise (>= 0).
        copies: how often every eigenvalue stands in the sum (>= 1): independent copies of one experiment.

    Raises:
        ValueError: an argument is out of its range.
    """
    if not curvatures or not all(isfinite(h) and h > 0 for h in curvatures):
        raise ValueError(f"curvatures must be finite numbers > 0, at least one; got {curvatures!r}")
    if not (isfinite(noise) and noise >= 0):
        raise ValueError(f"noise must be a finite number >= 0; got {noise!r}")
    if not isinstance(copies, int) or copies < 1:
        raise ValueError(f"copies must be a whole number >= 1; got {copies!r}")
    h = torch.tensor(curvatures, dtype=torch.float64).repeat_interleave(copies)

    def loss(model: nn.Module, batch: Batch) -> Tensor:
        w = model()
        height: Tensor = (h.to(w.device) * w * w).sum() / 2
        return height + batch[0] @ w if batch else height

    def tilt(_: Batch, generator: Generator) -> Batch:
        xi = torch.randn(len(h), generator=generator, dtype=torch.float64, device=generator.device)
        return (noise * xi,)

    return _workload(loss, [start] * len(h), 400, optimum=0.0, augment=tilt if noise > 0 else None)


def slope(gradient: float = 1.0, start: float = 1.0) -> Workload:
    """Return `gradient * w` from w = `start`: one gradient for ever, and no least value; 100 steps.

    Args:
        gradient: the slope; 0 makes a plain on which only weight decay moves.
        start: where w starts.
    """
    return _workload(lambda model, _: (gradient * model()).sum(), [start], 100)


def alternating(gradient: float = 1.0) -> Workload:
    """Return a loss whose gradient is +gradient, -gradient, ... from step to step; from w = 0, 200 steps.

    The sign comes with the training batch. An evaluation has no batch and sees the mean of both signs, 0.

    Args:
        gradient: the size.
    """
    signs = cycle((1.0, -1.0))

    def loss(model: nn.Module, batch: Batch) -> Tensor:
        total: Tensor = (model() * (batch[0] if batch else 0.0)).sum()
        return total

    def turn(_: Batch, generator: Generator) -> Batch:
        sign = next(signs) * gradient
        return (torch.full((1,), sign, dtype=torch.float64, device=generator.device),)

    return _workload(loss, [0.0], 200, augment=turn)


def _workload(
    loss: Callable[[nn.Module, Batch], Tensor],
    start: list[float],
    steps: int,
    *,
    optimum: float | None = None,
    augment: Callable[[Batch, Generator], Batch] | None = None,
) -> Workload:
    recorded = len(start) if len(start) <= RECORDED_COORDINATES else 0
    return Workload(
        model=lambda: Point(torch.tensor(start, dtype=torch.float64)),
        loss=loss,
        steps=steps,
        eval_every=1,
        optimum=optimum,
        augment=augment,
        coordinates=tuple(f"w{i + 1}" for i in range(recorded)),
    )
