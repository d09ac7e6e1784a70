"""The `Workload` that a factory returns: model + data + loss + budget + target."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from torch import Generator, Tensor, nn

    Batch = tuple[Tensor, ...]


@dataclass(frozen=True)
class Workload:
    """One thing to train, and how far.

    Attributes:
        model: builds a fresh model; it is called under the cell's initialisation stream.
        loss: `loss(model, batch)` gives the mean loss over the batch, a scalar tensor.
        train: tensors with one leading dimension of examples; empty where the loss needs no data.
        validation: the same for the validation split; None evaluates on `train` (analytic workloads).
        test: the same for the test split, evaluated once, at the end; None where there is none.
        batch_size: examples a step; None is the full batch (every step sees `train` as it is).
        steps: the budget in optimizer steps, or None where `epochs` gives it.
        epochs: the budget in passes over `train`, or None where `steps` gives it. Just one is given.
        eval_every: steps between evaluations; 0 and the last step are always evaluated.
        target: the validation loss that counts as reached, or None.
        optimum: the least possible training loss where it is known, or None.
        metrics: further numbers of the validation and test splits, each `metric(model, batch)` -> scalar
            tensor, a mean over the batch.
        augment: `augment(batch, generator)` -> batch, applied to every training batch with the cell's
            augmentation stream (noise, flips, crops); it must draw from `generator` alone.
        coordinates: names of the leading entries of the flattened parameters, recorded at every
            evaluation (for paths over contours).
        landscape: the key in `optbench.catalogue.workloads.landscapes.LANDSCAPES` whose contours the page
        draws, or "".
    """

    model: Callable[[], nn.Module]
    loss: Callable[[nn.Module, Batch], Tensor]
    train: Batch = ()
    validation: Batch | None = None
    test: Batch | None = None
    batch_size: int | None = None
    steps: int | None = None
    epochs: int | None = None
    eval_every: int = 10
    target: float | None = None
    optimum: float | None = None
    metrics: Mapping[str, Callable[[nn.Module, Batch], Tensor]] = field(default_factory=dict)
    augment: Callable[[Batch, Generator], Batch] | None = None
    coordinates: tuple[str, ...] = ()
    landscape: str = ""

    def __post_init__(self) -> None:
        _check_metric_names(self.metrics)
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("a workload gives its budget as either steps or epochs")
        for name in ("steps", "epochs", "batch_size", "eval_every"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ValueError(f"{name} must be a whole number >= 1; got {value!r}")
        if self.batch_size is not None and not self.train:
            raise ValueError("batch_size needs training data")

    @property
    def n_train(self) -> int:
        """Training examples; 1 where the loss needs no data."""
        return len(self.train[0]) if self.train else 1

    @property
    def steps_per_epoch(self) -> int:
        """Steps in one pass over the training data; the last, shorter batch counts."""
        return 1 if self.batch_size is None else ceil(self.n_train / self.batch_size)

    @property
    def budget(self) -> int:
        """Optimizer steps of one cell."""
        return self.steps if self.steps is not None else (self.epochs or 0) * self.steps_per_epoch


def _check_metric_names(names: Iterable[object]) -> None:
    """Raises ValueError for a metric that is no name, or the one under which the loss itself is recorded."""
    for name in names:
        if not isinstance(name, str) or not name or not name.isprintable():
            raise ValueError(f"a metric's name must be printable text; got {name!r}")
        if name == "loss":
            raise ValueError("the metric 'loss' has the name of the loss itself; call it something else")
