"""Data sets as they are prepared: splits, hashes, the same bytes."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest
import torch

from optbench.catalogue.datasets import prepare as datasets
from optbench.catalogue.datasets.entries import DATASETS
from optbench.catalogue.datasets.load import DataUnavailableError, load_data
from optbench.catalogue.datasets.prepare import content_sha256, prepare, split
from optbench.catalogue.datasets.sources import Raw
from optbench.core.specs import DatasetSpec


@pytest.mark.parametrize(
    ("name", "sizes", "example", "n_classes"),
    [
        ("digits", (1079, 359, 359), torch.empty(8, 8, dtype=torch.uint8), 10),
        ("breast_cancer", (343, 113, 113), torch.empty(30, dtype=torch.float64), 2),
        ("mnist5k", (3000, 1000, 1000), torch.empty(28, 28, dtype=torch.uint8), 10),
    ],
)
def test_embedded_data_is_ready_and_pinned(embedded, name, sizes, example, n_classes):
    folder, manifests = embedded
    assert manifests[name]["status"] == "ready", manifests[name]["reason"]
    assert manifests[name]["sha256"] == DATASETS[name].sha256 != ""
    data = load_data(name, folder)
    for (x, y), size in zip((data.train, data.validation, data.test), sizes, strict=True):
        assert x.shape == (size, *example.shape)
        assert x.dtype == example.dtype
        assert y.shape == (size,)
        assert y.dtype == torch.int64
        assert set(y.tolist()) == set(range(n_classes))
        assert x.data_ptr() % 64 == 0
    assert (data.sha256, data.n_classes) == (DATASETS[name].sha256, n_classes)


def test_manifest_describes_every_file(embedded):
    folder, manifests = embedded
    for name, returned in manifests.items():
        manifest = json.loads((folder / name / "manifest.json").read_text(encoding="utf-8"))
        assert len(manifest.pop("checksum")) == 64
        assert manifest == returned
        assert manifest["split_seed"] == (None if name == "asv" else datasets.SPLIT_SEED)
        assert manifest["licence"] == DATASETS[name].licence
        assert manifest["citation"]
        assert manifest["versions"]["numpy"] == np.__version__
        assert {path.name for path in (folder / name).iterdir()} == {*manifest["files"], "manifest.json"}
        for file, sha256 in manifest["files"].items():
            assert hashlib.sha256((folder / name / file).read_bytes()).hexdigest() == sha256


def test_preparing_again_gives_the_same_bytes(embedded, tmp_path):
    _, manifests = embedded
    assert prepare(DatasetSpec("digits"), tmp_path) == manifests["digits"]


def test_split_is_disjoint_complete_and_stratified():
    y = np.repeat(np.arange(4), [100, 50, 10, 2])
    arrays = split(Raw(np.arange(len(y)), y), 1 / 5)
    parts = {name: arrays[f"{name}_x"] for name in datasets.SPLITS}
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(len(y)))
    counts = {name: np.bincount(arrays[f"{name}_y"], minlength=4).tolist() for name in parts}
    assert counts == {"train": [60, 30, 6, 2], "validation": [20, 10, 2, 0], "test": [20, 10, 2, 0]}
    for name, x in parts.items():
        assert (y[x] == arrays[f"{name}_y"]).all()
        assert (np.diff(x) > 0).all()


def test_split_keeps_a_published_test_part():
    y = np.tile(np.arange(2), 60)
    held = (np.arange(7), np.ones(7, dtype=np.int64))
    arrays = split(Raw(np.arange(120), y, held), 1 / 12)
    assert arrays["test_x"].tolist() == list(range(7))
    assert np.bincount(arrays["validation_y"]).tolist() == [5, 5]
    assert len(arrays["train_y"]) == 110


def test_content_hash_sees_values_types_shapes_and_names():
    one = content_sha256({"a": np.arange(4, dtype=np.int64)})
    others = [
        {"a": np.array([0, 1, 2, 4])},
        {"a": np.arange(4, dtype=np.uint64)},
        {"a": np.arange(4).reshape(2, 2)},
        {"b": np.arange(4)},
    ]
    assert len({one, *(content_sha256(arrays) for arrays in others)}) == 5


def test_wrong_content_is_unavailable(monkeypatch, tmp_path):
    wrong = dataclasses.replace(DATASETS["digits"], sha256="0" * 64)
    monkeypatch.setattr(datasets, "DATASETS", {**DATASETS, "digits": wrong})
    manifest = prepare(DatasetSpec("digits"), tmp_path)
    assert manifest["status"] == "unavailable"
    assert f"not the pinned {'0' * 64}" in manifest["reason"]
    assert [path.name for path in (tmp_path / "digits").iterdir()] == ["manifest.json"]
    with pytest.raises(DataUnavailableError, match="'digits' is unavailable: content sha256"):
        load_data("digits", tmp_path)
