"""A workload says at once what cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from lab.studies import optbench, write_study
from optbench.catalogue.workloads.workload import Workload


def of_metrics(*names):
    def loss(model, batch):
        return model.weight.square().sum()

    return Workload(model=lambda: nn.Linear(1, 1), loss=loss, steps=1, metrics=dict.fromkeys(names, loss))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        *(("loss", "name of the loss itself"), ("", "printable"), (3, "printable")),
        *(("a\x00b", "printable"), ("\ud800", "printable")),
    ],
)
def test_a_metric_has_a_name_of_its_own(name, said):
    with pytest.raises(ValueError, match=said):
        of_metrics("accuracy", name)
    of_metrics("accuracy", "Loss", "val_loss")


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
    assert told.output.count("has the name of the loss itself") == 1
    told = optbench("run", str(file), "--cores", "1")
    assert told.exit_code == 0, told.output
    page = Path("reports/s/index.html").read_text()
    assert "the metric &#39;loss&#39; has the name of the loss itself; call it something else" in page
