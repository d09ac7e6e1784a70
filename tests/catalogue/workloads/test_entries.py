"""The built-in workloads: each can be trained, and the textbook's have the textbook's numbers."""

import importlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import nn

from optbench.catalogue.datasets.entries import DATASETS
from optbench.catalogue.datasets.load import Data, load_data
from optbench.catalogue.datasets.prepare import prepare
from optbench.catalogue.workloads import analytic, regression, tiny, vision
from optbench.catalogue.workloads.entries import WORKLOADS
from optbench.catalogue.workloads.landscapes import LANDSCAPES
from optbench.core.specs import DatasetSpec

OFFLINE = [
    name for name, spec in WORKLOADS.items() if spec.dataset is None or DATASETS[spec.dataset.name].sha256
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("data")
    for name in {WORKLOADS[name].dataset.name for name in OFFLINE if WORKLOADS[name].dataset}:
        assert prepare(DatasetSpec(name), path)["status"] == "ready"
    return path


def build(spec, data):
    """What a study's worker does: call the factory, then set the overridden fields."""
    module, _, name = spec.factory.partition(":")
    factory = getattr(importlib.import_module(module), name)
    workload = factory(*([data] if spec.dataset else []), **spec.settings)
    fields = {key: None if value == "full" else value for key, value in spec.overrides.items()}
    fields |= {"epochs": None} if "steps" in fields else {"steps": None} if "epochs" in fields else {}
    return replace(workload, **fields)


def train(workload, optimizer, steps, seed=0):
    """Train on full batches; return the validation-free loss before each step and after the last."""
    torch.manual_seed(seed)
    model = workload.model()
    made = optimizer(model.parameters())
    losses = []
    for step in range(steps + 1):
        loss = workload.loss(model, workload.train)
        losses.append(float(loss.detach()))
        if step < steps:
            made.zero_grad()
            loss.backward()
            made.step()
    return losses, model


def images(n=40, shape=(8, 8), n_classes=10):
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (n, *shape), generator=generator, dtype=torch.uint8)
    half = (x, torch.arange(n) % n_classes)
    return Data(train=half, validation=half, test=half, sha256="", n_classes=n_classes)


@pytest.mark.parametrize("name", OFFLINE)
def test_offline_workload_trains_on_full_and_partial_batches(folder, name):
    spec = WORKLOADS[name]
    workload = build(spec, load_data(spec.dataset.name, folder) if spec.dataset else None)
    assert workload.target is not None
    assert workload.budget >= 20
    torch.manual_seed(0)
    model = workload.model()
    sizes = (300 if name == "asv_transformer" else None, 3, 1)  # attention over all windows costs seconds
    batches = [tuple(x[:size] for x in workload.train) for size in sizes]
    for plain in batches:
        batch = workload.augment(plain, torch.Generator().manual_seed(1)) if workload.augment else plain
        loss = workload.loss(model, batch)
        assert loss.shape == ()
        assert loss.isfinite()
        loss.backward()
    for parameter in model.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
        assert parameter.is_contiguous()  # torch's LBFGS flattens by view
    held = workload.validation if workload.validation is not None else workload.train
    with torch.no_grad():
        assert workload.loss(model, held) > workload.target
        for metric in workload.metrics.values():
            assert 0 <= float(metric(model, held)) <= 1
    for split in (workload.train, workload.validation or (), workload.test or ()):
        assert all(x.is_contiguous() for x in split)
    if workload.coordinates:
        assert len(workload.coordinates) <= sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", OFFLINE)
def test_initialisation_follows_the_global_stream(folder, name):
    spec = WORKLOADS[name]
    workload = build(spec, load_data(spec.dataset.name, folder) if spec.dataset else None)

    def initial(seed):
        torch.manual_seed(seed)
        return torch.cat([p.detach().flatten() for p in workload.model().parameters()])

    assert torch.equal(initial(3), initial(3))
    assert workload.landscape or not torch.equal(initial(3), initial(4))  # a landscape's start is fixed


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


