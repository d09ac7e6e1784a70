"""Optimizers of other packages, by dotted name: they conform, train, and agree with what we have written."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lab.checkout import ROOT
from optbench.catalogue.optimizers.lion import Lion
from optbench.catalogue.optimizers.make import evaluated_weights, make_optimizer
from optbench.cells.matrix import cells_of
from optbench.core.factories import load_factory
from optbench.core.specs import OptimizerSpec, Setting
from optbench.study.resolve import read_study
from optbench.testing import check_optimizer
from optbench.training.loop import train_cell

pytest.importorskip("pytorch_optimizer")
pytest.importorskip("schedulefree")
pytest.importorskip("optimi")

THEIRS = {
    "pytorch_optimizer:Lion": 0.003,
    "pytorch_optimizer:AdEMAMix": 0.003,
    "pytorch_optimizer:SOAP": 0.003,
    "pytorch_optimizer:Prodigy": 1.0,
    "schedulefree:AdamWScheduleFree": 0.01,
    "schedulefree:SGDScheduleFree": 1.0,
    "optimi:Adan": 0.01,
    "optimi:Ranger": 0.03,
}
"""By dotted name, with a learning rate at which the digits' network learns."""


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("theirs")
    lines = [f'  "{name}": {{factory: "{name}", lr: {lr}}}' for name, lr in THEIRS.items()]
    (folder / "theirs.yaml").write_text(
        "study: theirs\nseeds: 1\nworkloads:\n  logistic_regression: {steps: 150, eval_every: 50}\n"
        "optimizers:\n" + "\n".join(lines) + "\nprobes: false\n",
        encoding="utf-8",
    )
    from optbench.catalogue.datasets.prepare import prepare

    study = read_study(folder / "theirs.yaml", "cpu")
    for spec in study.datasets.values():
        prepare(spec, folder / "data")
    return {cell.optimizer.name: train_cell(cell, folder / "data") for cell in cells_of(study)}


@pytest.mark.parametrize("name", THEIRS)
def test_they_learn(name: str, traces: dict[str, object]) -> None:
    trace = traces[name]
    assert trace.facts["status"] == "ok", trace.facts["error"]  # type: ignore[attr-defined]
    losses = [
        value
        for split, metric, value in zip(trace.split, trace.metric, trace.value, strict=True)  # type: ignore[attr-defined]
        if (split, metric) == ("validation", "loss")
    ]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize(
    "name", ["schedulefree:AdamWScheduleFree", "pytorch_optimizer:AdEMAMix", "optimi:Adan"]
)
def test_they_conform(name: str) -> None:
    assert check_optimizer(load_factory(name), lr=0.01) == []


def walk(optimizer: torch.optim.Optimizer, weight: nn.Parameter, steps: int) -> Tensor:
    target = torch.linspace(-1, 1, len(weight), dtype=weight.dtype)
    for _ in range(steps):
        optimizer.zero_grad()
        ((weight - target) ** 2).sum().backward()
        optimizer.step()
    return weight.detach().clone()


def start() -> nn.Parameter:
    generator = torch.Generator().manual_seed(1)
    return nn.Parameter(torch.randn(7, generator=generator, dtype=torch.float64))


def test_our_lion_is_theirs() -> None:
    ours, theirs = start(), start()
    a = walk(Lion([ours], lr=0.01, betas=(0.9, 0.99)), ours, 40)
    b = walk(load_factory("pytorch_optimizer:Lion")([theirs], lr=0.01, betas=(0.9, 0.99)), theirs, 40)
    torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("factory", "settings"),
    [
        ("optimi:AdamW", {"foreach": False}),
        ("torch.optim:AdamW", {"foreach": True}),
        ("torch.optim:AdamW", {"fused": True}),
    ],
)
def test_variants_are_the_method_that_they_speed_up(factory: str, settings: dict[str, Setting]) -> None:
    """Settings of a study; the plain loop of torch's AdamW is the reference."""
    plain, other = start(), start()
    decay = {"weight_decay": 0.1}
    a = walk(torch.optim.AdamW([plain], lr=0.01, foreach=False, **decay), plain, 40)
    spec = OptimizerSpec("variant", factory, 0.01, {**decay, "betas": [0.9, 0.999], "eps": 1e-8, **settings})
    b = walk(make_optimizer(spec, load_factory(factory), [other], 0.01), other, 40)
    torch.testing.assert_close(a, b, rtol=0, atol=1e-10)


def test_schedule_free_weights_are_the_average() -> None:
    """Schedule-free SGD judges x_t, the running mean of the iterates z_t of its gradient steps taken at
    y_t = (1 - b) z_t + b x_t (Defazio et al. 2024, equations 3 to 5), with b = 0.9 and equal weights."""
    weight = start()
    lr, beta = 0.1, 0.9
    target = torch.linspace(-1, 1, len(weight), dtype=weight.dtype)
    spec = OptimizerSpec("sf", "schedulefree:SGDScheduleFree", lr, {"momentum": beta})
    optimizer = make_optimizer(spec, load_factory(spec.factory), [weight], lr)
    z = x = weight.detach().clone()
    for t in range(1, 31):
        y = (1 - beta) * z + beta * x
        torch.testing.assert_close(weight.detach(), y, rtol=0, atol=1e-10)
        walk(optimizer, weight, 1)
        z = z - lr * 2 * (y - target)
        x = (1 - 1 / t) * x + z / t
        with evaluated_weights(optimizer):
            torch.testing.assert_close(weight.detach(), x, rtol=0, atol=1e-10)


def test_other_optimizers_have_no_modes() -> None:
    weight = start()
    before = weight.detach().clone()
    with evaluated_weights(torch.optim.Adam([weight])):
        assert torch.equal(weight, before)


def test_the_extra_names_what_is_tested() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extra = text.partition("\noptimizers = [")[2].partition("]")[0]
    distributions = {"optimi": "torch-optimi"}
    modules = {name.partition(":")[0] for name in THEIRS}
    packages = {distributions.get(module, module.replace("_", "-")) for module in modules}
    assert all(package in extra for package in packages)
