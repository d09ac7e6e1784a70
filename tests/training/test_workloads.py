"""What a study sets of a workload: fields of it, and arguments of its factory that are named like them."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from lab import faults
from lab.faults import cell
from optbench.training.checks.cells import check_cells
from optbench.training.loop import train_cell
from optbench.training.workloads import build_workload

NOWHERE = Path("there-is-no-data")


@pytest.mark.parametrize(
    ("fields", "given"),
    [
        ({}, (7, 2)),
        ({"steps": 5}, (5, 2)),
        ({"steps": 5, "batch_size": 3}, (5, 3)),
        ({"epochs": 2}, (7, 2)),
        ({"batch_size": "full"}, (7, None)),
    ],
)
def test_a_factory_gets_what_a_study_sets_where_it_has_an_argument_for_it(fields, given):
    faults.asked.clear()
    workload, _ = build_workload(cell("with_steps", fields=fields), NOWHERE)
    assert faults.asked == [given]
    assert workload.batch_size == given[1]
    # Two passes over ten examples in batches of two.
    assert workload.budget == (10 if "epochs" in fields else given[0])


@pytest.mark.parametrize(
    ("train", "why"),
    [
        ([torch.ones(3)], "its train must be a tuple of tensors; got list"),
        ((torch.ones(3), [1]), r"its train must be a tuple of tensors; got \['Tensor', 'list'\]"),
        ((torch.ones(3), torch.ones(2)), r"one number of examples in front; got \(3,\), \(2,\)"),
        ((torch.ones(3), torch.ones(())), r"one number of examples in front; got \(3,\), \(\)"),
    ],
)
def test_data_that_are_no_tensors_alike_in_number_are_one_sentence(train, why, monkeypatch):
    monkeypatch.setattr(faults, "given", lambda: faults.line(train=train, batch_size=None), raising=False)
    with pytest.raises((TypeError, ValueError), match=why):
        build_workload(cell("given"), NOWHERE)


def test_a_target_of_numpys_is_kept_as_a_number(monkeypatch):
    import numpy as np

    made = faults.line(target=np.float32(0.5), optimum=torch.tensor(0.25))
    monkeypatch.setattr(faults, "given", lambda: made, raising=False)
    facts = train_cell(cell("given"), NOWHERE).facts["workload_facts"]
    assert (facts["target"], facts["optimum"]) == (0.5, 0.25)
    assert {type(facts["target"]), type(facts["optimum"])} == {float}


def test_a_factory_that_draws_has_the_same_data_in_every_cell():
    first, _ = build_workload(cell("draws_data", seed=0), NOWHERE)
    torch.randn(7), np.random.normal(), random.random()
    second, _ = build_workload(cell("draws_data", seed=1), NOWHERE)
    assert torch.equal(first.train[0], second.train[0])
    # By hand: what the three generators give first under the seed 0.
    torch.manual_seed(0)
    drawn = torch.tensor(np.random.RandomState(0).normal(size=(8, 1))).float() + random.Random(0).random()
    assert torch.equal(first.train[0], torch.randn(8, 1) + drawn)
    assert train_cell(cell("draws_data"), NOWHERE).facts["status"] == "ok"


def test_a_factory_leaves_the_generators_where_they_were():
    torch.manual_seed(5)
    build_workload(cell("draws_data"), NOWHERE)
    assert torch.equal(torch.randn(3), torch.randn(3, generator=torch.Generator().manual_seed(5)))


@pytest.mark.parametrize(
    ("workload", "why"),
    [
        ("forgets_seed", "its train is not the same when 'lab.faults:forgets_seed' is called again"),
        ("forgets_seed_of_start", "model() returns other weights under the same seed (weight)"),
    ],
)
def test_a_factory_that_draws_without_a_seed_is_refused_by_the_cell_and_by_check(workload, why):
    trace = train_cell(cell(workload), NOWHERE)
    assert trace.facts["status"] == "error"
    assert why in trace.facts["error"].splitlines()[-1]
    (problem,) = check_cells([cell(workload)], NOWHERE).problems
    assert problem.startswith(f"workloads.{workload}: ")
    assert why in problem
