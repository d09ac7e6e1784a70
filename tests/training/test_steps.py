"""One step of optimizers that need a closure, or the gradients' graph: against loops written here."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from lab import faults
from lab.faults import cell
from optbench.cells.seeds import stream_seed
from optbench.testing import check_optimizer
from optbench.training.loop import train_cell
from optbench.training.timing.rounds import TimedOptimizer

NOWHERE = Path("there-is-no-data")


def losses(trace):
    assert trace.facts["status"] == "ok", trace.facts["error"]
    return trace.series("train", "batch_loss")[1].tolist()


def by_hand(update, seed=0):
    """Batch losses of the line's twelve steps, each made by `update(model, x, y)`, which returns the loss."""
    torch.manual_seed(seed)
    model = nn.Linear(1, 1)
    order = torch.Generator().manual_seed(stream_seed(seed, "order"))
    x, y = faults.line().train
    found = []
    batches: list[torch.Tensor] = []
    for _ in range(12):
        batches = batches or list(torch.randperm(10, generator=order).split(4))
        places = batches.pop(0)
        found.append(update(model, x[places], y[places]))
    return found


@pytest.mark.parametrize("kind", ["Returning", "ReturningNumpy", "ReturningNone"])
def test_what_a_closures_optimizer_returns_does_not_matter(kind):
    plain = train_cell(cell("line", "sgd", lr=0.05), NOWHERE)
    assert losses(train_cell(cell("line", kind), NOWHERE)) == losses(plain)
    assert check_optimizer(getattr(faults, kind), lr=0.05) == []


def test_one_that_never_evaluates_its_closure_is_one_sentence():
    why = "StepError: the step of NeverAsks did not evaluate its closure"
    trace = train_cell(cell("line", "NeverAsks"), NOWHERE)
    assert trace.facts["error"].splitlines()[-1].endswith(why)
    assert check_optimizer(faults.NeverAsks, lr=0.05) == [f"closure: {why}"]


@pytest.mark.parametrize(("name", "said"), [("Sam", {"closure": True}), ("SaysSo", {})])
@pytest.mark.parametrize("probes", [0, 1])
def test_sharpness_aware_minimisation_is_its_algorithm(name, said, probes):
    """w <- w - lr g(w + rho g(w) / |g(w)|), the loss recorded at w."""

    def update(model, x, y):
        def slope():
            loss = ((model(x) - y) ** 2).mean()
            return loss, torch.autograd.grad(loss, list(model.parameters()))

        loss, first = slope()
        norm = torch.stack([g.norm() for g in first]).norm() + 1e-12
        with torch.no_grad():
            climbs = [0.05 * g / norm for g in first]
            for p, climb in zip(model.parameters(), climbs, strict=True):
                p.add_(climb)
        _, second = slope()
        with torch.no_grad():
            for p, climb, g in zip(model.parameters(), climbs, second, strict=True):
                p.sub_(climb)
                p.sub_(0.05 * g)
        return float(loss.detach())

    found = losses(train_cell(cell("line", name, probes=probes, **said), NOWHERE))
    assert found == pytest.approx(by_hand(update), rel=1e-5)


def test_a_need_that_is_not_said_is_one_sentence_of_check():
    assert check_optimizer(faults.Sam, lr=0.05) == [
        "closure: its step needs the gradients and a closure that evaluates them anew: set `closure: true` "
        "in the study, or `needs_closure = True` in its class"
    ]
    assert check_optimizer(faults.SaysSo, lr=0.05) == []
    assert check_optimizer(faults.Hessian, lr=0.05) == [
        "create_graph: its step differentiates the gradients: set `create_graph: true` in the study, or "
        "`create_graph = True` in its class"
    ]
    assert check_optimizer(faults.SaysHessian, lr=0.05) == []


@pytest.mark.parametrize(("name", "said"), [("Hessian", {"create_graph": True}), ("SaysHessian", {})])
@pytest.mark.parametrize("probes", [0, 1])
def test_gradients_keep_their_graph_for_one_that_differentiates_them(name, said, probes):
    """w <- w - lr g / (|H 1| + 1), with the Hessian of mean (a x + b - y)^2 written out."""

    def update(model, x, y):
        loss = ((model(x) - y) ** 2).mean()
        slope = torch.autograd.grad(loss, list(model.parameters()))
        h_a, h_b = 2 * (x**2).mean() + 2 * x.mean(), 2 * x.mean() + 2
        with torch.no_grad():
            for p, g, h in zip(model.parameters(), slope, (h_a, h_b), strict=True):
                p.sub_(0.05 * g / (h.abs() + 1))
        return float(loss.detach())

    found = losses(train_cell(cell("line", name, probes=probes, **said), NOWHERE))
    assert found == pytest.approx(by_hand(update), rel=1e-5)


@pytest.mark.parametrize("name", ["SaysSo", "SaysHessian", "Returning", "ReturningNone"])
def test_a_timed_step_is_the_step_of_training(name):
    model, other = nn.Linear(1, 1), nn.Linear(1, 1)
    other.load_state_dict(model.state_dict())
    workload = faults.line()
    optimizers = [getattr(faults, name)(m.parameters(), lr=0.05) for m in (model, other)]
    first, second = (
        TimedOptimizer(name, "optimizer", m, o, workload.loss, 10)
        for m, o in zip((model, other), optimizers, strict=True)
    )
    from optbench.training.timing.rounds import host_clock

    evaluations = []
    for _ in range(3):
        first.step(workload.train)
        evaluations, _ = second.step_apart(workload.train, host_clock())
    assert torch.equal(model.weight, other.weight)
    assert len(evaluations) == (2 if name == "SaysSo" else 1)
