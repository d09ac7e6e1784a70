"""From an `OptimizerSpec` to a `torch.optim.Optimizer`."""

from __future__ import annotations

from contextlib import contextmanager
from inspect import Parameter
from math import isfinite
from typing import TYPE_CHECKING

from torch.optim import Optimizer

from optbench.catalogue.optimizers.settings import call_factory, signature_of
from optbench.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from torch import Tensor

    from optbench.core.specs import OptimizerSpec


def make_optimizer(
    spec: OptimizerSpec, factory: Callable[..., object], params: Iterable[Tensor], lr: float
) -> Optimizer:
    """Return the optimizer of `params` that `spec` describes: `factory(params, lr=lr, **settings)`.

    Args:
        spec: names the optimizer in messages and gives its settings; lists become tuples (YAML has none,
            torch expects them for `betas`).
        factory: what `spec.factory` names, loaded.
        params: the parameters to optimize, each once.
        lr: the cell's learning rate (> 0).

    Raises:
        UserError: `optimizers.<name>.<key>` is unknown to the factory or refused by it, or the factory
            returned something else than an optimizer.

    What the study says of its step (`closure`, `create_graph`) becomes an attribute of it. One with modes
    (see `evaluated_weights`) is returned in training mode.
    """
    path = f"optimizers.{spec.name}"
    if not (isfinite(lr) and lr > 0):
        raise UserError(f"{path}.lr must be > 0; got {lr!r}")
    settings = {key: _tupled(value) for key, value in spec.settings.items()}
    optimizer = call_factory(factory, [list(params)], settings, path=path, given={"lr": lr})
    if not isinstance(optimizer, Optimizer):
        made = type(optimizer).__name__
        raise UserError(f"{path}.factory must return a torch.optim.Optimizer; {spec.factory} returned {made}")
    if spec.closure:
        optimizer.needs_closure = True  # type: ignore[attr-defined]
    if spec.create_graph:
        optimizer.create_graph = True  # type: ignore[attr-defined]
    if _has_modes(optimizer):
        optimizer.train()  # type: ignore[attr-defined]
    return optimizer


@contextmanager
def evaluated_weights(optimizer: Optimizer) -> Iterator[None]:
    """Inside, the parameters are those that the optimizer wants judged; training goes on as before after.

    Methods that train at one point and answer with an average of them switch between the two by `eval()` and
    `train()` (schedule-free learning, Defazio et al. 2024, arXiv:2405.15682). For others this does nothing.
    """
    if not _has_modes(optimizer):
        yield
        return
    optimizer.eval()  # type: ignore[attr-defined]
    try:
        yield
    finally:
        optimizer.train()  # type: ignore[attr-defined]


def _has_modes(optimizer: Optimizer) -> bool:
    return all(callable(getattr(optimizer, mode, None)) for mode in ("train", "eval"))


def clear_gradients(optimizer: Optimizer) -> None:
    """Do what `optimizer.zero_grad()` does.

    PyTorch's own also tells the profiler of it, which takes a tenth of a small model's step.
    """
    if getattr(optimizer.zero_grad, "__func__", None) is not Optimizer.zero_grad:
        optimizer.zero_grad()
        return
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = None


def needs_closure(optimizer: Optimizer) -> bool:
    """Return whether `optimizer.step` must be given a closure that re-evaluates the loss.

    True where the `closure` argument of its class's `step` has no default (LBFGS), and where it says so by an
    attribute `needs_closure = True`, which `closure: true` in a study sets (SAM). The class is asked for its
    `step` because a scheduler replaces the instance's by a wrapper.
    """
    return takes_closure_alone(optimizer) or _says(optimizer, "needs_closure")


def takes_closure_alone(optimizer: Optimizer) -> bool:
    """Return whether its `step` requires a closure and evaluates all gradients by it.

    One that is said to need a closure finds the gradients there besides, as one does whose closure is not
    required.
    """
    closure = signature_of(type(optimizer).step).parameters.get("closure")
    required = closure is not None and closure.default is Parameter.empty
    return required and not _says(optimizer, "needs_closure")


def may_take_closure(optimizer: Optimizer) -> bool:
    """Return whether its `step` has a place for a closure."""
    parameters = signature_of(type(optimizer).step).parameters
    return "closure" in parameters or any(
        p.kind in {Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD} for p in parameters.values()
    )


def closure_by_name(optimizer: Optimizer) -> bool:
    """Return whether its `step` takes its closure as a keyword alone."""
    closure = signature_of(type(optimizer).step).parameters.get("closure")
    return closure is not None and closure.kind is Parameter.KEYWORD_ONLY


def differentiates_gradients(optimizer: Optimizer) -> bool:
    """Return whether its `step` differentiates the gradients, which must keep their graph (AdaHessian).

    It says so by an attribute `create_graph = True`, which `create_graph: true` in a study sets.
    """
    return _says(optimizer, "create_graph")


def _says(optimizer: Optimizer, attribute: str) -> bool:
    return getattr(optimizer, attribute, False) is True


def _tupled(value: object) -> object:
    return tuple(_tupled(item) for item in value) if isinstance(value, list | tuple) else value
