"""The batches of an epoch, and the streams that their order and their augmentation are drawn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from optbench.cells.seeds import stream_seed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from optbench.catalogue.workloads.workload import Batch, Workload


def training_batches(workload: Workload, seed: int, device: torch.device) -> Iterator[Batch]:
    """Training batches without end: every epoch a fresh order, its last batch the shorter rest, if any."""
    orders = epoch_orders(workload, seed)
    augmentation = augmentation_stream(seed, device)
    augment = workload.augment
    while True:
        if workload.batch_size is None:
            parts: list[Tensor | None] = [None]
        else:
            parts = list(next(orders).to(device).split(workload.batch_size))
        for part in parts:
            batch = (
                workload.train
                if part is None
                else tuple(tensor.index_select(0, part) for tensor in workload.train)
            )
            yield augment(batch, augmentation) if augment is not None else batch


def epoch_orders(workload: Workload, seed: int) -> Iterator[Tensor]:
    """The order of an epoch's training examples, drawn on the CPU: the same for every device.

    With `drop_last` what would make a last, shorter batch is left out: other examples in each epoch.
    """
    order = torch.Generator().manual_seed(stream_seed(seed, "order"))
    while True:
        yield torch.randperm(workload.n_train, generator=order)[: workload.epoch_examples]


def augmentation_stream(seed: int, device: torch.device) -> torch.Generator:
    """What a workload's augmentation draws from."""
    return torch.Generator(device).manual_seed(stream_seed(seed, "augmentation"))


def example_batches(workload: Workload) -> list[Batch]:
    """A full batch and, where an epoch ends with a shorter one, one of its length; first examples."""
    size = workload.batch_size
    if size is None:
        return [workload.train]
    full = tuple(tensor[:size] for tensor in workload.train)
    rest = workload.epoch_examples % size if workload.epoch_examples > size else 0
    return [full, *([tuple(tensor[:rest] for tensor in workload.train)] if rest else [])]
