"""Models of several seeds as one: every parameter gets a leading dimension of seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import repeat
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from optbench.training.batched.stackable import NoStackError
from optbench.training.batches import augmentation_stream, epoch_orders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from optbench.catalogue.workloads.workload import Batch, Workload

    Batches = tuple[Iterator[Batch], bool]
    Measure = Callable[[nn.Module, Batch], Tensor]


class Stack:
    """Models alike in all but their numbers, with one loss each at every call.

    The models given stay what they are, but their parameters become views of the stacked ones: each is always
    the trained model of its seed.

    Args:
        models: one a seed, in training mode.

    Attributes:
        models: these.
        parameters: the stacked parameters, each of shape (seeds, ...), in the models' order.

    Raises:
        NoStackError: they differ in more than their numbers.
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        self.models = tuple(models)
        self._judged = _LossModule(models[0])
        names = [name for name, _ in models[0].named_parameters()]
        self._own = list(zip(*(model.parameters() for model in models), strict=True))
        try:
            self.parameters = [
                nn.Parameter(torch.stack([p.detach() for p in own]), requires_grad=own[0].requires_grad)
                for own in self._own
            ]
            buffers = [torch.stack(own) for own in zip(*(m.buffers() for m in models), strict=True)]
        except (RuntimeError, ValueError) as problem:
            raise NoStackError(f"its models differ from seed to seed: {problem}") from None
        for stacked, own in zip(self.parameters, self._own, strict=True):
            for parameter, part in zip(own, stacked.detach(), strict=True):
                parameter.data = part
        self._parameters: dict[str, Tensor] = {
            f"model.{n}": p for n, p in zip(names, self.parameters, strict=True)
        }
        buffer_names = [f"model.{name}" for name, _ in models[0].named_buffers()]
        self._buffers = dict(zip(buffer_names, buffers, strict=True))

    def __len__(self) -> int:
        """Return the number of seeds."""
        return len(self.models)

    def measure(self, of: Measure, batch: Batch, *, own: bool) -> Tensor:
        """Return `of(model, batch)` of every seed, shape (seeds,).

        Args:
            of: a loss or a metric.
            batch: what it is taken of.
            own: whether the tensors of the batch have a leading dimension of seeds; else all see the same.
        """

        def one(parameters: dict[str, Tensor], buffers: dict[str, Tensor], seen: Batch) -> Any:  # noqa: ANN401
            return functional_call(self._judged, (parameters, buffers), (of, seen))

        found: Tensor = vmap(one, in_dims=(0, 0, 0 if own and batch else None), randomness="error")(
            self._parameters, self._buffers, batch
        )
        # A loss is a number of one element already; a metric may come as a tensor of shape (1,).
        return found.reshape(len(self)) if found.numel() == len(self) else found

    def set_gradients(self) -> None:
        """Show every seed's model its part of the gradients, as if it had been trained alone."""
        for stacked, own in zip(self.parameters, self._own, strict=True):
            parts = [None] * len(own) if stacked.grad is None else stacked.grad.unbind()
            for parameter, part in zip(own, parts, strict=True):
                parameter.grad = part


class _LossModule(nn.Module):
    """A model with what is taken of it, as one call: so a loss may look at the parameters themselves."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, of: Measure, batch: Batch) -> Tensor:
        return of(self.model, batch)


def stacked_batches(workloads: Sequence[Workload], seeds: Sequence[int], device: torch.device) -> Batches:
    """Return the training batches of several seeds, without end, each seed's those that it gets alone.

    Args:
        workloads: one a seed, since an augmentation may have a state of its own.
        seeds: as many.
        device: where the tensors of the workloads are.

    Returns:
        An iterator over batches, and whether their tensors have a leading dimension of seeds: full batches
        that nothing augments are the same for all.
    """
    first = workloads[0]
    own = first.batch_size is not None or first.augment is not None
    return _augmented(workloads, seeds, device) if own else repeat(first.train), own


def _augmented(workloads: Sequence[Workload], seeds: Sequence[int], device: torch.device) -> Iterator[Batch]:
    streams = [augmentation_stream(seed, device) for seed in seeds]
    augments = [workload.augment for workload in workloads]
    for batch in _gathered(workloads[0], seeds, device):
        if augments[0] is None:
            yield batch
            continue
        parts = [
            augment(tuple(tensor[place] for tensor in batch), stream)
            for place, (augment, stream) in enumerate(zip(augments, streams, strict=True))
            if augment is not None
        ]
        yield tuple(torch.stack(tensors) for tensors in zip(*parts, strict=True))


def _gathered(workload: Workload, seeds: Sequence[int], device: torch.device) -> Iterator[Batch]:
    """The same before augmentation."""
    if workload.batch_size is None:
        yield from repeat(tuple(tensor.expand(len(seeds), *tensor.shape) for tensor in workload.train))
    for orders in zip(*(epoch_orders(workload, seed) for seed in seeds), strict=True):
        for places in torch.stack(orders).to(device).split(workload.batch_size or 0, dim=1):
            shape = places.shape
            flat = places.flatten()
            yield tuple(t.index_select(0, flat).view(*shape, *t.shape[1:]) for t in workload.train)
