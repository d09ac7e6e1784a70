"""One rule for what a loss or a metric may return, the same in check, in training and elsewhere.

A loss is a floating-point tensor of one element, whatever its shape: of shape (1,) or (1, 1) it is taken as
its number. Anything else is refused with a sentence that says what it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from optbench.core.words import a_kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from optbench.catalogue.workloads.workload import Batch

    Of = Callable[[nn.Module, Batch], Any]


class LossError(TypeError):
    """A loss or a metric is no number that can be worked with; its text says why."""


def one_number(loss: Callable[[nn.Module, Batch], Tensor]) -> Callable[[nn.Module, Batch], Tensor]:
    """Return `loss` with its value as a scalar tensor.

    Raises:
        LossError: when it is called and returns something else than one floating-point number.
    """

    def taken(model: nn.Module, batch: Batch) -> Tensor:
        found = loss(model, batch)
        # All that a sound loss costs: these three questions.
        if isinstance(found, Tensor) and found.dtype.is_floating_point and _holds_numbers(found):
            return found if found.dim() == 0 else _flattened(found, "its loss")
        raise LossError(f"its loss must be one floating-point number; {_instead(found)}")

    return taken


def one_value(metric: Of, name: str) -> Of:
    """Return the metric `name` with a tensor as its value turned into a scalar one; numbers stay.

    Raises:
        LossError: when it is called and returns something else than one real number.
    """

    def taken(model: nn.Module, batch: Batch) -> Any:  # noqa: ANN401
        found = metric(model, batch)
        if isinstance(found, Tensor) and not found.is_complex() and _holds_numbers(found):
            return found if found.dim() == 0 else _flattened(found, f"its metric {name!r}")
        if hasattr(found, "__float__") and not isinstance(found, Tensor):
            return found
        raise LossError(f"its metric {name!r} must be one real number; {_instead(found)}")

    return taken


def _holds_numbers(found: Tensor) -> bool:
    return found.layout is torch.strided and not found.is_meta


def _flattened(found: Tensor, what: str) -> Tensor:
    if found.numel() != 1:
        raise LossError(f"{what} must be one number, not of shape {tuple(found.shape)}: take its mean")
    return found.reshape(())


def _instead(found: object) -> str:
    """What was there, and what to do about it."""
    if not isinstance(found, Tensor):
        hint = ": a number has no gradient" if isinstance(found, float | int) else ""
        return f"it returned {a_kind(found)}, not a tensor{hint}"
    if found.is_meta:
        return "it is on the device 'meta', which holds no numbers"
    if found.layout is not torch.strided:
        return "it is a sparse tensor: take its to_dense()"
    if found.is_complex():
        return f"it is complex ({found.dtype}): take its real part or its absolute value"
    return f"it is of type {found.dtype}, which has no gradient"


def require_gradient(loss: Tensor) -> None:
    """Return nothing where `loss` can be differentiated.

    Raises:
        LossError: nothing that depends on a parameter has led to it, or gradients are switched off.
    """
    if loss.requires_grad:
        return
    if not torch.is_grad_enabled():
        raise LossError(
            "its loss has no gradient: gradients are switched off in this process (set_grad_enabled), by the "
            "optimizer, the schedule or the workload"
        )
    raise LossError(
        "its loss has no gradient: it does not depend on a parameter that is trained, or was detached "
        "from them (by .item(), .detach(), argmax, no_grad)"
    )
