"""What can be trained with several seeds as one model: one sentence for each reason against it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch.optim

from optbench.catalogue.optimizers.make import differentiates_gradients, needs_closure
from optbench.catalogue.schedules.make import is_plateau
from optbench.training.torch_private import is_batch_norm, is_dropout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler


class NoStackError(Exception):
    """The seeds of a configuration cannot be trained as one model; its text says why."""


ELEMENTWISE = frozenset(
    {
        *(torch.optim.SGD, torch.optim.RMSprop, torch.optim.Rprop, torch.optim.Adagrad, torch.optim.Adadelta),
        *(torch.optim.Adam, torch.optim.AdamW, torch.optim.Adamax, torch.optim.NAdam, torch.optim.RAdam),
        torch.optim.ASGD,
    }
)
"""Optimizers of torch's whose update of an entry depends on its own past alone, whatever their settings."""


def is_elementwise(optimizer: Optimizer) -> bool:
    """Return whether the update of every entry depends on that entry's own past alone.

    Known of the classes in `ELEMENTWISE`; any other says so by an attribute `elementwise = True` of its own
    (`optbench check` holds it to that), which its subclasses do not inherit.
    """
    return type(optimizer) in ELEMENTWISE or vars(type(optimizer)).get("elementwise") is True


def groups_of(optimizer: Optimizer, parameters: Sequence[Tensor]) -> list[tuple[list[int], dict[str, Any]]]:
    """Return the optimizer's groups: the places of their members in `parameters`, and their settings."""
    place = {id(parameter): index for index, parameter in enumerate(parameters)}
    return [
        ([place[id(p)] for p in group["params"]], {key: group[key] for key in group if key != "params"})
        for group in optimizer.param_groups
    ]


def refuse_stack(model: nn.Module, optimizer: Optimizer, schedule: LRScheduler | None) -> None:
    """Return nothing where several such models can be trained as one, as far as can be told beforehand.

    Args:
        model: of one seed.
        optimizer: of that model.
        schedule: of that optimizer.

    Raises:
        NoStackError: one of them cannot.
    """
    name = type(optimizer).__name__
    if needs_closure(optimizer):
        raise NoStackError(f"{name} evaluates the loss itself, as often as each seed needs")
    if differentiates_gradients(optimizer):
        raise NoStackError(f"{name} differentiates the gradients, which are the stack's")
    if not is_elementwise(optimizer):
        raise NoStackError(f"{name} is not known to be elementwise: an entry's update may depend on others")
    if schedule is not None and is_plateau(schedule):
        raise NoStackError(f"{type(schedule).__name__} gives each seed a learning rate of its own")
    for module in model.modules():
        kind = type(module).__name__
        if is_dropout(module):
            raise NoStackError(f"its model has {kind}, whose draws would not be those of the seed alone")
        if is_batch_norm(module):
            raise NoStackError(f"its model has {kind}, whose running averages belong to one model")
