"""What an evaluation records: losses and metrics of the splits, without gradients and in evaluation mode."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from itertools import chain
from operator import is_
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import nn

    from optbench.catalogue.workloads.workload import Batch, Workload

    Row = tuple[int, str, str, Any]
    Of = Callable[[nn.Module, Batch], Tensor]

LARGEST_EVALUATION = 10_000
"""Training examples that an evaluation looks at: all of them up to here, evenly spaced ones above."""

EVALUATION_BATCH = 1024
"""Examples that an evaluation holds in memory at a time."""


def scalar(of: Of, model: nn.Module, batch: Batch) -> float:
    """A loss or metric of one model over a batch, on the host."""
    return float(of(model, batch))


def record_evaluation(
    workload: Workload,
    model: nn.Module,
    step: int,
    rows: list[Row],
    measure: Callable[[Of, nn.Module, Batch], Any] = scalar,
) -> Any:  # noqa: ANN401
    """Records the losses and metrics after `step` updates; returns the validation loss.

    Args:
        workload: what is trained.
        model: what is evaluated.
        step: updates made.
        rows: where they are recorded.
        measure: gives the value of a loss or metric over a batch, a number or an array of numbers.
    """
    train = workload.train
    if workload.n_train > LARGEST_EVALUATION:
        places = torch.linspace(0, workload.n_train - 1, LARGEST_EVALUATION).long().to(train[0].device)
        train = tuple(tensor.index_select(0, places) for tensor in train)
    if workload.validation is None:
        loss = record_means(workload, model, "validation", train, step, rows, measure)
        rows.append((step, "train", "loss", loss))
    else:
        model.eval()
        with torch.no_grad():
            rows.append((step, "train", "loss", _means([workload.loss], model, train, measure)[0]))
        loss = record_means(workload, model, "validation", workload.validation, step, rows, measure)
    return loss


def record_coordinates(workload: Workload, model: nn.Module, step: int, rows: list[Row]) -> None:
    """Records the leading entries of the parameters that the workload names."""
    if workload.coordinates:
        values = chain.from_iterable(p.detach().flatten().tolist() for p in model.parameters())
        rows.extend(
            (step, "weights", name, value) for name, value in zip(workload.coordinates, values, strict=False)
        )


def record_means(
    workload: Workload,
    model: nn.Module,
    split: str,
    data: Batch,
    step: int,
    rows: list[Row],
    measure: Callable[[Of, nn.Module, Batch], Any] = scalar,
) -> Any:  # noqa: ANN401
    """Records the loss and the metrics over `data` under the name of its split; returns the loss."""
    model.eval()
    with torch.no_grad():
        means = _means([workload.loss, *workload.metrics.values()], model, data, measure)
    rows.extend(
        (step, split, name, mean) for name, mean in zip(["loss", *workload.metrics], means, strict=True)
    )
    model.train()
    return means[0]


def _means(
    quantities: Sequence[Of], model: nn.Module, data: Batch, measure: Callable[[Of, nn.Module, Batch], Any]
) -> list[Any]:
    """The means of per-batch means over all of `data`, a bounded number of examples at a time."""
    parts = [data]
    if data and len(data[0]) > EVALUATION_BATCH:
        parts = list(zip(*(tensor.split(EVALUATION_BATCH) for tensor in data), strict=True))
    found = []
    for part in parts:
        # Seeds that are trained together go through a function of their parameters, not through the model.
        with one_forward(model) if measure is scalar and len(quantities) > 1 else nullcontext():
            found.append([measure(quantity, model, part) for quantity in quantities])
    if len(parts) == 1:
        return found[0]
    sizes = [len(part[0]) for part in parts]
    return [
        sum(size * mean for size, mean in zip(sizes, means, strict=True)) / sum(sizes)
        for means in zip(*found, strict=True)
    ]


@contextmanager
def one_forward(model: nn.Module) -> Iterator[None]:
    """Inside, the model goes through an input once, however often it is called with it.

    For the loss and the metrics of one batch, which ask for the same outputs. What is kept is the last
    output, if it is a tensor, as long as nobody writes into it or into what it came from.
    """
    if isinstance(model, torch.jit.ScriptModule):  # which has its forward elsewhere
        yield
        return
    own = vars(model).get("forward")
    forward = model.forward
    kept: tuple[Tensor, ...] = ()
    versions: list[int] = []

    def once(*inputs: Any, **named: Any) -> Any:  # noqa: ANN401
        nonlocal kept, versions
        if (
            not named
            and len(kept) == len(inputs) + 1
            and all(map(is_, kept, inputs))
            and versions == [tensor._version for tensor in kept]
        ):
            return kept[-1]
        output = forward(*inputs, **named)
        whole = (*inputs, output)
        kept = whole if not named and all(isinstance(one, Tensor) for one in whole) else ()
        versions = [tensor._version for tensor in kept]
        return output

    model.forward = once
    try:
        yield
    finally:
        if own is None:
            del model.forward
        else:
            model.forward = own
