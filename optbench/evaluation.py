"""What an evaluation records: losses and metrics of the splits, without gradients and in evaluation mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from optbench.workload import Batch, Workload

    Row = tuple[int, str, str, Any]
    Of = Callable[[nn.Module, Batch], Tensor]

LARGEST_EVALUATION = 10_000
"""Training examples that an evaluation looks at: all of them up to here, evenly spaced ones above."""

EVALUATION_BATCH = 4096
"""Examples that an evaluation holds in memory at a time."""


def number(of: Of, model: nn.Module, batch: Batch) -> float:
    """A loss or metric of one model over a batch, on the host."""
    return float(of(model, batch))


def record_evaluation(
    workload: Workload,
    model: nn.Module,
    step: int,
    rows: list[Row],
    measure: Callable[[Of, nn.Module, Batch], Any] = number,
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
            rows.append((step, "train", "loss", _mean(workload.loss, model, train, measure)))
        loss = record_means(workload, model, "validation", workload.validation, step, rows, measure)
    return loss


def record_coordinates(workload: Workload, model: nn.Module, step: int, rows: list[Row]) -> None:
    """Records the leading entries of the parameters that the workload names."""
    if workload.coordinates:
        flat = torch.cat([p.detach().reshape(-1) for p in model.parameters()])
        for name, value in zip(workload.coordinates, flat.tolist(), strict=False):
            rows.append((step, "weights", name, value))


def record_means(
    workload: Workload,
    model: nn.Module,
    split: str,
    data: Batch,
    step: int,
    rows: list[Row],
    measure: Callable[[Of, nn.Module, Batch], Any] = number,
) -> Any:  # noqa: ANN401
    """Records the loss and the metrics over `data` under the name of its split; returns the loss."""
    model.eval()
    with torch.no_grad():
        loss = _mean(workload.loss, model, data, measure)
        rows.append((step, split, "loss", loss))
        for name, metric in workload.metrics.items():
            rows.append((step, split, name, _mean(metric, model, data, measure)))
    model.train()
    return loss


def _mean(of: Of, model: nn.Module, data: Batch, measure: Callable[[Of, nn.Module, Batch], Any]) -> Any:  # noqa: ANN401
    """The mean of a per-batch mean over all of `data`, a bounded number of examples at a time."""
    if not data or len(data[0]) <= EVALUATION_BATCH:
        return measure(of, model, data)
    total = 0.0
    for chunk in zip(*(tensor.split(EVALUATION_BATCH) for tensor in data), strict=True):
        total += measure(of, model, chunk) * len(chunk[0])
    return total / len(data[0])
