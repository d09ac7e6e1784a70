"""Raw data sets as arrays on disk: split once by a recorded seed, hashed, and loaded as tensors.

The publisher's numbers stay as they are (integers stay integers); scaling belongs to the workloads. Data
that cannot be had is recorded as such and never replaced by something else.
"""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from optbench.catalogue.datasets.entries import DATASETS
from optbench.catalogue.datasets.load import SPLITS, DataUnavailableError, _one_line
from optbench.catalogue.datasets.sources import UNREADABLE
from optbench.core.checksums import with_checksum
from optbench.core.factories import load_factory as load_reader
from optbench.core.files import set_aside, write_atomically, write_text
from optbench.core.folders import make_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from optbench.catalogue.datasets.sources import Raw
    from optbench.core.specs import DatasetSpec

    Array = NDArray[Any]


SPLIT_SEED = 20_240_229
"""Decides which examples are held out; recorded in every manifest. Another value is another data set."""


def prepare(spec: DatasetSpec, folder: Path, digest: str = "") -> dict[str, Any]:
    """Writes a data set's split arrays and, last, its manifest below `folder/<name>`; returns the manifest.

    The arrays are `{train,validation,test}_{x,y}.npy`; `manifest.json` says what they are (source, licence,
    citation, split seed, sizes, shapes, types, sha256 of each file and of the content, package versions).

    Embedded tables and images are split 60/20/20 within each class; a published test part is kept and a
    validation split of a twelfth (CIFARs: a tenth) taken from the training part, within each class. A text is
    cut 80/10/10 where it stands; its manifest has the `alphabet` that its codes count.

    Where the data cannot be had or is not what the catalogue pins, the manifest has status "unavailable"
    and a `reason` of one line, and no arrays are left.

    Args:
        spec: which data set, and from where. With `root`, only files there are read: IDX files
            (`train-images-idx3-ubyte`, plain or .gz; in the folder, its `raw/` or torchvision's layout), or
            the `cifar-10-batches-py` or `cifar-100-python` folder.
        folder: the data folder; raw downloads go to `folder/raw`.
        digest: what `optbench.cells.data.data_digests` gives for it, to be kept in the manifest: data
            that was read and cut otherwise has another.

    Raises:
        ValueError: `spec.name` is not a built-in data set.
        OSError: it cannot be written there.
    """
    if spec.name not in DATASETS:
        raise ValueError(f"datasets: unknown name {spec.name!r} (allowed: {', '.join(sorted(DATASETS))})")
    entry = DATASETS[spec.name]
    home = folder / spec.name
    make_folder(home)
    # Until the new manifest stands there must be none: arrays of two preparations could lie side by side.
    (home / "manifest.json").unlink(missing_ok=True)
    manifest: dict[str, Any] = {
        "name": spec.name,
        "status": "ready",
        "reason": "",
        "label": entry.label,
        "source": entry.source if spec.root is None else f"files in {spec.root}",
        "fingerprint": spec.fingerprint,
        "digest": digest,
        "licence": entry.licence,
        "citation": entry.citation,
        "versions": _versions(("numpy", entry.package)),
    }
    cut = split_by_position if entry.by_position else split
    try:
        raw: Raw = load_reader(entry.reader)(spec, folder)
        arrays = cut(raw, entry.validation_share)
        sha256 = content_sha256(arrays)
        _check(arrays, sha256, entry.n_classes, entry.sha256)
    except (DataUnavailableError, *UNREADABLE) as error:
        for split_name, part in product(SPLITS, ("x", "y")):
            array = home / f"{split_name}_{part}.npy"
            if array.is_dir() and not array.is_symlink():
                set_aside(array)
            array.unlink(missing_ok=True)
        manifest |= {"status": "unavailable", "reason": _one_line(error)}
    else:
        files = {f"{name}.npy": _write(home / f"{name}.npy", array) for name, array in arrays.items()}
        manifest |= {
            "split_seed": None if entry.by_position else SPLIT_SEED,
            "n_classes": entry.n_classes,
            "sizes": {name: len(arrays[f"{name}_y"]) for name in SPLITS},
            "shapes": {name: list(array.shape) for name, array in arrays.items()},
            "dtypes": {name: str(array.dtype) for name, array in arrays.items()},
            "files": files,
            "sha256": sha256,
        }
        if raw.alphabet:
            manifest["alphabet"] = raw.alphabet
    write_text(home / "manifest.json", json.dumps(with_checksum(manifest), indent=2, sort_keys=True) + "\n")
    return manifest


