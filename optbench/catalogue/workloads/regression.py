"""Linear and logistic regression: convex losses whose least value an independent solver gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from optbench.catalogue.workloads.workload import Workload

if TYPE_CHECKING:
    from optbench.catalogue.datasets.load import Data
    from optbench.catalogue.workloads.workload import Batch


def linear_regression() -> Workload:
    """Return the textbook's line: y = 3x + 2 + 0.5 e over 1,000 points, full batch, 1,000 epochs.

    The points are what torch draws after `manual_seed(42)`. The optimum is the least-squares loss 0.265645,
    solved in float64; the target lies 1% above it.
    """
    generator = torch.Generator().manual_seed(42)
    x = torch.randn(1000, 1, generator=generator)
    y = 3 * x + 2 + 0.5 * torch.randn(1000, 1, generator=generator)
    design = torch.cat([x, torch.ones_like(x)], dim=1).double()
    solution = torch.linalg.lstsq(design, y.double()).solution
    optimum = float(((design @ solution - y) ** 2).mean())
    return Workload(
        model=lambda: nn.Linear(1, 1),
        loss=_squared_error,
        train=(x, y),
        epochs=1000,
        eval_every=1,
        target=1.01 * optimum,
        optimum=optimum,
        coordinates=("slope", "intercept"),
    )


def logistic_regression(data: Data, l2: float = 1e-3) -> Workload:
    """Return logistic regression on a table with two classes; batch 32, 20 epochs.

    The loss is the mean cross-entropy plus `l2 |weights|^2 / 2` (the bias is free), on every split alike.
    Columns are standardised by the training split's mean and deviation. `optimum` is the least training
    loss, found by Newton's method in float64.

    Args:
        data: x a table (examples, columns) of floats, y labels 0 and 1.
        l2: weight of the penalty (> 0, so that separable data has a least loss too).

    Raises:
        ValueError: `l2` is not positive, or the data is no table with two classes.
    """
    if not isinstance(l2, int | float) or not 0 < l2 < float("inf"):
        raise ValueError(f"l2 must be a finite number > 0; got {l2!r}")
    if data.n_classes != 2 or data.train[0].ndim != 2:  # noqa: PLR2004 - yes or no; rows and columns
        raise ValueError("dataset must be a table with two classes")
    mean, deviation = data.train[0].double().mean(dim=0), data.train[0].double().std(dim=0)
    deviation = torch.where(deviation > 0, deviation, 1.0)  # a constant column becomes 0, not NaN

    def standardise(split: tuple[Tensor, ...]) -> Batch:
        return (((split[0] - mean) / deviation).float(), split[1].float()) if split else ()

    def loss(model: nn.Module, batch: Batch) -> Tensor:
        x, y = batch
        penalty: Tensor = l2 / 2 * model.weight.square().sum()  # type: ignore[operator]
        return functional.binary_cross_entropy_with_logits(model(x).squeeze(1), y) + penalty

    train = standardise(data.train)
    return Workload(
        model=lambda: nn.Linear(train[0].shape[1], 1),
        loss=loss,
        train=train,
        validation=standardise(data.validation) or None,
        test=standardise(data.test) or None,
        batch_size=32,
        epochs=20,
        eval_every=10,
        optimum=_least_logistic_loss(train[0], train[1], l2),
        metrics={"accuracy": _accuracy},
    )


def _squared_error(model: nn.Module, batch: Batch) -> Tensor:
    x, y = batch
    return functional.mse_loss(model(x), y)


def _accuracy(model: nn.Module, batch: Batch) -> Tensor:
    x, y = batch
    return ((model(x).squeeze(1) > 0) == (y > 0)).float().mean()  # type: ignore[no-any-return]


def _least_logistic_loss(x: Tensor, y: Tensor, l2: float) -> float:
    design = torch.cat([x, torch.ones(len(x), 1)], dim=1).double()
    target = y.double()
    penalty = torch.full((design.shape[1],), l2, dtype=torch.float64)
    penalty[-1] = 0
    w = torch.zeros(design.shape[1], dtype=torch.float64)

    def loss(w: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(design @ w, target) + (penalty * w * w).sum() / 2

    for _ in range(50):
        p = torch.sigmoid(design @ w)
        gradient = design.T @ (p - target) / len(x) + penalty * w
        hessian = design.T @ (design * (p * (1 - p)).unsqueeze(1)) / len(x) + penalty.diag()
        step = torch.linalg.solve(hessian, gradient)
        scale = 1.0  # Newton's full step can overshoot far from the optimum: halve it until the loss falls
        while scale > 2**-30 and loss(w - scale * step) > loss(w):
            scale /= 2
        w = w - scale * step
        if gradient.norm() < 1e-12:  # noqa: PLR2004 - float64 sums of a few hundred terms reach no further
            break
    return float(loss(w))
