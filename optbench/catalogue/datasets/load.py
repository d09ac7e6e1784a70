"""Prepared data sets as tensors: what training reads."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optbench.core.checksums import read_checked
from optbench.core.errors import CorruptFileError
from optbench.core.files import read_regular

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Any

    from torch import Tensor


SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Data:
    """A prepared data set.

    Attributes:
        train: (x, y): x as published, leading dimension examples; y int64 labels of 0..n_classes-1.
        validation: the same for the validation split.
        test: the same for the test split.
        sha256: the content hash over all splits.
        n_classes: the number of classes.

    A split that was not asked for is an empty tuple.
    """

    train: tuple[Tensor, ...]
    validation: tuple[Tensor, ...]
    test: tuple[Tensor, ...]
    sha256: str
    n_classes: int


def load_data(name: str, folder: Path, splits: Iterable[str] = SPLITS) -> Data:
    """Reads prepared splits into freshly allocated CPU tensors.

    The storage comes from torch's own allocator, hence equally aligned in every process: where a memory map
    happens to begin must not decide which vector instructions sum the numbers.

    Args:
        name: the data set.
        folder: the data folder that `prepare` wrote to.
        splits: any of "train", "validation", "test".

    Raises:
        DataUnavailableError: it is not prepared, is marked unavailable, or a file has changed since.
    """
    home = folder / name
    try:
        manifest = read_checked(home / "manifest.json")
    except (OSError, CorruptFileError) as error:
        raise DataUnavailableError(f"data set {name!r} is not prepared: {_one_line(error)}") from error
    if manifest["status"] != "ready":
        raise DataUnavailableError(f"data set {name!r} is unavailable: {manifest['reason']}")
    wanted = {split: _tensors(home, manifest, split) for split in splits}
    return Data(
        train=wanted.get("train", ()),
        validation=wanted.get("validation", ()),
        test=wanted.get("test", ()),
        sha256=manifest["sha256"],
        n_classes=manifest["n_classes"],
    )


def _tensors(home: Path, manifest: dict[str, Any], split_name: str) -> tuple[Tensor, ...]:
    import torch  # noqa: PLC0415  (preparing needs none of its seconds)

    tensors = []
    for part in ("x", "y"):
        file = f"{split_name}_{part}.npy"
        try:
            content = read_regular(home / file)
        except (OSError, CorruptFileError) as error:
            raise DataUnavailableError(f"data set {home.name!r}: {_one_line(error)}") from error
        if hashlib.sha256(content).hexdigest() != manifest["files"][file]:
            raise DataUnavailableError(f"data set {home.name!r}: {file} has changed since it was prepared")
        tensors.append(torch.from_numpy(np.load(io.BytesIO(content), allow_pickle=False)).clone())
    return tuple(tensors)


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, DataUnavailableError) else f"{type(error).__name__}: {text}".rstrip(": ")


class DataUnavailableError(Exception):
    """The data set is not there; the message is the reason in one line."""
