"""Heavy-ball momentum (Polyak 1964, doi:10.1016/0041-5553(64)90137-5) in its three written forms.

With gradient g, momentum b, learning rate lr, and v = 0 at the start:

    gradient form   v <- b v + g           w <- w - lr v     (torch's SGD)
    step form       v <- b v + lr g        w <- w - v        (Sutskever et al. 2013)
    averaged form   v <- b v + (1 - b) g   w <- w - lr v     (an exponential average of gradients)

At a constant lr the first two make the same steps, and the third makes those of the first at lr (1 - b).
Under a schedule the first two part: a change of lr acts on the whole velocity in the gradient form, but
only on the gradients still to come in the step form, which goes on coasting at the old rate.

They are the readable twins of `torch.optim.SGD(momentum=b)`: use that one for speed on large models.
All three keep one buffer of the parameters' size, read lr from their group at every step (so schedulers
work) and take weight decay as an L2 penalty, g <- g + weight_decay w, as torch's SGD does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.optim import Optimizer

from optbench.catalogue.optimizers.protocol import check, evaluate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor
    from torch.optim.optimizer import ParamsT


class HeavyBallGradient(Optimizer):
    """The velocity holds the gradient: v <- b v + g; w <- w - lr v.

    Args:
        params: parameters or groups of them.
        lr: learning rate, > 0.
        momentum: b, in [0, 1).
        weight_decay: L2 penalty, >= 0.

    Raises:
        ValueError: an argument is out of its range.
    """

    elementwise = True
    graphable = True
    filters_gradients = True

    def __init__(self, params: ParamsT, lr: float, momentum: float = 0.9, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        _check_groups(self)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Make one step; return the closure's loss, or None without one."""
        loss = evaluate(closure)
        for w, g, v, lr, b in _moving(self):
            v.mul_(b).add_(g)
            w.sub_(v, alpha=lr)
        return loss


class HeavyBallStep(Optimizer):
    """The velocity holds the step: v <- b v + lr g; w <- w - v.

    Args:
        params: parameters or groups of them.
        lr: learning rate, > 0.
        momentum: b, in [0, 1).
        weight_decay: L2 penalty, >= 0.

    Raises:
        ValueError: an argument is out of its range.
    """

    elementwise = True
    graphable = True
    filters_gradients = True

    def __init__(self, params: ParamsT, lr: float, momentum: float = 0.9, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        _check_groups(self)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Make one step; return the closure's loss, or None without one."""
        loss = evaluate(closure)
        for w, g, v, lr, b in _moving(self):
            v.mul_(b).add_(g, alpha=lr)
            w.sub_(v)
        return loss


class HeavyBallAveraged(Optimizer):
    """The velocity averages the gradient: v <- b v + (1 - b) g; w <- w - lr v.

    It equals heavy ball at lr (1 - b): compared with it at one lr, it takes steps 1 / (1 - b) times smaller.
    torch's `SGD(momentum=b, dampening=1 - b)` is not quite this: it starts from v = g instead of (1 - b) g.

    Args:
        params: parameters or groups of them.
        lr: learning rate, > 0.
        momentum: b, in [0, 1).
        weight_decay: L2 penalty, >= 0.

    Raises:
        ValueError: an argument is out of its range.
    """

    elementwise = True
    graphable = True
    filters_gradients = True

    def __init__(self, params: ParamsT, lr: float, momentum: float = 0.9, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        _check_groups(self)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Make one step; return the closure's loss, or None without one."""
        loss = evaluate(closure)
        for w, g, v, lr, b in _moving(self):
            v.mul_(b).add_(g, alpha=1 - b)
            w.sub_(v, alpha=lr)
        return loss


def _check_groups(optimizer: Optimizer) -> None:
    for group in optimizer.param_groups:
        check("lr", group["lr"], "> 0")
        check("momentum", group["momentum"], "in [0, 1)")
        check("weight_decay", group["weight_decay"], ">= 0")


def _moving(optimizer: Optimizer) -> Iterator[tuple[Tensor, Tensor, Tensor, float, float]]:
    """Yield (w, g, v, lr, b) for every parameter w that has a gradient; v starts at zero."""
    for group in optimizer.param_groups:
        lr, b, weight_decay = group["lr"], group["momentum"], group["weight_decay"]
        for w in group["params"]:
            if w.grad is None:
                continue
            state = optimizer.state[w]
            if not state:
                state["velocity"] = torch.zeros_like(w)
            g = w.grad if weight_decay == 0 else w.grad.add(w, alpha=weight_decay)
            yield w, g, state["velocity"], lr, b
