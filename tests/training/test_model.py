"""A cell's model is its own: built anew, the same under one seed, and sharing nothing that is trained."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from lab import faults
from lab.faults import cell
from optbench.cells.seeds import stream_seed
from optbench.testing import check_workload
from optbench.training.batched.train import train_together
from optbench.training.loop import train_cell
from optbench.training.model import ModelError, make_model

NOWHERE = Path("there-is-no-data")
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def fresh_pool() -> None:
    faults.POOL.clear()


REFUSED = {
    "pooled": "returns parameters that it has returned before",
    "tied_to_others": "returns parameters that it has returned before (0.weight)",
    "restless": "returns other weights under the same seed (weight)",
    "frozen_norm": "training has changed '1.running_mean', which its model shares with other models",
    "no_module": "model() must return a torch.nn.Module; it returned a list",
}


@pytest.mark.parametrize(("workload", "why"), REFUSED.items())
def test_a_model_that_is_not_the_cells_own_is_refused_by_the_cell_and_by_check(workload, why):
    trace = train_cell(cell(workload), NOWHERE)
    assert trace.facts["status"] == "error"
    assert why in trace.facts["error"].splitlines()[-1]
    problems = check_workload(getattr(faults, workload))
    assert len(problems) == 1, problems
    assert problems[0].startswith("model: ")
    assert why in problems[0]


def test_two_names_of_one_optimizer_are_no_longer_told_apart_by_a_shared_model():
    """Before, the second cell went on with the weights that the first had trained."""
    first, second = (train_cell(cell("pooled", seed=0), NOWHERE) for _ in range(2))
    assert [t.facts["status"] for t in (first, second)] == ["error", "error"]


@pytest.mark.parametrize("size", [2, 3])
def test_check_and_cells_find_a_small_supply_of_models(size):
    (problem,) = check_workload(lambda: faults.pooled(size))
    assert "returns parameters that it has returned before" in problem
    faults.POOL.clear()
    # Supplies of two and three: what the factory is called for again finds them used up at once.
    statuses = [train_cell(cell("pooled", size=size), NOWHERE).facts["status"] for _ in range(3)]
    assert statuses == ["error"] * 3


@pytest.mark.parametrize("workload", ["line", "numpy_weights", "tied", "frozen"])
def test_what_is_legitimate_is_accepted(workload):
    first, second = (train_cell(cell(workload, seed=4), NOWHERE) for _ in range(2))
    assert first.facts["status"] == "ok", first.facts["error"]
    assert first.value.tolist() == second.value.tolist()
    assert check_workload(getattr(faults, workload)) == []


def test_what_is_shared_is_put_back_where_training_changed_it():
    before = {name: tensor.clone() for name, tensor in faults.NORM.state_dict().items()}
    train_cell(cell("frozen_norm"), NOWHERE)
    assert all(map(torch.equal, faults.NORM.state_dict().values(), before.values()))


def test_seeds_that_are_trained_together_have_models_of_their_own():
    group = [cell("pooled", seed=seed) for seed in (0, 1)]
    group = [one.__class__(**{**one.__dict__, "together": (0, 1)}) for one in group]
    assert [trace.facts["status"] for trace in train_together(group, NOWHERE)] == ["error", "error"]


def test_the_weights_are_those_of_the_seed_and_the_generators_stand_at_the_training_stream():
    own = make_model(faults.line(), 11, CPU)
    after = torch.rand(1)
    torch.manual_seed(11)
    expected = nn.Linear(1, 1)
    assert torch.equal(own.module.weight, expected.weight)
    assert torch.equal(own.module.bias, expected.bias)
    torch.manual_seed(stream_seed(11, "training"))
    assert torch.equal(after, torch.rand(1))


def test_lazy_layers_are_settled_under_the_initialisation_stream():
    """The weights are what the layers draw in the order in which the data reaches them."""
    own = make_model(faults.lazy(), 5, CPU)
    torch.manual_seed(5)
    expected = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d(), nn.Linear(3, 1)).eval()
    expected(faults.line().train[0])
    assert [*map(tuple, (p.shape for p in own.module.parameters()))] == [
        (3, 1),
        (3,),
        (3,),
        (3,),
        (1, 3),
        (1,),
    ]
    for one, other in zip(own.module.state_dict().values(), expected.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    assert own.module.training
    assert all(module.training for module in own.module.modules())
    trace = train_cell(cell("lazy", probes=2), NOWHERE)
    assert trace.facts["status"] == "ok", trace.facts["error"]
    assert check_workload(faults.lazy) == []


def test_a_lazy_layer_that_the_loss_never_reaches_is_one_sentence():
    idle = nn.ModuleList

    def model() -> nn.Module:
        made = nn.Linear(1, 1)
        made.idle = idle([nn.LazyLinear(2)])
        return made

    with pytest.raises(ModelError, match=r"its lazy 'idle.0.weight' has no shape after a look at"):
        make_model(faults.line(model=model), 0, CPU)
    (problem,) = check_workload(lambda: faults.line(model=model))
    assert problem.startswith("model: it") or "lazy 'idle.0.weight'" in problem
