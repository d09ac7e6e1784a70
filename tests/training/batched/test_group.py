"""What has no batched form trains alone and says why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab import faults
from lab.batched import cells
from optbench.cells.trace import Trace
from optbench.training.batched.group import refusals
from optbench.training.batched.train import train_together
from optbench.training.loop import train_cell

NOWHERE = Path("there-is-no-data")


def rows(trace: Trace) -> list[tuple[object, ...]]:
    return [*zip(trace.step.tolist(), trace.split, trace.metric, trace.value.tolist(), strict=True)]


NO_STACK = {
    "dropout": "its model has Dropout",
    "norm": "its model has BatchNorm1d",
    "counting": "its loss changes the model's buffers",
    "python": "its loss draws random numbers",
    "functional": "its loss draws random numbers",
    "looks": "its loss cannot be taken of several models at once: RuntimeError",
}


@pytest.mark.parametrize(("odd", "why"), NO_STACK.items())
def test_a_workload_that_has_no_batched_form_trains_alone_and_says_why(tmp_path, monkeypatch, odd, why):
    group = cells(tmp_path, monkeypatch, f'net: {{factory: "plugin:network", odd: {odd}}}')
    for cell, trace in zip(group, train_together(group, NOWHERE), strict=True):
        assert trace.facts["execution"]["seeds"] == "alone"
        assert trace.facts["execution"]["why"].startswith(why)
        assert "\n" not in trace.facts["execution"]["why"]
        assert rows(trace) == rows(train_cell(cell, NOWHERE))
    assert list(refusals(group, NOWHERE)) == [trace.facts["execution"]["why"]]


@pytest.mark.parametrize(
    ("workload", "optimizer", "why"),
    [
        ("words", "sgd", "its gradients are sparse, and those of a stack cannot be"),
        ("frozen", "sgd", "its model shares '0.weight' with the models of other seeds"),
        ("line", "SaysSo", "SaysSo evaluates the loss itself, as often as each seed needs"),
        ("line", "SaysHessian", "SaysHessian differentiates the gradients, which are the stack's"),
    ],
)
def test_what_works_alone_trains_alone_and_says_why(workload, optimizer, why):
    group = [replace(faults.cell(workload, optimizer, seed=s), together=(0, 1)) for s in (0, 1)]
    for cell, trace in zip(group, train_together(group, NOWHERE), strict=True):
        assert trace.facts["status"] == "ok", trace.facts["error"]
        assert (trace.facts["execution"]["seeds"], trace.facts["execution"]["why"]) == ("alone", why)
        assert rows(trace) == rows(train_cell(cell, NOWHERE))
    assert list(refusals(group, NOWHERE)) == [why]


def test_what_cannot_be_made_at_all_is_one_sentence_of_the_refusals():
    faults.POOL.clear()
    group = [replace(faults.cell("pooled", seed=s), together=(0, 1)) for s in (0, 1)]
    (why,) = refusals(group, NOWHERE)
    assert why.startswith("making them together fails: ModelError: model() returns parameters that it has")


@pytest.mark.parametrize(
    ("optimizer", "schedule", "why"),
    [
        (
            'mine: {factory: "plugin:by_shape", lr: 0.1}',
            "constant",
            "its parameters are sorted into groups by",
        ),
        ("lbfgs: {}", "constant", "LBFGS evaluates the loss itself, as often as each seed needs"),
        ("muon: {}", "constant", "MuonWithAdamW is not known to be elementwise"),
        ("sgd: {}", "plateau", "ReduceLROnPlateau gives each seed a learning rate of its own"),
    ],
)
def test_an_optimizer_or_schedule_that_looks_beyond_an_entry(tmp_path, monkeypatch, optimizer, schedule, why):
    net = 'net: {factory: "plugin:network"}'
    group = cells(tmp_path, monkeypatch, net, optimizer, schedule)
    (found,) = refusals(group, NOWHERE)
    assert found.startswith(why)
