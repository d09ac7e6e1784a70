"""Muon: matrices to Muon and the rest to AdamW."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch.optim import Optimizer

from lab.optimizers import follow, parameters, random_gradients
from optbench.catalogue.optimizers.muon import MuonWithAdamW

# --- Muon -----------------------------------------------------------------------------------------------


def test_muon_gives_matrices_to_muon_and_the_rest_to_adamw() -> None:
    shapes = [(4, 5), (5,), (3, 3), (2, 3, 2, 2), ()]
    gradients = random_gradients(6, shapes, torch.float32)
    ours, theirs = parameters(shapes, torch.float32), parameters(shapes, torch.float32)
    path = follow(MuonWithAdamW(ours, lr=0.01, weight_decay=0.1), ours, gradients)
    muon: Optimizer = torch.optim.Muon(
        [theirs[0], theirs[2]], lr=0.01, momentum=0.95, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
    )
    adamw = torch.optim.AdamW([theirs[1], theirs[3], theirs[4]], lr=0.01, weight_decay=0.1)
    for step, step_gradients in enumerate(gradients):
        for p, g in zip(theirs, step_gradients, strict=True):
            p.grad = g.clone()
        muon.step()
        adamw.step()
        assert torch.equal(path[step], torch.cat([p.detach().flatten() for p in theirs]))


def test_muon_follows_a_schedule_in_both_halves() -> None:
    params = parameters([(2, 2), (3,)], torch.float32)
    optimizer = MuonWithAdamW(params, lr=0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.0)
    gradients = random_gradients(2, [(2, 2), (3,)], torch.float32)
    first = follow(optimizer, params, gradients[:1])
    schedule.step()
    assert torch.equal(follow(optimizer, params, gradients[1:]), first)  # at lr 0 neither half moves


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])  # noqa: S301
def test_muon_survives_being_copied(copied: Any) -> None:
    params = parameters([(2, 2), (3,)], torch.float32)
    optimizer = MuonWithAdamW(params, lr=0.1)
    gradients = random_gradients(4, [(2, 2), (3,)], torch.float32)
    follow(optimizer, params, gradients[:2])
    twin = copied(optimizer)
    twin_params = [p for group in twin.param_groups for p in group["params"]]
    assert torch.equal(follow(optimizer, params, gradients[2:]), follow(twin, twin_params, gradients[2:]))


def test_muon_takes_no_later_group() -> None:
    optimizer = MuonWithAdamW(parameters([(2, 2)]), lr=0.1)
    with pytest.raises(NotImplementedError, match="all its parameters when it is made"):
        optimizer.add_param_group({"params": parameters([(3,)])})


def test_muon_alone_serves_a_model_of_matrices() -> None:
    params = parameters([(2, 2), (3, 2)])
    assert len(MuonWithAdamW(params, lr=0.1).param_groups) == 1
