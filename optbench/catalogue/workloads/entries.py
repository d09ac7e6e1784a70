"""The built-in workloads: which factory, which settings, which budget and target (no torch).

Budgets keep a cell on small data below two seconds on one CPU core, most of them below half a second; the
transformer on text takes about ten. A target is a validation loss that good optimizers reached at about a
third to two thirds of the budget in trial runs of SGD, momentum 0.9 and Adam over a grid of learning rates
(the double well: within the good well). The targets on downloaded data were not measured; they stand where
published runs pass midway.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from optbench.core.specs import DatasetSpec, WorkloadSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optbench.core.specs import Setting


def _workload(
    name: str,
    label: str,
    factory: str,
    *,
    dataset: str | None = None,
    settings: Mapping[str, Setting] | None = None,
    **overrides: Setting,
) -> WorkloadSpec:
    return WorkloadSpec(
        name=name,
        factory=f"optbench.catalogue.workloads.{factory}",
        settings=dict(settings or {}),
        overrides=overrides,
        dataset=DatasetSpec(dataset) if dataset else None,
        label=label,
    )


def _digits_regime(name: str, label: str, batch_size: int | str, target: float) -> WorkloadSpec:
    # Equal updates, not equal epochs: what the regimes are said to differ in (steadiness of the steps, cost
    # of an update) is a matter of each update, and at equal epochs the full batch would make 1 update for
    # every 1,079 of the one-sample regime. The price: the examples seen differ by that factor, so the losses
    # of two regimes are not comparable, only those of two optimizers within one.
    return _workload(
        name,
        label,
        "vision:mlp",
        dataset="digits",
        settings={"hidden": [32], "white": 16.0},
        batch_size=batch_size,
        steps=400,
        eval_every=10,
        target=target,
    )


WORKLOADS: Mapping[str, WorkloadSpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            _workload("ravine", "Ravine", "analytic:ravine", target=0.01),
            _workload(
                "ravine_starts",
                "Ravine, drawn starts",
                "analytic:ravine",
                settings={"spread": 0.3},
                target=0.01,
            ),
            _workload("rosenbrock", "Rosenbrock's valley", "analytic:rosenbrock", target=0.01),
            _workload(
                "rosenbrock_starts",
                "Rosenbrock's valley, drawn starts",
                "analytic:rosenbrock",
                settings={"spread": 0.1},
                target=0.01,
            ),
            _workload("saddle", "Saddle", "analytic:saddle", target=0.01),
            _workload("double_well", "Double well", "analytic:double_well", target=0.01),
            _workload("slope", "Constant slope", "analytic:slope", target=35.0),
            _workload(
                "quadratic",
                "Quadratic, condition 100",
                "analytic:quadratic",
                settings={"condition": 100.0},
                target=1e-3,
            ),
            _workload(
                "quadratic_ill",
                "Quadratic, condition 10,000",
                "analytic:quadratic",
                settings={"condition": 10_000.0},
                steps=500,
                target=1e-4,
            ),
            _workload(
                "quadratic_noisy",
                "Noisy quadratic, condition 100",
                "analytic:quadratic",
                settings={"condition": 100.0, "noise": 0.1},
                target=0.02,
            ),
            # Its target is 1% above the least-squares loss, which the factory solves for.
            _workload("linear_regression", "Linear regression", "regression:linear_regression"),
            _workload(
                "logistic_regression",
                "Logistic regression, breast cancer",
                "regression:logistic_regression",
                dataset="breast_cancer",
                target=0.17,
            ),
            _workload("tiny_sigmoid", "Tiny sigmoid network", "tiny:tiny_sigmoid", target=2481.65),
            _workload(
                "digits_mlp",
                "Digits, 64-32-10",
                "vision:mlp",
                dataset="digits",
                settings={"hidden": [32], "white": 16.0},
                batch_size=32,
                epochs=10,
                eval_every=10,
                target=0.15,
            ),
            _digits_regime("digits_full", "Digits, full batch", "full", 0.15),
            _digits_regime("digits_one", "Digits, one sample", 1, 0.7),
            *(_digits_regime(f"digits_{n}", f"Digits, batch {n}", n, 0.15) for n in (32, 64, 128, 256)),
            _workload(
                "mnist5k_mlp",
                "MNIST-5k, 784-100-10",
                "vision:mlp",
                dataset="mnist5k",
                settings={"hidden": [100]},
                epochs=8,
                eval_every=20,
                target=0.35,
            ),
            _workload(
                "mnist5k_cnn",
                "MNIST-5k, small CNN",
                "vision:cnn",
                dataset="mnist5k",
                eval_every=20,
                target=0.25,
            ),
            _workload(
                "asv_transformer",
                "English text, small transformer",
                "text:transformer",
                dataset="asv",
                target=2.4,
            ),
            _workload("mnist_mlp", "MNIST, 784-200-10", "vision:mlp", dataset="mnist", target=0.15),
            _workload(
                "fashion_mnist_mlp",
                "Fashion-MNIST, 784-200-10",
                "vision:mlp",
                dataset="fashion_mnist",
                target=0.4,
            ),
            _workload(
                "kmnist_mlp", "Kuzushiji-MNIST, 784-200-10", "vision:mlp", dataset="kmnist", target=0.4
            ),
            _workload(
                "cifar10_resnet18", "CIFAR-10, ResNet-18", "vision:resnet18", dataset="cifar10", target=0.5
            ),
            _workload(
                "cifar100_resnet18", "CIFAR-100, ResNet-18", "vision:resnet18", dataset="cifar100", target=1.5
            ),
            _workload("cifar10_vit", "CIFAR-10, small ViT", "vision:vit", dataset="cifar10", target=1.0),
            _workload("cifar100_vit", "CIFAR-100, small ViT", "vision:vit", dataset="cifar100", target=2.5),
        )
    }
)
"""The workloads by the name that a study uses."""

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "analytic": "formulas",
        "regression": "linear models",
        "tiny": "networks",
        "vision": "networks",
        "text": "networks",
    }
)
"""What the workloads of each module are."""

OWN_KIND = "own workloads"
"""What the workloads of plug-ins are: nobody has said more."""

_STARTING = frozenset(
    f"optbench.catalogue.workloads.analytic:{name}"
    for name in ("ravine", "rosenbrock", "saddle", "double_well", "slope")
)
"""Factories whose start is the textbook's unless a spread about it is asked for."""


def kind_of(spec: WorkloadSpec) -> str:
    """What sort of workload it is, for effects that are pooled over workloads of one sort."""
    package, _, module = spec.factory.partition(":")[0].rpartition(".")
    return KINDS.get(module, OWN_KIND) if package == __name__.rpartition(".")[0] else OWN_KIND


def draws(spec: WorkloadSpec) -> bool:
    """Whether a seed changes anything in the workload: its start, its data, its batches.

    Of the built-in ones that is known; a plug-in's is taken to draw.
    """
    return not (spec.factory in _STARTING and not spec.settings.get("spread"))
