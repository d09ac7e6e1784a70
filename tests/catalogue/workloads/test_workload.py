"""What a Workload refuses when it is made."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from lab.studies import optbench, write_study
from optbench.workload import Workload


def made(**fields):
    whole = {"model": lambda: nn.Linear(1, 1), "loss": lambda model, batch: model.weight.sum(), "steps": 3}
    return Workload(**{**whole, **fields})


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"steps": None}, "gives its budget as either steps or epochs"),
        ({"epochs": 2}, "gives its budget as either steps or epochs"),
        ({"steps": "3"}, "steps must be a whole number >= 1; got '3'"),
        ({"batch_size": 2}, "batch_size needs training data"),
        ({"target": "low"}, "target must be a number or None; got 'low'"),
        ({"optimum": [0.0]}, r"optimum must be a number or None; got \[0.0\]"),
        ({"metrics": [len]}, "metrics must be a mapping from names to functions"),
        ({"metrics": {3: len}}, "metrics must be a mapping from names to functions"),
        ({"metrics": {"gap": 3}}, "metrics must be a mapping from names to functions"),
        ({"metrics": {"": len}}, "a metric's name must be printable text; got ''"),
        ({"metrics": {"a\x00b": len}}, "a metric's name must be printable text"),
        ({"metrics": {"\ud800": len}}, "a metric's name must be printable text"),
        ({"metrics": {"loss": len}}, "metrics may not hold one called 'loss'"),
        ({"coordinates": (1, 2)}, r"coordinates must be different names; got \(1, 2\)"),
        ({"coordinates": ("a", "a")}, "coordinates must be different names"),
        ({"drop_last": 1}, "drop_last must be True or False; got 1"),
        (
            {"train": (torch.ones(3),), "batch_size": 4, "drop_last": True},
            "drop_last leaves no batch: batch_size is 4, and there are 3 training examples",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(fields, why):
    with pytest.raises(ValueError, match=why):
        made(**fields)


def test_numbers_may_be_of_any_kind():
    assert made(target=1, optimum=torch.tensor(0.5)).optimum == 0.5


PLUGIN = """
import torch
from torch import nn

from optbench.workload import Workload

def doubled():
    def loss(model, batch):
        return model.weight.square().sum()
    return Workload(model=lambda: nn.Linear(1, 1), loss=loss, steps=2, metrics={"loss": loss})
"""


@pytest.mark.usefixtures("trained_here")
def test_a_metric_called_loss_is_told_by_check_and_costs_no_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = write_study(
        tmp_path,
        "{study: s, seeds: 1, timing: false, workloads: {w: {factory: 'plugin:doubled'}}, optimizers: [sgd]}",
        PLUGIN,
    )
    told = optbench("check", str(file))
    assert told.exit_code == 2
    assert told.output.count("the loss is recorded by that name") == 1
    told = optbench("run", str(file), "--cores", "1")
    assert told.exit_code == 0, told.output
    page = Path("reports/s/index.html").read_text()
    assert "metrics may not hold one called &#39;loss&#39;" in page
