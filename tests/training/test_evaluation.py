"""Evaluations: means over parts of a split, from one pass of the model over each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from optbench.training import evaluation
from optbench.training.evaluation import one_forward, record_means
from optbench.workload import Workload

if TYPE_CHECKING:
    from optbench.workload import Batch


class Doubling(nn.Module):
    """y = 2 x + b with b = 0, counting how often it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(()))
        self.asked = 0

    def forward(self, x: Tensor) -> Tensor:
        self.asked += 1
        return 2 * x + self.bias


def mean(model: nn.Module, batch: Batch) -> Tensor:
    return torch.as_tensor(model(batch[0])).mean()


def greedy(model: nn.Module, batch: Batch) -> Tensor:
    """Spoils what it is given, as a metric that normalizes in place would."""
    return torch.as_tensor(model(batch[0])).mul_(0).sum()


def workload(**metrics: object) -> Workload:
    return Workload(
        model=Doubling, loss=mean, train=(torch.zeros(4),), steps=1, eval_every=1, metrics=metrics
    )  # type: ignore[arg-type]


def evaluated(data: Tensor, **metrics: object) -> tuple[Doubling, dict[str, float]]:
    model, rows = Doubling(), []
    record_means(workload(**metrics), model, "validation", (data,), 7, rows)
    assert {(step, split) for step, split, _, _ in rows} == {(7, "validation")}
    return model, {name: value for _, _, name, value in rows}


def test_loss_and_metrics_of_a_split_share_one_pass() -> None:
    model, means = evaluated(torch.tensor([1.0, 2.0, 6.0]), twice=mean, thrice=mean)
    assert means == {"loss": 6.0, "twice": 6.0, "thrice": 6.0}
    assert model.asked == 1


def test_parts_weigh_as_many_examples_as_they_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "EVALUATION_BATCH", 2)
    model, means = evaluated(torch.tensor([1.0, 2.0, 3.0, 4.0, 10.0]), other=mean)
    assert means == {"loss": 8.0, "other": 8.0}  # 2 (1 + 2 + 3 + 4 + 10) / 5
    assert model.asked == 3


def test_an_output_that_was_written_into_is_made_again() -> None:
    model, means = evaluated(torch.tensor([1.0, 3.0]), spoilt=greedy, after=mean)
    assert means == {"loss": 4.0, "spoilt": 0.0, "after": 4.0}
    assert model.asked == 2


def test_only_the_same_unchanged_input_is_remembered_and_the_model_is_as_before() -> None:
    model, x = Doubling(), torch.ones(2)
    with torch.no_grad(), one_forward(model):
        assert model(x) is model(x)
        assert torch.equal(model(torch.full((2,), 5.0)), torch.tensor([10.0, 10.0]))
        model(x)
        x.add_(1)
        assert torch.equal(model(x), torch.tensor([4.0, 4.0]))
        assert torch.equal(model(x=x), model(x=x))
    assert model.asked == 6
    assert "forward" not in vars(model)
    model(x), model(x)
    assert model.asked == 8


def test_a_model_that_has_a_forward_of_its_own_keeps_it() -> None:
    model = nn.Linear(1, 1)
    own = model.forward = lambda x: x + 1
    with one_forward(model):
        assert torch.equal(model(torch.zeros(1)), torch.ones(1))
    assert model.forward is own