def test_tiny_network_is_the_textbooks():
    workload = tiny.tiny_sigmoid()
    model = workload.model()
    assert [tuple(p.shape) for p in model.parameters()] == [
        (3, 2), (3,), (2, 3), (2,), (12, 2), (12,), (2, 12), (2,),
    ]  # fmt: skip
    assert [type(layer) for layer in model] == [nn.Linear, nn.Sigmoid] * 4
    for parameter in model.parameters():
        parameter.data.zero_()
    # Every output is sigmoid(0) = 1/2.
    by_hand = (0.5**2 + 1.5**2 + 0.5**2 + 2.5**2 + 0.5**2 + 122.5**2) / 6
    assert float(workload.loss(model, workload.train).detach()) == pytest.approx(by_hand)
    losses, _ = train(workload, lambda p: torch.optim.Adam(p, lr=0.1), workload.budget)
    assert workload.optimum == 2481.5
    assert workload.optimum < losses[-1] < workload.optimum + 0.2


def test_mlp_has_the_textbooks_shape_and_scaling():
    data = images(shape=(28, 28))
    workload = vision.mlp(data)
    shapes = [tuple(p.shape) for p in workload.model().parameters()]
    assert shapes == [(200, 784), (200,), (10, 200), (10,)]
    assert (workload.batch_size, workload.epochs, workload.eval_every) == (64, 5, 30)
    expected = (data.train[0].double() / 255 - 0.5) / 0.5
    torch.testing.assert_close(workload.train[0].double(), expected.flatten(1), rtol=1e-6, atol=1e-6)
    assert vision.mlp(data, hidden=[]).model()(workload.train[0]).shape == (40, 10)


def test_cnn_keeps_odd_sizes():
    workload = vision.cnn(images(shape=(9, 7)), channels=[4, 8])
    assert workload.model()(workload.train[0]).shape == (40, 10)


def test_accuracy_counts_by_hand():
    class Logits(nn.Module):
        def forward(self, x):
            return x

    logits = torch.tensor([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0], [1.0, 0.0]])
    assert float(vision.accuracy(Logits(), (logits, torch.tensor([0, 1, 1, 0])))) == 0.75


