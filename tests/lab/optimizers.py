"""Parameters, gradients and small models that optimizers step on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pkgutil import resolve_name

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.optimizers.make import make_optimizer

Shapes = Sequence[tuple[int, ...]]
SHAPES: Shapes = [(), (3,), (4, 5), (2, 3, 2, 2)]


def parameters(shapes: Shapes = SHAPES, dtype: torch.dtype = torch.float64) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(1)
    return [nn.Parameter(torch.randn(shape, generator=generator, dtype=dtype)) for shape in shapes]


def follow(optimizer: Optimizer, params: Sequence[Tensor], gradients: Iterable[Sequence[Tensor]]) -> Tensor:
    """Step once for each list of gradients; return the parameters after every step, flattened."""
    path = []
    for step_gradients in gradients:
        for p, g in zip(params, step_gradients, strict=True):
            p.grad = g.clone()
        optimizer.step()
        path.append(torch.cat([p.detach().flatten() for p in params]).clone())
    return torch.stack(path)


def random_gradients(
    steps: int, shapes: Shapes = SHAPES, dtype: torch.dtype = torch.float64
) -> list[list[Tensor]]:
    generator = torch.Generator().manual_seed(2)
    return [[torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes] for _ in range(steps)]


def built_in(name: str, params: Iterable[Tensor], lr: float | None = None) -> Optimizer:
    spec = OPTIMIZERS[name]
    return make_optimizer(spec, resolve_name(spec.factory), params, lr or spec.lr)
