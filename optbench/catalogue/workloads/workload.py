"""The `Workload` that a factory returns: model + data + loss + budget + target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Generator, Tensor, nn

    Batch = tuple[Tensor, ...]


@dataclass(frozen=True)
class Workload:
    """One thing to train, and how far.

    Attributes:
        model: builds a fresh model at every call, its weights drawn from torch's, numpy's and Python's global
            generators, which stand at the cell's initialisation stream. It is called twice a cell: what it
            returns must be the same, and the parameters that are trained must share nothing.
        loss: `loss(model, batch)` gives the mean loss over the batch: a floating-point tensor of one element.
        train: tensors with one leading dimension of examples; empty where the loss needs no data.
        validation: the same for the validation split; None evaluates on `train` (analytic workloads).
        test: the same for the test split, evaluated once, at the end; None where there is none.
        batch_size: examples a step; None is the full batch (every step sees `train` as it is).
        drop_last: whether an epoch leaves out its last batch where that is shorter than the others.
        steps: the budget in optimizer steps, or None where `epochs` gives it.
        epochs: the budget in passes over `train`, or None where `steps` gives it. Just one is given.
        eval_every: steps between evaluations; 0 and the last step are always evaluated.
        target: the validation loss that counts as reached, or None.
        optimum: the least possible training loss where it is known, or None.
        metrics: further numbers of the validation and test splits, each `metric(model, batch)` -> one
            number or a tensor of one element, a mean over the batch.
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
    drop_last: bool = False

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("a workload gives its budget as either steps or epochs")
        for name in ("steps", "epochs", "batch_size", "eval_every"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ValueError(f"{name} must be a whole number >= 1; got {value!r}")
        self._check_names()
        for name in ("target", "optimum"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, str | bytes) or not hasattr(value, "__float__")):
                raise ValueError(f"{name} must be a number or None; got {value!r}")
        if self.batch_size is not None and not self.train:
            raise ValueError("batch_size needs training data")
        if self.drop_last is not True and self.drop_last is not False:
            raise ValueError(f"drop_last must be True or False; got {self.drop_last!r}")
        if self.epoch_examples < 1:
            raise ValueError(
                f"drop_last leaves no batch: batch_size is {self.batch_size}, and there are {self.n_train} "
                "training examples"
            )

    def _check_names(self) -> None:
        """Raises ValueError for names that rows of a trace cannot have, or cannot be told apart by."""
        metrics = self.metrics if isinstance(self.metrics, Mapping) else None
        if metrics is None or not all(isinstance(name, str) and callable(metrics[name]) for name in metrics):
            raise ValueError(f"metrics must be a mapping from names to functions; got {self.metrics!r}")
        if "loss" in metrics:
            raise ValueError("metrics may not hold one called 'loss': the loss is recorded by that name")
        bad = [name for name in metrics if not name or not name.isprintable()]
        if bad:
            raise ValueError(f"a metric's name must be printable text; got {bad[0]!r}")
        names = tuple(self.coordinates)
        if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
            raise ValueError(f"coordinates must be different names; got {self.coordinates!r}")

    @property
    def n_train(self) -> int:
        """Training examples; 1 where the loss needs no data."""
        return len(self.train[0]) if self.train else 1

    @property
    def epoch_examples(self) -> int:
        """Training examples that one pass sees: all, or with `drop_last` as many as fill whole batches."""
        rest = self.n_train % self.batch_size if self.drop_last and self.batch_size is not None else 0
        return self.n_train - rest

    @property
    def steps_per_epoch(self) -> int:
        """Steps in one pass over the training data; the last, shorter batch counts where there is one."""
        return 1 if self.batch_size is None else ceil(self.epoch_examples / self.batch_size)

    @property
    def budget(self) -> int:
        """Optimizer steps of one cell."""
        return self.steps if self.steps is not None else (self.epochs or 0) * self.steps_per_epoch
