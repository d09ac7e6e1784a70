"""A look, before anything is trained, at whether a stack's losses and gradients are those of its models."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import torch

from optbench.core.errors import told
from optbench.training.batched.stackable import NoStackError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from optbench.catalogue.workloads.workload import Batch, Workload
    from optbench.training.batched.stack import Stack


def check_first_batch(stack: Stack, workload: Workload, batch: Batch, *, own: bool) -> None:
    """Return nothing where the first batch's loss and gradients come out the same as from the model alone.

    To half the digits of the parameters' type: what differs by more is not rounding. Looked at for the first
    seed, since all run the same code. Parameters stay as they are.

    Args:
        stack: all seeds.
        workload: what is trained.
        batch: of the first step.
        own: whether its tensors have a leading dimension of seeds.

    Raises:
        NoStackError: they differ, or the loss cannot be taken of several models at once, draws random numbers
            or changes the model's buffers.
    """
    model = stack.models[0]
    trained = [p for p in model.parameters() if p.requires_grad]
    before, buffers = _generators(), [buffer.clone() for buffer in model.buffers()]
    loss = workload.loss(model, tuple(tensor[0] for tensor in batch) if own else batch)
    alone = _slope(loss, trained)
    if any(gradient is not None and gradient.layout != torch.strided for gradient in alone):
        raise NoStackError("its gradients are sparse, and those of a stack cannot be")
    if _generators() != before:
        raise NoStackError("its loss draws random numbers, which would not be those of the seed alone")
    if not all(map(torch.equal, model.buffers(), buffers)):
        raise NoStackError("its loss changes the model's buffers, which belong to one model")
    losses = _losses(stack, workload, batch, own=own)
    together = _slope(losses, [p for p in stack.parameters if p.requires_grad])
    pairs = [
        (loss, losses[0]),
        *((a, None if b is None else b[0]) for a, b in zip(alone, together, strict=True)),
    ]
    if not all(_close(a, b) for a, b in pairs):
        raise NoStackError("its loss or gradients are others when several models are taken at once")


def _losses(stack: Stack, workload: Workload, batch: Batch, *, own: bool) -> Tensor:
    try:
        losses = stack.measure(workload.loss, batch, own=own)
    except Exception as problem:  # whatever a loss may do that has no batched form
        raise NoStackError(
            f"its loss cannot be taken of several models at once: {told(problem)}"
        ) from problem
    if losses.shape != (len(stack),):
        raise NoStackError(
            f"its loss is no scalar: of {len(stack)} models it has shape {tuple(losses.shape)}"
        )
    return losses


def _slope(loss: Tensor, parameters: list[nn.Parameter]) -> tuple[Tensor | None, ...]:
    return torch.autograd.grad(loss.sum(), parameters, allow_unused=True)


def _close(alone: Tensor | None, together: Tensor | None) -> bool:
    if alone is None or together is None:
        return alone is together
    if alone.shape != together.shape:
        return False
    digits = torch.finfo(alone.dtype).eps ** 0.5
    size = torch.linalg.vector_norm(alone).detach()
    apart = torch.linalg.vector_norm(alone - together).detach()
    return bool(apart <= digits * size) or not bool(size.isfinite())


def _generators() -> tuple[bytes, object, str]:
    return torch.get_rng_state().numpy().tobytes(), random.getstate(), str(np.random.get_state())  # noqa: NPY002
