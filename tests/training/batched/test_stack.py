"""Every seed sees the batches that it sees alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import torch

from optbench.training.batched.stack import stacked_batches
from optbench.training.loop import training_batches
from optbench.workload import Workload


def test_every_seed_sees_the_batches_that_it_sees_alone():
    def shift(batch: tuple[torch.Tensor, ...], generator: torch.Generator) -> tuple[torch.Tensor, ...]:
        return (batch[0] + torch.rand(1, generator=generator),)

    data = torch.arange(10, dtype=torch.float64).view(10, 1)
    plain = Workload(torch.nn.Identity, lambda *_: torch.zeros(()), train=(data,), batch_size=4, steps=9)
    for workload in (plain, replace(plain, augment=shift), replace(plain, augment=shift, batch_size=None)):
        together, own = stacked_batches([workload] * 2, (3, 8), torch.device("cpu"))
        alone = [training_batches(workload, seed, torch.device("cpu")) for seed in (3, 8)]
        assert own
        for stacked, *single in islice(zip(together, *alone, strict=True), 9):
            assert torch.equal(stacked[0], torch.stack([batch[0] for batch in single]))
    shared, own = stacked_batches([replace(plain, batch_size=None)] * 2, (3, 8), torch.device("cpu"))
    assert not own
    assert next(shared)[0] is data
