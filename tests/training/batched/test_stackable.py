"""Which optimizers are elementwise, and that none only says so."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lab.batched import cells, same_to_rounding
from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.optimizers.make import make_optimizer
from optbench.core.factories import load_factory
from optbench.testing import check_optimizer
from optbench.training.batched.stackable import is_elementwise
from optbench.training.batched.train import train_together
from optbench.training.loop import train_cell

NOWHERE = Path("there-is-no-data")


def fit(name: str) -> bool:
    spec = OPTIMIZERS[name]
    parameters = [torch.nn.Parameter(torch.zeros(2, 2))]
    return is_elementwise(make_optimizer(spec, load_factory(spec.factory), parameters, spec.lr))


FIT = list(filter(fit, OPTIMIZERS))


@pytest.mark.parametrize("name", FIT)
def test_every_elementwise_optimizer_makes_the_same_steps(tmp_path, monkeypatch, name):
    group = cells(tmp_path, monkeypatch, 'net: {factory: "plugin:network"}', f"{name}: {{}}")
    for cell, trace in zip(group, train_together(group, NOWHERE), strict=True):
        assert trace.facts["execution"]["seeds"] == "batched"
        same_to_rounding(train_cell(cell, NOWHERE), trace)


def test_all_built_ins_but_lbfgs_and_muon_are_elementwise():
    assert set(OPTIMIZERS) - set(FIT) == {"lbfgs", "muon"}


def test_a_false_claim_to_be_elementwise_is_found(tmp_path, monkeypatch):
    cells(tmp_path, monkeypatch, 'net: {factory: "plugin:network"}')
    says = "elementwise: it says so, but an entry's update depends on other entries"
    assert says in check_optimizer(load_factory("plugin:Neighbours"), lr=0.1)
    assert check_optimizer(load_factory("plugin:Honest"), lr=0.1) == []
    assert check_optimizer(load_factory("plugin:by_shape"), lr=0.1) == []
