"""Steps replayed from a CUDA graph: the host launches one graph where it would launch every kernel of a step.

The first steps of each shape of batch are made eagerly, which lets lazily made state and libraries settle;
the next is captured, and from then on batches are copied into the captured one's place and the graph is
replayed. The GPU itself is reached through `Capture` alone, so that all the rest runs anywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.optim import SGD

from optbench.catalogue.optimizers.make import clear_gradients, differentiates_gradients, needs_closure

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from optbench.catalogue.workloads.workload import Batch

    Shape: TypeAlias = tuple[torch.Size, ...]
    Work: TypeAlias = Callable[[], Tensor | None]
    Capture: TypeAlias = Callable[[Work], Work]
    """Takes a half of a step; returns what repeats it."""

EAGER_STEPS = 3
"""Steps made eagerly for each shape of batch before one is captured, as in PyTorch's notes on CUDA graphs."""


def is_graphable(optimizer: Optimizer) -> bool:
    """Return whether a step is the same work on the GPU at every count of steps, its learning rate aside.

    Known of torch's SGD; a class of one's own says so by an attribute `graphable = True`.
    """
    return type(optimizer) is SGD or vars(type(optimizer)).get("graphable") is True


class NoGraphError(Exception):
    """A step cannot be captured; its text says why."""


def refuse_graph(optimizer: Optimizer, schedule: LRScheduler | None, device: torch.device) -> None:
    """Return nothing where the steps of `optimizer` may be captured, as far as can be told beforehand.

    An optimizer that has a `capturable` form may, and a graphable one as long as no schedule moves its
    learning rate.

    Raises:
        NoGraphError: they may not.
    """
    name = type(optimizer).__name__
    if device.type != "cuda":
        raise NoGraphError(f"a CUDA graph needs a GPU, and it is trained on {device.type}")
    if needs_closure(optimizer):
        raise NoGraphError(f"{name} evaluates the loss itself, as often as it needs")
    if differentiates_gradients(optimizer):
        raise NoGraphError(f"{name} differentiates the gradients")
    if "capturable" in optimizer.defaults:
        return
    if not is_graphable(optimizer):
        raise NoGraphError(f"{name} has no capturable form")
    if schedule is not None:
        raise NoGraphError(f"a graph would freeze the learning rate of {name}, which the schedule moves")


def capture_on_gpu(work: Work) -> Work:
    """Return what repeats `work` as a CUDA graph; it is captured, not done.

    Raises:
        NoGraphError: it does what a graph cannot hold, such as looking at a value on the host.
    """
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            found = work()
    except RuntimeError as problem:
        words = (str(problem).strip().splitlines() or [""])[0]
        raise NoGraphError(f"its step cannot be captured: {words}") from problem

    def replay() -> Tensor | None:
        graph.replay()
        return found

    return replay


class _Captured(NamedTuple):
    """A step for one shape of batch: its batch's place, its two halves, and where its gradients lie."""

    batch: Batch
    slope: Work
    update: Work
    gradients: list[Tensor | None]


class GraphedStep:
    """Makes steps, from graphs as soon as there are some for the batch's shape.

    Slope and update are graphs of their own, so that the gradients can be looked at between the two: some
    optimizers use them up.

    Args:
        optimizer: which `refuse_graph` lets pass, before its first step.
        loss: gives the losses of a batch, whose sum is descended.
        capture: how a step is captured.
    """

    def __init__(
        self, optimizer: Optimizer, loss: Callable[[Batch], Tensor], capture: Capture = capture_on_gpu
    ) -> None:
        self._optimizer = optimizer
        self._loss = loss
        self._capture = capture
        self._parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self._eager: Counter[Shape] = Counter()
        self._graphs: dict[Shape, _Captured] = {}
        self._rates: list[tuple[dict[str, Any], Tensor]] = []
        if "capturable" in optimizer.defaults:
            # The number stays where schedules find it; the update reads a tensor on the GPU.
            for group in optimizer.param_groups:
                group["capturable"] = True
                first = group["params"][0]
                self._rates.append((group, torch.full((), torch.nan, dtype=first.dtype, device=first.device)))
        self._filled = [float("nan")] * len(self._rates)

    def __call__(self, batch: Batch, between: Callable[[], None]) -> Tensor:
        """Make one step; return the losses before it, which the next step may overwrite.

        Args:
            batch: tensors on the GPU.
            between: called when the gradients are there and the parameters have not moved.
        """
        shape = tuple(tensor.shape for tensor in batch)
        self._follow_rates()
        if shape not in self._graphs and self._eager[shape] < EAGER_STEPS:
            self._eager[shape] += 1
            losses = self._slope(batch)
            between()
            self._update()
            return losses
        if shape not in self._graphs:
            self._graphs[shape] = self._captured(batch)
        graph = self._graphs[shape]
        for place, tensor in zip(graph.batch, batch, strict=True):
            place.copy_(tensor)
        found = graph.slope()
        assert found is not None  # noqa: S101  (a slope returns its losses)
        for parameter, gradient in zip(self._parameters, graph.gradients, strict=True):
            if gradient is not None:  # another shape's graph, or an eager step, has left its own there
                parameter.grad = gradient
        between()
        graph.update()
        return found

    def _captured(self, batch: Batch) -> _Captured:
        place = tuple(tensor.clone() for tensor in batch)
        clear_gradients(self._optimizer)  # so that none of an eager step's gradients is taken for the graph's
        slope = self._capture(lambda: self._slope(place))
        gradients = [parameter.grad for parameter in self._parameters]
        return _Captured(place, slope, self._capture(self._update), gradients)

    def _slope(self, batch: Batch) -> Tensor:
        clear_gradients(self._optimizer)  # to None: a graph's own memory then holds the gradients
        losses = self._loss(batch)
        losses.sum().backward()
        return losses.detach()

    def _update(self) -> None:
        numbers = [group["lr"] for group, _ in self._rates]
        for group, rate in self._rates:
            group["lr"] = rate
        try:
            self._optimizer.step()
        finally:
            for (group, _), number in zip(self._rates, numbers, strict=True):
                group["lr"] = number

    def _follow_rates(self) -> None:
        """Brings the tensors to the numbers that the schedule has set."""
        for place, (group, rate) in enumerate(self._rates):
            if group["lr"] != self._filled[place]:
                rate.fill_(group["lr"])
                self._filled[place] = group["lr"]
