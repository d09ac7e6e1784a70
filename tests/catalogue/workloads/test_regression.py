"""Regressions: the textbook's data and optimum, and scipy's."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import nn

from lab.workloads import train
from optbench.catalogue.datasets.load import load_data
from optbench.catalogue.workloads import regression


def test_linear_regression_is_the_textbooks():
    torch.manual_seed(42)
    x = torch.randn(1000, 1)
    y = 3 * x + 2 + 0.5 * torch.randn(1000, 1)
    workload = regression.linear_regression()
    assert torch.equal(workload.train[0], x)
    assert torch.equal(workload.train[1], y)
    slope, intercept = np.polyfit(x[:, 0].double(), y[:, 0].double(), 1)  # an independent solver
    least = float(((slope * x.double() + intercept - y) ** 2).mean())
    assert workload.optimum == pytest.approx(least, rel=1e-12)
    assert workload.optimum == pytest.approx(0.265645, abs=5e-7)
    assert workload.target == pytest.approx(1.01 * 0.265645, rel=1e-5)
    assert (workload.budget, workload.batch_size, workload.eval_every) == (1000, None, 1)
    torch.manual_seed(0)
    expected = nn.Linear(1, 1)
    torch.manual_seed(0)
    assert torch.equal(workload.model().weight, expected.weight)


@pytest.mark.parametrize(("momentum", "updates"), [(0.0, 206), (0.9, 37)])
def test_linear_regression_reaches_its_target_when_the_textbook_does(momentum, updates):
    workload = regression.linear_regression()
    losses, _ = train(workload, lambda p: torch.optim.SGD(p, lr=0.01, momentum=momentum), updates)
    assert workload.target is not None
    assert losses[-1] <= workload.target < losses[-2]


def test_linear_regression_at_torchs_default_lr_never_arrives():
    losses, _ = train(regression.linear_regression(), lambda p: torch.optim.SGD(p, lr=1e-3), 999)
    assert losses[-1] == pytest.approx(0.465729, rel=1e-5)  # the loss that the 1,000th epoch prints


def test_logistic_regression_is_standardised_and_its_optimum_is_scipys(folder):
    data = load_data("breast_cancer", folder)
    workload = regression.logistic_regression(data)
    x, y = (tensor.double().numpy() for tensor in workload.train)
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(x.std(axis=0, ddof=1), 1, atol=1e-6)
    raw = data.test[0].numpy()
    by_hand = (raw - data.train[0].numpy().mean(axis=0)) / data.train[0].numpy().std(axis=0, ddof=1)
    assert workload.test is not None
    np.testing.assert_allclose(workload.test[0].numpy(), by_hand, rtol=1e-5, atol=1e-5)

    def loss(w):
        z = x @ w[:-1] + w[-1]
        return float(np.mean(np.logaddexp(0, z) - y * z) + 5e-4 * np.sum(w[:-1] ** 2))

    found = minimize(loss, np.zeros(31), method="BFGS", options={"gtol": 1e-8, "maxiter": 2000})
    assert workload.optimum == pytest.approx(found.fun, rel=1e-8)
    model = workload.model()
    with torch.no_grad():
        w = torch.cat([model.weight[0], model.bias]).double().numpy()
        assert float(workload.loss(model, workload.train)) == pytest.approx(loss(w), rel=1e-5)
