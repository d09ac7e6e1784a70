"""An optimizer under test on a small quadratic, its steps made as training makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from optbench.catalogue.optimizers.make import clear_gradients, make_optimizer
from optbench.training.generators import seed_global_generators
from optbench.training.steps import differentiator, stepper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from torch import Tensor
    from torch.optim import Optimizer

    from optbench.core.specs import OptimizerSpec

STEPS = 10

GO_SEED = 1
"""Of the global generators when steps are made: another than that of the start, which draws would repeat."""


@dataclass(frozen=True)
class Candidate:
    """How an optimizer is made, and what gradients it gets.

    Attributes:
        spec: its settings and learning rate, and what a study says of its step.
        factory: what it names, loaded.
        sparse: whether its gradients are sparse tensors.
        matrices: whether its parameters are matrices alone, as a method for matrices may demand.
    """

    spec: OptimizerSpec
    factory: Callable[..., Any]
    sparse: bool = False
    matrices: bool = False

    def start(self) -> list[Tensor]:
        """Return a matrix and a vector, so that methods for matrices have one; the same at every call."""
        generator = torch.Generator().manual_seed(0)
        shapes = ((4, 3), (3, 1) if self.matrices else (3,))
        return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]

    def build(self, params: Iterable[Tensor], lr: float | None = None) -> Optimizer:
        """Return the optimizer of `params`, at another rate where one is given."""
        return make_optimizer(self.spec, self.factory, params, self.spec.lr if lr is None else lr)

    def go(
        self,
        optimizer: Optimizer,
        params: Sequence[Tensor],
        steps: int = STEPS,
        of: Callable[[Sequence[Tensor]], Tensor] | None = None,
    ) -> list[Tensor]:
        """Make steps as training does, the global generators seeded before; return the parameters.

        Args:
            optimizer: of `params`.
            params: a matrix and a vector.
            steps: how many (>= 1).
            of: what is descended; left out: the quadratic.
        """
        seed_global_generators(GO_SEED)
        step = stepper(optimizer)

        def evaluate() -> Tensor:
            return self.evaluate(optimizer, params, of or quadratic)

        for _ in range(steps):
            step(evaluate)
        return [p.detach().clone() for p in params]

    def evaluate(
        self, optimizer: Optimizer, params: Sequence[Tensor], of: Callable[[Sequence[Tensor]], Tensor]
    ) -> Tensor:
        """Put the gradients of `of(params)` where the optimizer looks for them; return the loss."""
        clear_gradients(optimizer)
        loss = of(params)
        differentiator(optimizer)(loss)
        for p in params if self.sparse else ():
            if p.grad is not None:
                p.grad = p.grad.to_sparse(1)
        return loss


def quadratic(params: Sequence[Tensor]) -> Tensor:
    """A convex quadratic that couples the parameters, the same in every order of them."""
    matrix, vector = sorted(params, key=lambda p: -p.numel())
    return ((matrix @ vector.detach() - 1) ** 2).mean() + (matrix**2).mean() + (vector**2).mean()


def flat(params: Sequence[Tensor]) -> Tensor:
    """Zero everywhere, with a gradient that is zero and has a graph."""
    return sum(((p**2).sum() for p in params), torch.zeros(())) * 0
