"""Losses and gradients on one fixed batch, looked up in passing: nothing of the training is disturbed.

No gradient is written into the parameters, no global generator moves on, and every buffer and every module's
mode is put back afterwards. Dropout is off and BatchNorm normalises by the batch itself, so that the function
whose slope is taken stays the same from step to step.
"""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import nn

    from optbench.workload import Workload

PROBE_EXAMPLES = 64
"""Training examples in the probe batch, spread evenly over the training split; all where there are fewer."""


class ProbeBatch:
    """The fixed batch: `PROBE_EXAMPLES` training examples, evenly spaced, not augmented.

    Args:
        workload: what is trained.
        model: its model.

    Attributes:
        examples: how many there are; 0 where the loss needs no data.
    """

    def __init__(self, workload: Workload, model: nn.Module) -> None:
        self._loss = workload.loss
        self._model = model
        self._batch = workload.train
        if workload.train and workload.n_train > PROBE_EXAMPLES:
            places = torch.linspace(0, workload.n_train - 1, PROBE_EXAMPLES, dtype=torch.float64).long()
            self._batch = tuple(tensor.index_select(0, places.to(tensor.device)) for tensor in workload.train)
        self.examples = len(self._batch[0]) if self._batch else 0

    def slope(self, parameters: Sequence[Tensor]) -> tuple[Tensor, tuple[Tensor | None, ...]]:
        """Return the loss over the batch, a scalar, and its gradient, a tensor or None a parameter."""
        with self._undisturbed(parameters[0].device), torch.enable_grad():
            loss = self._loss(self._model, self._batch)
            found = torch.autograd.grad(loss, parameters, allow_unused=True)
        return loss.detach(), found

    @contextmanager
    def _undisturbed(self, device: torch.device) -> Iterator[None]:
        modes = [(module, module.training) for module in self._model.modules()]
        # One example has no variance of its own to be normalised by.
        norms = [m for m, _ in modes if isinstance(m, _BatchNorm) and self.examples != 1]
        buffers = list(self._model.buffers())
        kept = [buffer.clone() for buffer in buffers]
        # Written past nn.Module's own setattr, which looks for parameters and buffers at every assignment.
        for module, _ in modes:
            module.__dict__["training"] = False
        for norm in norms:
            norm.__dict__["training"] = True
        python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
        state = torch.get_rng_state()
        device_state = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)  # noqa: NPY002
            torch.set_rng_state(state)
            if device_state is not None:
                torch.cuda.set_rng_state(device_state, device)
            for module, mode in modes:
                module.__dict__["training"] = mode
            with torch.no_grad():
                for buffer, before in zip(buffers, kept, strict=True):
                    buffer.copy_(before)
