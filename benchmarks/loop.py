"""The training loop against loops written by hand: what a step of optbench costs over a step without it.

    python benchmarks/loop.py [--rounds 15]

`bare` is the least that PyTorch needs: batches indexed from tensors in memory, zero_grad, loss, backward,
step; nothing is recorded. `textbook` is the usual script: a torchvision dataset of images, ToTensor and
Normalize applied to every sample by a DataLoader in the same process. Both use one thread, as optbench does.
Every round trains each way once, in turn first; a ratio is the median over rounds with its 95% interval.
Times are the thread's processor time over the steps, evaluations left out.

The MNIST case has MNIST's shape: the 4,000 training images of MNIST-5k fifteen times over.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from optbench.catalogue.datasets.load import load_data
from optbench.catalogue.datasets.prepare import prepare
from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.optimizers.make import make_optimizer
from optbench.catalogue.schedules.entries import SCHEDULES
from optbench.catalogue.workloads.entries import WORKLOADS
from optbench.catalogue.workloads.vision import mlp
from optbench.cells.cell import CellSpec
from optbench.core.factories import load_factory
from optbench.core.specs import PROBE_EVERY
from optbench.stats import median_interval
from optbench.training import loop as train
from optbench.training.probes import run as probes
from results import Row, record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor, nn

    from optbench.catalogue.datasets.load import Data
    from optbench.workload import Workload

COPIES = 15
WAYS = ("bare", "loop", "probed", "textbook")


def mnist_shaped(data: Data) -> Workload:
    """The textbook's 784-200-10 network on as many images as MNIST has, a tenth of an epoch of them."""
    images, labels = data.train
    repeated = replace(data, train=(images.repeat(COPIES, 1, 1), labels.repeat(COPIES)))
    return replace(mlp(repeated), epochs=None, steps=300, eval_every=100, validation=None, test=None)


@dataclass(frozen=True)
class Case:
    """What is trained, and the name of its row."""

    name: str
    cell: CellSpec
    textbook: bool = False


def cases() -> Iterator[Case]:
    """The cases, each with the optimizer whose own step costs least, where the loop weighs most, and Adam."""
    mnist = replace(
        WORKLOADS["mnist5k_mlp"], name="mnist_shaped", factory="loop:mnist_shaped", settings={}, overrides={}
    )
    of = {
        "digits MLP": replace(
            WORKLOADS["digits_mlp"], overrides={"batch_size": 32, "epochs": 10, "eval_every": 170}
        ),
        "MNIST MLP": mnist,
        "MNIST-5k CNN": replace(WORKLOADS["mnist5k_cnn"], overrides={"eval_every": 235}),
    }
    for name, workload in of.items():
        for optimizer in ("sgd", "adam"):
            cell = CellSpec(
                study="benchmark",
                workload=workload,
                optimizer=OPTIMIZERS[optimizer],
                schedule=SCHEDULES["constant"],
                lr=1e-3,
                seed=0,
                device="cpu",
                threads=1,
                timeout_s=600.0,
            )
            label = OPTIMIZERS[optimizer].label
            yield Case(f"{name}, {label}", cell, textbook=name == "MNIST MLP" and optimizer == "sgd")


class Images(Dataset):
    """Images as torchvision's datasets hold them: bytes, made to a tensor when one is asked for."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images, self.labels = images.numpy().astype(np.uint8), labels.tolist()
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.images[place])), self.labels[place]


def built(cell: CellSpec, data: Path) -> tuple[Workload, nn.Module, torch.optim.Optimizer]:
    """The workload with a fresh model and its optimizer."""
    workload, _ = train.build_workload(cell, data)
    torch.manual_seed(0)
    model = workload.model()
    factory = load_factory(cell.optimizer.factory)
    return workload, model, make_optimizer(cell.optimizer, factory, model.parameters(), cell.lr)


def bare_us(cell: CellSpec, data: Path) -> float:
    """Microseconds a step of the least loop."""
    workload, model, optimizer = built(cell, data)
    x, y = workload.train
    criterion, size, left = torch.nn.CrossEntropyLoss(), workload.batch_size or len(x), workload.budget
    begun = time.thread_time()
    while left:
        for chosen in torch.randperm(len(x)).split(size)[:left]:
            optimizer.zero_grad()
            criterion(model(x[chosen]), y[chosen]).backward()
            optimizer.step()
            left -= 1
    return 1e6 * (time.thread_time() - begun) / workload.budget


def textbook_us(cell: CellSpec, data: Path) -> float:
    """Microseconds a step of the usual script."""
    workload, model, optimizer = built(cell, data)
    images, labels = load_data(cell.workload.dataset.name, data).train  # type: ignore[union-attr]
    loader = DataLoader(Images(images, labels), batch_size=workload.batch_size, shuffle=True)
    criterion, steps = torch.nn.CrossEntropyLoss(), 0
    begun = time.thread_time()
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x.view(len(x), -1)), y)
        loss.backward()
        optimizer.step()
        steps += 1
    return 1e6 * (time.thread_time() - begun) / steps


def loop_us(cell: CellSpec, data: Path) -> float:
    """Microseconds a step of optbench's loop, its probes included and its evaluations not."""
    trace = train.train_cell(cell, data)
    if trace.facts["status"] != "ok":
        raise SystemExit(f"{cell.name}: {trace.facts['error']}")
    return 1e6 * (trace.times["train_time_s"] + trace.times["probe_time_s"]) / trace.facts["steps"]


def measured(case: Case, data: Path, rounds: int) -> dict[str, np.ndarray]:
    """Microseconds a step by way, one a round; the first round warms up and is left out."""
    probed = replace(case.cell, probe_every=PROBE_EVERY)
    ways: dict[str, Callable[[], float]] = {
        "bare": lambda: bare_us(case.cell, data),
        "loop": lambda: loop_us(case.cell, data),
        "probed": lambda: loop_us(probed, data),
    }
    if case.textbook:
        ways["textbook"] = lambda: textbook_us(case.cell, data)
    found: dict[str, list[float]] = {name: [] for name in ways}
    for block in range(rounds + 1):
        for name in list(ways)[:: 1 if block % 2 else -1]:
            found[name].append(ways[name]())
    return {name: np.array(times[1:]) for name, times in found.items()}


def _ratio(case: Case, quantity: str, values: np.ndarray, limit: float, side: str = "at most") -> Row:
    found = median_interval(values)
    return Row(case.name, quantity, found.estimate, "", found.low, found.high, limit, side)  # type: ignore[arg-type]


def main() -> None:
    """Measures and records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    torch.set_num_threads(1)
    train.time = SimpleNamespace(  # type: ignore[assignment]
        time=time.time, perf_counter=time.thread_time, process_time=time.process_time
    )
    probes.time = SimpleNamespace(perf_counter=time.thread_time)  # type: ignore[assignment]
    rows = []
    with TemporaryDirectory() as folder:
        for name in ("digits", "mnist5k"):
            prepare(
                next(w.dataset for w in WORKLOADS.values() if w.dataset and w.dataset.name == name),
                Path(folder),
            )
        for case in cases():
            us = measured(case, Path(folder), given.rounds)
            rows.append(Row(case.name, "bare step", float(np.median(us["bare"])), "us"))
            rows.append(_ratio(case, "without probes, over bare", us["loop"] / us["bare"], 1.1))
            rows.append(_ratio(case, "with probes, over bare", us["probed"] / us["bare"], 1.3))
            if case.textbook:
                rows.append(
                    _ratio(case, "textbook over optbench", us["textbook"] / us["loop"], 2.5, "at least")
                )
    record("loop", rows)


if __name__ == "__main__":
    main()
