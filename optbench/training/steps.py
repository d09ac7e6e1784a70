"""One step of any optimizer: its gradients first, or a closure that evaluates them, or both.

Three ways, by what the optimizer says of itself (`optbench.catalogue.optimizers.make`): most take the
gradients that are there. One whose `step` requires a closure (LBFGS) evaluates the loss itself, as often as
it likes. One that is said to need a closure (SAM) gets both: the gradients are there, and a closure evaluates
them anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from optbench.catalogue.optimizers.make import (
    closure_by_name,
    differentiates_gradients,
    needs_closure,
    takes_closure_alone,
)
from optbench.training.losses import require_gradient

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor
    from torch.optim import Optimizer

    Differentiate = Callable[[Tensor], None]
    Evaluate = Callable[[], Tensor]


class StepError(TypeError):
    """A step of an optimizer did not do what it must; its text says what."""


def differentiator(optimizer: Optimizer) -> Differentiate:
    """Return what puts the gradients of a loss where `optimizer` looks for them.

    For one that differentiates the gradients themselves (AdaHessian), they keep their graph.
    """
    if not differentiates_gradients(optimizer):
        return backward
    parameters = [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]

    def with_graph(loss: Tensor) -> None:
        require_gradient(loss)
        # As backward(create_graph=True) does, which warns at every first call of a cycle between a parameter
        # and its gradient: clearing the gradients before each step breaks it.
        gradients = torch.autograd.grad(loss, parameters, create_graph=True, allow_unused=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient

    return with_graph


def backward(loss: Tensor) -> None:
    """Add the gradients of a loss to those of the parameters.

    Raises:
        LossError: it has none.
    """
    if not loss.requires_grad:  # asked here: a call costs more, at every step
        require_gradient(loss)
    loss.backward()


def stepper(optimizer: Optimizer) -> Callable[[Evaluate], Tensor]:
    """Return what makes one step and returns the loss before it, still with its graph.

    It takes a function that clears the gradients, evaluates loss and gradients, and returns the loss.

    Raises:
        StepError: when it is called, and the optimizer did not evaluate the closure that it requires.
    """
    step: Any = optimizer.step
    if closure_by_name(optimizer):

        def by_name(closure: Evaluate | None = None) -> object:
            return optimizer.step(closure=closure)  # type: ignore[arg-type]

        step = by_name
    if not needs_closure(optimizer):

        def plain(evaluate: Evaluate) -> Tensor:
            loss = evaluate()
            step()
            return loss

        return plain

    if not takes_closure_alone(optimizer):

        def both(evaluate: Evaluate) -> Tensor:
            loss = evaluate()
            step(evaluate)
            return loss

        return both

    def alone(evaluate: Evaluate) -> Tensor:
        seen: list[Tensor] = []

        def closure() -> Tensor:
            loss = evaluate()
            if not seen:  # the first is the loss before the step, whatever the step returns of it
                seen.append(loss)
            return loss

        step(closure)
        if not seen:
            raise StepError(f"the step of {type(optimizer).__name__} did not evaluate its closure")
        return seen[0]

    return alone
