"""The catalogue of workloads: each can be trained, names and factories are there."""

from dataclasses import replace

import pytest
import torch

from lab.workloads import OFFLINE, build, images
from optbench.catalogue.datasets.load import load_data
from optbench.catalogue.workloads import analytic, regression, vision
from optbench.catalogue.workloads.entries import OWN_KIND, WORKLOADS, draws, kind_of


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


def test_workloads_say_what_they_are_and_whether_a_seed_changes_anything():
    still = {name for name, spec in WORKLOADS.items() if not draws(spec)}
    assert still == {"ravine", "rosenbrock", "saddle", "double_well", "slope"}
    ravine = WORKLOADS["ravine"]
    assert not draws(replace(ravine, settings={"spread": 0}))
    assert draws(replace(ravine, settings={"spread": 0.1}))
    assert draws(replace(ravine, factory="my_lab:ravine"))
    kinds = {name: kind_of(WORKLOADS[name]) for name in ("ravine", "logistic_regression", "digits_mlp")}
    assert kinds == {"ravine": "formulas", "logistic_regression": "linear models", "digits_mlp": "networks"}
    assert kind_of(replace(ravine, factory="my_lab.analytic:ravine")) == OWN_KIND


@pytest.mark.parametrize("name", ["ravine", "rosenbrock", "saddle", "double_well", "slope"])
def test_what_is_said_to_draw_nothing_draws_nothing(name):
    """Trained under two seeds: the same model to the last bit."""
    ends = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        workload = build(replace(WORKLOADS[name], overrides={"steps": 5}), None)
        model = workload.model()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(5):
            optimizer.zero_grad()
            workload.loss(model, ()).backward()
            optimizer.step()
        ends.append(model().detach())
    assert torch.equal(*ends)