def split(raw: Raw, validation_share: float) -> dict[str, Array]:
    """Returns the six arrays `train_x` ... `test_y`, examples in the publisher's order.

    Within each class the examples are ranked by a random key; the first share is held out, at least one
    example a class that has two. The keys are raw draws of PCG64, a stream that numpy promises never to
    change (its shuffles it may).

    Args:
        raw: all examples, with or without a published test part.
        validation_share: of the training part; without a test part as much again is the test split.

    Raises:
        DataUnavailableError: too few examples for a validation split.
    """
    n_parts = 1 if raw.held else 2
    rank = np.argsort(np.random.PCG64(SPLIT_SEED).random_raw(len(raw.y)), kind="stable")
    part = np.zeros(len(raw.y), dtype=np.int64)  # 0: train, 1: validation, 2: test
    for label in np.unique(raw.y):
        members = rank[raw.y[rank] == label]
        count = max(round(validation_share * len(members)), 1) if len(members) > n_parts else 0
        for number in range(n_parts):
            part[members[number * count : (number + 1) * count]] = number + 1
    if not (part == 1).any():  # classes of one example each: nothing to hold out
        raise DataUnavailableError(
            f"{len(raw.y)} training examples are too few to hold some of each class out"
        )
    arrays = {}
    for number, name in enumerate(SPLITS):
        x, y = raw.held if name == "test" and raw.held else (raw.x[part == number], raw.y[part == number])
        arrays[f"{name}_x"], arrays[f"{name}_y"] = (
            np.ascontiguousarray(x),
            np.ascontiguousarray(y, dtype=np.int64),
        )
    return arrays


def split_by_position(raw: Raw, validation_share: float) -> dict[str, Array]:
    """Returns the six arrays of examples in a row: training, then validation, then test.

    Args:
        raw: all examples in their order, without a published test part.
        validation_share: of all examples; the test split takes as much again from the end.

    Raises:
        DataUnavailableError: too few examples for a validation split.
    """
    held = round(validation_share * len(raw.y))
    if held < 1:
        raise DataUnavailableError(f"{len(raw.y)} examples in a row are too few to hold some out")
    ends = (0, len(raw.y) - 2 * held, len(raw.y) - held, len(raw.y))
    arrays = {}
    for name, first, last in zip(SPLITS, ends, ends[1:], strict=False):
        arrays[f"{name}_x"] = np.ascontiguousarray(raw.x[first:last])
        arrays[f"{name}_y"] = np.ascontiguousarray(raw.y[first:last], dtype=np.int64)
    return arrays


def content_sha256(arrays: Mapping[str, Array]) -> str:
    """Hashes names, types, shapes and values of the arrays, in the order of their names."""
    sha = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        sha.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        sha.update(array.data)
    return sha.hexdigest()


def _check(arrays: Mapping[str, Array], sha256: str, n_classes: int, pinned: str) -> None:
    for name in SPLITS:
        x, y = arrays[f"{name}_x"], arrays[f"{name}_y"]
        if len(x) != len(y) or not len(x):
            raise DataUnavailableError(f"the {name} split has {len(x)} examples and {len(y)} labels")
        if y.min() < 0 or y.max() >= n_classes:
            raise DataUnavailableError(f"the {name} labels are not all in 0..{n_classes - 1}")
    if pinned and sha256 != pinned:
        raise DataUnavailableError(f"content sha256 is {sha256}, not the pinned {pinned}")


def _write(path: Path, array: Array) -> str:
    with write_atomically(path) as unfinished:
        with unfinished.open("wb") as file:
            np.save(file, array, allow_pickle=False)
        return hashlib.sha256(unfinished.read_bytes()).hexdigest()


def _versions(packages: Iterable[str]) -> dict[str, str]:
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
