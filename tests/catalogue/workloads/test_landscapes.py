"""The surfaces against numbers worked by hand, and what gradient descent does on them."""

import numpy as np
import pytest
import torch

from optbench.catalogue.workloads.landscapes import LANDSCAPES, double_well, ravine, rosenbrock, saddle, slope


def momentum(gradient, start, lr, beta, steps):
    """The heavy ball written out: v <- beta v + gradient, w <- w - lr v."""
    w, v = np.array(start, dtype=float), np.zeros(len(start))
    for _ in range(steps):
        v = beta * v + gradient(w)
        w = w - lr * v
    return w


@pytest.mark.parametrize(
    ("function", "point", "value"),
    [
        (ravine, (-2.4, 0.2), 0.72),  # 5.76/16 + 9 * 0.04
        (ravine, (4.0, 1.0), 10.0),
        (rosenbrock, (-1.2, 1.0), 24.2),  # 2.2^2 + 100 * 0.44^2 = 4.84 + 19.36
        (rosenbrock, (0.0, 0.0), 1.0),
        (saddle, (0.0, 0.0), 0.25),
        (saddle, (1.0, 2.0), 2.75),  # 1/2 - 2 + 4 + 1/4
        (double_well, (2.0,), 16 / 3),
        (double_well, (1.0,), 9 / 4),
        (double_well, (0.0,), 8 / 3),
        (double_well, (-2.0,), 0.0),
        (slope, (40.0,), 40.0),
        (slope, (-0.5,), 0.5),
    ],
)
def test_values_worked_by_hand(function, point, value):
    assert function(*point) == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize(
    ("function", "gradient"),
    [
        (ravine, lambda x, y: (x / 8, 18 * y)),
        (rosenbrock, lambda x, y: (-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2))),
        (saddle, lambda x, y: (x, y**3 - y)),
        (double_well, lambda x: (x * (x - 1) * (x + 2),)),
        (slope, lambda x: (np.sign(x),)),
    ],
)
def test_torch_gradients_match_the_closed_forms(function, gradient):
    points = np.random.default_rng(0).normal(size=(20, function.__code__.co_argcount))
    for point in points:
        w = torch.tensor(point, requires_grad=True)
        function(*w.unbind()).backward()
        assert w.grad is not None
        np.testing.assert_allclose(w.grad.numpy(), gradient(*point), rtol=1e-12)


@pytest.mark.parametrize("name", LANDSCAPES)
def test_floats_arrays_and_tensors_agree(name):
    surface = LANDSCAPES[name]
    grid = np.random.default_rng(1).uniform(-1, 1, size=(len(surface.start), 3, 4))
    heights = surface.function(*grid)
    assert heights.shape == (3, 4)
    assert surface.function(*grid[:, 1, 2].tolist()) == pytest.approx(heights[1, 2])
    np.testing.assert_allclose(surface.function(*torch.from_numpy(grid)).numpy(), heights)


@pytest.mark.parametrize("name", LANDSCAPES)
def test_starts_and_minima_lie_in_the_view_and_minima_are_minima(name):
    surface = LANDSCAPES[name]
    assert surface.function(*surface.minima[0]) == 0
    for point in (surface.start, *surface.minima):
        assert all(low <= value <= high for value, (low, high) in zip(point, surface.view, strict=True))
    for minimum in surface.minima:
        around = np.array(minimum)[:, None] + np.random.default_rng(2).normal(size=(len(minimum), 200)) * 1e-2
        assert (surface.function(*around) > surface.function(*minimum)).all()


@pytest.mark.parametrize(("beta", "loss"), [(0.0, 0.102332), (0.8, 2.86818e-05), (0.9, 3.63627e-04)])
def test_ravine_reproduces_the_textbook(beta, loss):
    end = momentum(lambda w: np.array([w[0] / 8, 18 * w[1]]), (-2.4, 0.2), lr=0.1, beta=beta, steps=50)
    assert ravine(*end) == pytest.approx(loss, rel=1e-4)


@pytest.mark.parametrize("lr", [0.01, 0.05, 0.1, 0.2])
def test_double_well_holds_descent_and_lets_momentum_go(lr):
    def slope(w):
        return w * (w - 1) * (w + 2)

    assert momentum(slope, (2.0,), lr, beta=0.0, steps=2000) == pytest.approx(1.0)
    assert momentum(slope, (2.0,), lr, beta=0.9, steps=2000) == pytest.approx(-2.0)


def test_momentum_passes_the_saddle_sooner():
    def slope(w):
        return np.array([w[0], w[1] ** 3 - w[1]])

    start = LANDSCAPES["saddle"].start
    plain, ball = (saddle(*momentum(slope, start, 0.1, beta, 40)) for beta in (0.0, 0.9))
    assert plain == pytest.approx(0.25, abs=0.01)  # still on the saddle
    assert ball < 0.03
