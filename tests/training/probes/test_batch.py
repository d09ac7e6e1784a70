"""Looking at the probe batch disturbs nothing."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from lab.probes import small_net
from optbench.training.probes.batch import ProbeBatch


@pytest.mark.parametrize("extra", ["dropout", "norm", "counting"])
def test_looking_at_the_probe_batch_disturbs_nothing(extra):
    workload = small_net(extra)
    torch.manual_seed(0)
    model = workload.model()
    model[2].eval()  # a module that is not in the mode of the rest stays so
    workload.loss(model, workload.train).backward()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    gradients = [p.grad.clone() for p in model.parameters()]
    modes = [module.training for module in model.modules()]
    state, others = torch.get_rng_state(), (random.getstate(), str(np.random.get_state()))
    batch = ProbeBatch(workload, model)
    first = batch.slope(list(model.parameters()))
    second = batch.slope(list(model.parameters()))
    assert torch.equal(state, torch.get_rng_state())
    assert (random.getstate(), str(np.random.get_state())) == others
    assert modes == [module.training for module in model.modules()]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), gradients, strict=True))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[0], batch.first_loss)
    assert all(map(torch.equal, first[1], second[1]))
    if extra == "norm":
        # It is the training loss's own normalisation that is looked through.
        model.train()
        examples = torch.linspace(0, 89, 64, dtype=torch.float64).long()
        seen = workload.loss(model, tuple(t[examples] for t in workload.train))
        assert float(first[0]) == pytest.approx(float(seen.detach()), rel=1e-6)
