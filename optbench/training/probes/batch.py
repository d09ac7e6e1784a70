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

from optbench.training.torch_private import is_batch_norm

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import nn

    from optbench.catalogue.workloads.workload import Workload

PROBE_EXAMPLES = 64
"""Training examples in the probe batch, spread evenly over the training split; all where there are fewer."""


class ProbeBatch:
    """The fixed batch: `PROBE_EXAMPLES` training examples, evenly spaced, not augmented.

    Args:
        workload: what is trained.
        model: its model.

    Attributes:
        examples: how many there are; 0 where the loss needs no data.
        first_loss: the loss over them with the parameters as they are when this is made, a scalar.
    """

    def __init__(self, workload: Workload, model: nn.Module) -> None:
        self._loss = workload.loss
        self._model = model
        self._draws = False
        self._batch = workload.train
        if workload.train and workload.n_train > PROBE_EXAMPLES:
            places = torch.linspace(0, workload.n_train - 1, PROBE_EXAMPLES, dtype=torch.float64).long()
            self._batch = tuple(tensor.index_select(0, places.to(tensor.device)) for tensor in workload.train)
        self.examples = len(self._batch[0]) if self._batch else 0
        # Whether the loss draws from Python's or NumPy's generator is found out once: putting theirs back
        # costs as much as a small model's slope.
        python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
        self.first_loss = self.slope([p for p in model.parameters() if p.requires_grad])[0]
        still = all(map(np.array_equal, numpy_state, np.random.get_state()))  # noqa: NPY002
        self._draws = not still or random.getstate() != python_state
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002

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
        norms = [m for m, _ in modes if is_batch_norm(m) and self.examples != 1]
        buffers = list(self._model.buffers())
        kept = [buffer.clone() for buffer in buffers]
        # Written past nn.Module's own setattr, which looks for parameters and buffers at every assignment.
        for module, _ in modes:
            module.__dict__["training"] = False
        for norm in norms:
            norm.__dict__["training"] = True
        state = torch.get_rng_state()
        device_state = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        others = (random.getstate(), np.random.get_state()) if self._draws else None  # noqa: NPY002
        try:
            yield
        finally:
            torch.set_rng_state(state)
            if device_state is not None:
                torch.cuda.set_rng_state(device_state, device)
            if others is not None:
                random.setstate(others[0])
                np.random.set_state(others[1])  # noqa: NPY002
            for module, mode in modes:
                module.__dict__["training"] = mode
            with torch.no_grad():
                for buffer, before in zip(buffers, kept, strict=True):
                    buffer.copy_(before)
