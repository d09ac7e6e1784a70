"""Workloads that are formulas: no data, float64, the least loss known, every step evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from optbench.catalogue.workloads.landscapes import (
    DOUBLE_WELL_START,
    RAVINE_START,
    ROSENBROCK_START,
    SADDLE_START,
    SLOPE_START,
)
from optbench.catalogue.workloads.landscapes import double_well as double_well_height
from optbench.catalogue.workloads.landscapes import ravine as ravine_height
from optbench.catalogue.workloads.landscapes import rosenbrock as rosenbrock_height
from optbench.catalogue.workloads.landscapes import saddle as saddle_height
from optbench.catalogue.workloads.landscapes import slope as slope_height
from optbench.catalogue.workloads.workload import Workload

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Generator, Tensor

    from optbench.catalogue.workloads.workload import Batch


class Point(nn.Module):
    """One vector to be moved; calling it gives the vector.

    Args:
        start: where it starts, shape (coordinates,), float64.
    """

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.position = nn.Parameter(start)

    def forward(self) -> Tensor:
        """Return the position, shape (coordinates,)."""
        return self.position


def ravine(spread: float = 0.0) -> Workload:
    """Return the textbook's ravine `x^2/16 + 9 y^2` from (-2.4, 0.2), 50 steps.

    Args:
        spread: standard deviation of the start about that one (>= 0), drawn for each seed.
    """
    return _on_landscape("ravine", ravine_height, RAVINE_START, ("x", "y"), steps=50, spread=spread)


def rosenbrock(spread: float = 0.0) -> Workload:
    """Return Rosenbrock's curved valley from (-1.2, 1), 1000 steps.

    Args:
        spread: standard deviation of the start about that one (>= 0), drawn for each seed.
    """
    return _on_landscape(
        "rosenbrock", rosenbrock_height, ROSENBROCK_START, ("x", "y"), steps=1000, spread=spread
    )


def saddle(spread: float = 0.0) -> Workload:
    """Return a strict saddle started 0.001 beside its stable manifold, 100 steps.

    Args:
        spread: standard deviation of the start about that one (>= 0), drawn for each seed.
    """
    return _on_landscape("saddle", saddle_height, SADDLE_START, ("x", "y"), steps=100, spread=spread)


def double_well(spread: float = 0.0) -> Workload:
    """Return one coordinate with a poor and a good minimum, started above the poor one, 100 steps.

    See `optbench.catalogue.workloads.landscapes.double_well` for the learning rates at which momentum leaves
    the poor well and plain gradient descent does not.

    Args:
        spread: standard deviation of the start about that one (>= 0), drawn for each seed.
    """
    return _on_landscape(
        "double_well", double_well_height, DOUBLE_WELL_START, ("x",), steps=100, spread=spread
    )


def slope(spread: float = 0.0) -> Workload:
    """Return one coordinate on `|x|` from 40: a gradient of 1 at every step on the way down, 100 steps.

    Args:
        spread: standard deviation of the start about that one (>= 0), drawn for each seed.
    """
    return _on_landscape("slope", slope_height, SLOPE_START, ("x",), steps=100, spread=spread)


def quadratic(condition: float = 100.0, dimension: int = 10, noise: float = 0.0) -> Workload:
    """Return `sum_i h_i w_i^2 / 2`, with closed forms for everything an optimizer does; 200 steps.

    The eigenvalues h_i are spaced evenly in the logarithm from 1/condition (w1) to 1 (the last coordinate);
    one dimension has h = 1. Plain descent converges for lr < 2. The start is drawn from N(0, 1), each
    coordinate apart, under the initialisation stream: from equal coordinates a method of equal steps (Adam,
    sign momentum) would reach every coordinate's optimum at once, a feat of the start and not of the method.

    With `noise`, each step's gradient is off by xi ~ N(0, noise^2) a coordinate, drawn from the cell's
    augmentation stream and added to the training loss as xi . w. Evaluations stay free of it: the optimum
    is 0 and the stationary loss of plain descent `sum_i lr noise^2 / (2 (2 - lr h_i))`.

    The axes are the eigenvectors, which flatters methods with one step size a coordinate: use it to check
    numbers and to see curvature's part, not to rank such methods against the others.

    Args:
        condition: largest over smallest curvature (>= 1).
        dimension: the number of coordinates (>= 1).
        noise: standard deviation of a gradient entry's noise (>= 0).

    Raises:
        ValueError: an argument is out of its range.
    """
    _require("condition", condition, 1)
    _require("noise", noise, 0)
    if not isinstance(dimension, int) or dimension < 1:
        raise ValueError(f"dimension must be a whole number >= 1; got {dimension!r}")
    exponents = [i / (dimension - 1) - 1 for i in range(dimension)] if dimension > 1 else [0.0]
    curvatures = torch.tensor([condition**e for e in exponents], dtype=torch.float64)

    def loss(model: nn.Module, batch: Batch) -> Tensor:
        w = model()
        height: Tensor = (curvatures.to(w.device) * w * w).sum() / 2
        return height + batch[0] @ w if batch else height

    def tilt(_: Batch, generator: Generator) -> Batch:
        xi = torch.randn(dimension, generator=generator, dtype=torch.float64, device=generator.device)
        return (noise * xi,)

    return Workload(
        model=lambda: Point(torch.randn(dimension, dtype=torch.float64)),
        loss=loss,
        steps=200,
        eval_every=1,
        optimum=0.0,
        augment=tilt if noise > 0 else None,
        coordinates=tuple(f"w{i + 1}" for i in range(dimension)),
    )


def _on_landscape(
    name: str,
    surface: Callable[..., Tensor],
    start: tuple[float, ...],
    coordinates: tuple[str, ...],
    steps: int,
    spread: float,
) -> Workload:
    _require("spread", spread, 0)

    # The surface itself, not all of them by name: a cell's digest covers what its workload leads to.
    def loss(model: nn.Module, _: Batch) -> Tensor:
        return surface(*model().unbind())

    def model() -> nn.Module:
        about = torch.tensor(start, dtype=torch.float64)
        return Point(about + spread * torch.randn(len(start), dtype=torch.float64) if spread else about)

    return Workload(
        model=model,
        loss=loss,
        steps=steps,
        eval_every=1,
        optimum=0.0,
        coordinates=coordinates,
        landscape=name,
    )


def _require(key: str, value: object, low: int) -> None:
    if not isinstance(value, int | float) or not low <= value < float("inf"):
        raise ValueError(f"{key} must be a finite number >= {low}; got {value!r}")
