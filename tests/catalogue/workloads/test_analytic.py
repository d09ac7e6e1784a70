"""Landscapes and quadratics to train on: their closed forms and the textbook's numbers."""

import pytest
import torch

from lab.workloads import build, train
from optbench.catalogue.workloads import analytic
from optbench.catalogue.workloads.entries import WORKLOADS
from optbench.catalogue.workloads.landscapes import LANDSCAPES


@pytest.mark.parametrize("name", LANDSCAPES)
def test_landscape_workloads_start_where_the_landscape_says(name):
    workload = build(WORKLOADS[name], None)
    assert workload.landscape == name
    model = workload.model()
    point = model().detach()
    assert point.dtype == torch.float64
    assert tuple(point.tolist()) == LANDSCAPES[name].start
    assert len(workload.coordinates) == len(LANDSCAPES[name].start)
    value = LANDSCAPES[name].function(*LANDSCAPES[name].start)
    assert float(workload.loss(model, ()).detach()) == pytest.approx(value)
    assert workload.optimum == 0


@pytest.mark.parametrize(("momentum", "loss"), [(0.0, 0.102332), (0.8, 2.86818e-05), (0.9, 3.63627e-04)])
def test_ravine_ends_where_the_textbook_does(momentum, loss):
    workload = analytic.ravine()
    losses, _ = train(workload, lambda p: torch.optim.SGD(p, lr=0.1, momentum=momentum), workload.budget)
    assert losses[-1] == pytest.approx(loss, rel=1e-4)


@pytest.mark.parametrize(("momentum", "well"), [(0.0, 1.0), (0.9, -2.0)])
def test_momentum_leaves_the_poor_well_and_descent_does_not(momentum, well):
    workload = analytic.double_well()
    _, model = train(workload, lambda p: torch.optim.SGD(p, lr=0.05, momentum=momentum), workload.budget)
    assert float(model().detach()) == pytest.approx(well, abs=0.01)


def test_quadratic_follows_its_closed_form():
    workload = analytic.quadratic(condition=1000.0, dimension=4)
    torch.manual_seed(7)
    start = torch.randn(4, dtype=torch.float64)
    h = torch.tensor([1e-3, 1e-2, 1e-1, 1.0], dtype=torch.float64)
    losses, model = train(workload, lambda p: torch.optim.SGD(p, lr=1.5), steps=20, seed=7)
    w = (1 - 1.5 * h) ** 20 * start
    torch.testing.assert_close(model().detach(), w)
    assert losses[-1] == pytest.approx(float((h * w * w).sum() / 2))
    assert losses[0] == pytest.approx(float((h * start * start).sum() / 2))


def test_noisy_quadratic_has_the_stated_noise_and_stationary_loss():
    noise, lr, dimension = 0.3, 0.5, 6
    workload = analytic.quadratic(condition=10.0, dimension=dimension, noise=noise)
    assert workload.augment is not None
    generator = torch.Generator().manual_seed(0)
    model = workload.model()
    drawn = []
    for _ in range(3000):
        model.zero_grad()
        workload.loss(model, workload.augment((), generator)).backward()
        noisy = model.position.grad.clone()
        model.zero_grad()
        workload.loss(model, ()).backward()
        drawn.append(noisy - model.position.grad)
    xi = torch.stack(drawn)
    assert float(xi.std()) == pytest.approx(noise, rel=0.03)
    assert xi.mean(dim=0).abs().max() < 0.03
    # The stationary loss, by iterating the variance's own recursion to its fixed point.
    h = 10.0 ** torch.linspace(-1, 0, dimension, dtype=torch.float64)
    variance = torch.zeros(dimension, dtype=torch.float64)
    for _ in range(2000):
        variance = (1 - lr * h) ** 2 * variance + (lr * noise) ** 2
    stationary = sum(lr * noise**2 / (2 * (2 - lr * float(each))) for each in h)
    assert float((h * variance).sum() / 2) == pytest.approx(stationary)


@pytest.mark.parametrize("name", LANDSCAPES)
def test_a_spread_draws_the_start_about_the_landscapes(name):
    """Mean and deviation of 4,000 starts; without a spread every start is the landscape's."""
    start = torch.tensor(LANDSCAPES[name].start, dtype=torch.float64)
    torch.manual_seed(0)
    spread = getattr(analytic, name)(spread=0.5)
    drawn = torch.stack([spread.model()().detach() for _ in range(4000)])
    assert (drawn.mean(dim=0) - start).abs().max() < 4 * 0.5 / 4000**0.5
    assert drawn.std(dim=0).tolist() == pytest.approx([0.5] * len(start), rel=0.05)
    assert torch.equal(getattr(analytic, name)().model()(), start)
    with pytest.raises(ValueError, match="spread must be"):
        getattr(analytic, name)(spread=-1)