def test_resnet_trains_on_bytes_and_augments_from_its_generator_alone():
    data = images(n=8, shape=(3, 32, 32))
    workload = vision.resnet18(data)
    assert workload.train[0].dtype == torch.uint8
    assert workload.augment is not None
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, second = (workload.augment(workload.train, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first[0], second[0])
    assert first[0].shape == data.train[0].shape
    assert first[0].dtype == torch.uint8
    model = workload.model()
    assert sum(p.numel() for p in model.parameters()) == 11_173_962  # the CIFAR ResNet-18 with a 3x3 stem
    loss = workload.loss(model, first)
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_vit_starts_at_the_loss_of_a_guess_and_trains():
    data = images(n=8, shape=(3, 32, 32))
    workload = vision.vit(data)
    torch.manual_seed(0)
    model = workload.model()
    # By hand: patches 4*4*3*192 + 192; class token 192; 65 positions of 192; in each of 6 blocks two norms
    # of 2*192, attention 4*192^2 + 4*192, the network 2*192*384 + 384 + 192; a norm; the output layer.
    block = 2 * 2 * 192 + 4 * 192**2 + 4 * 192 + 2 * 192 * 384 + 384 + 192
    count = (48 * 192 + 192) + 192 + 65 * 192 + 6 * block + 2 * 192 + (192 * 10 + 10)
    assert sum(p.numel() for p in model.parameters()) == count
    assert float(workload.loss(model, workload.train).detach()) == pytest.approx(np.log(10))
    losses, _ = train(workload, lambda p: torch.optim.Adam(p, lr=1e-3), 5)
    assert losses[-1] < losses[0]


def test_normalisation_uses_the_training_channels():
    data = images(n=30, shape=(3, 5, 4))
    x = data.train[0].double()
    mean, deviation = vision._channel_moments(data.train[0])
    torch.testing.assert_close(mean.double(), x.mean(dim=(0, 2, 3)), rtol=1e-6, atol=0)
    torch.testing.assert_close(deviation.double(), x.std(dim=(0, 2, 3), correction=0), rtol=1e-6, atol=0)
    out = vision.Normalise(mean, deviation)(data.train[0])
    torch.testing.assert_close(out.mean(dim=(0, 2, 3)), torch.zeros(3), rtol=0, atol=1e-5)


def test_flip_and_crop_gives_windows_of_the_padded_image_and_its_mirror():
    original = torch.arange(1, 1 + 2 * 3 * 4 * 5, dtype=torch.int32).view(2, 3, 4, 5)
    padded = torch.zeros(2, 3, 6, 7, dtype=torch.int32)
    padded[:, :, 1:-1, 1:-1] = original
    generator = torch.Generator().manual_seed(0)
    seen = set()
    for _ in range(300):
        out = vision.flip_and_crop(original, 1, generator)
        for which in range(2):
            matches = [
                (row, column, flipped)
                for row in range(3)
                for column in range(3)
                for flipped in (False, True)
                for window in [padded[which, :, row : row + 4, column : column + 5]]
                if torch.equal(out[which], window.flip(2) if flipped else window)
            ]
            assert len(matches) == 1
            seen.add((which, *matches[0]))
    assert len(seen) == 2 * 3 * 3 * 2


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("mnist_mlp", (28, 28)),
        ("fashion_mnist_mlp", (28, 28)),
        ("kmnist_mlp", (28, 28)),
        ("cifar10_resnet18", (3, 32, 32)),
        ("cifar100_resnet18", (3, 32, 32)),
        ("cifar10_vit", (3, 32, 32)),
        ("cifar100_vit", (3, 32, 32)),
    ],
)
def test_downloaded_workloads_build_from_arrays_of_their_shape(name, shape):
    workload = build(WORKLOADS[name], images(n=12, shape=shape))
    assert workload.target is not None
    assert workload.validation is not None
    assert workload.test is not None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: analytic.quadratic(condition=0.5), "condition must be a finite number >= 1; got 0.5"),
        (lambda: analytic.quadratic(noise=-1.0), "noise must be a finite number >= 0; got -1.0"),
        (lambda: analytic.quadratic(noise=float("nan")), "noise must be a finite number >= 0; got nan"),
        (lambda: analytic.quadratic(dimension=0), "dimension must be a whole number >= 1; got 0"),
        (lambda: regression.logistic_regression(images(), l2=0), "l2 must be a finite number > 0; got 0"),
        (lambda: regression.logistic_regression(images()), "dataset must be a table with two classes"),
        (lambda: vision.mlp(images(), hidden=[0]), r"hidden must be a list of whole numbers >= 1; got \[0\]"),
        (lambda: vision.mlp(images(), white=0), "white must be a finite number > 0; got 0"),
        (
            lambda: vision.cnn(images(), channels=[]),
            r"channels must be a list of whole numbers >= 1; got \[\]",
        ),
        (lambda: vision.cnn(images(shape=(3, 8, 8))), "dataset must hold grey images"),
        (lambda: vision.resnet18(images()), "dataset must hold colour images of bytes"),
        (lambda: vision.resnet18(images(shape=(3, 8, 8)), padding=-1), "padding must be a whole number >= 0"),
        (lambda: vision.vit(images()), "dataset must hold colour images of bytes"),
        (
            lambda: vision.vit(images(shape=(3, 8, 8)), patch=3),
            "patch must divide the side of square images; got 3",
        ),
        (
            lambda: vision.vit(images(shape=(3, 8, 8)), width=64),
            "width must be a multiple of heads = 3; got 64",
        ),
    ],
)
def test_bad_settings_are_one_line_naming_the_key(make, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        make()


def test_catalogue_names_labels_and_factories():
    assert all(name == spec.name and spec.label for name, spec in WORKLOADS.items())
    assert len({spec.label for spec in WORKLOADS.values()}) == len(WORKLOADS)


def test_batch_regimes_differ_in_the_batch_alone():
    regimes = [WORKLOADS[f"digits_{size}"] for size in ("full", "one", 32, 64, 128, 256)]
    assert [spec.overrides["batch_size"] for spec in regimes] == ["full", 1, 32, 64, 128, 256]
    assert len({(spec.factory, str(spec.settings), spec.overrides["steps"]) for spec in regimes}) == 1
