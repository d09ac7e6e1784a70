"""Lion, the evolved sign momentum of Chen et al. 2023 (arXiv 2302.06675), which torch does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.optim import Optimizer

from optbench.catalogue.optimizers.protocol import check, evaluate

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch.optim.optimizer import ParamsT


class Lion(Optimizer):
    """Sign momentum: every coordinate moves by exactly lr, in the direction of an interpolated momentum.

    With gradient g, momentum m (0 at the start), betas (b1, b2), the paper's algorithm 2:

        u <- sign(b1 m + (1 - b1) g)
        w <- w - lr (u + weight_decay w)
        m <- b2 m + (1 - b2) g

    A coordinate whose interpolated momentum is exactly 0 stays. The size of the step does not fall with
    the gradient, so it needs a decaying schedule to settle, and a rate 3 to 10 times below AdamW's with as
    much more weight decay (the paper's section 5).

    Args:
        params: parameters or groups of them.
        lr: learning rate, > 0.
        betas: (b1, b2), each in [0, 1); b1 mixes the step, b2 < 1 sets how long m remembers.
        weight_decay: decoupled, >= 0.

    Raises:
        ValueError: an argument is out of its range.
    """

    elementwise = True
    graphable = True

    def __init__(
        self,
        params: ParamsT,
        lr: float,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})
        for group in self.param_groups:
            check("lr", group["lr"], "> 0")
            _check_betas(group["betas"])
            check("weight_decay", group["weight_decay"], ">= 0")

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Make one step; return the closure's loss, or None without one."""
        loss = evaluate(closure)
        for group in self.param_groups:
            lr, (b1, b2) = group["lr"], group["betas"]
            for w in group["params"]:
                if w.grad is None:
                    continue
                state = self.state[w]
                if not state:
                    state["momentum"] = torch.zeros_like(w)
                m = state["momentum"]
                u = m.mul(b1).add_(w.grad, alpha=1 - b1).sign_()
                w.mul_(1 - lr * group["weight_decay"]).sub_(u, alpha=lr)
                m.mul_(b2).add_(w.grad, alpha=1 - b2)
        return loss


def _check_betas(betas: object) -> None:
    if not isinstance(betas, tuple | list) or len(betas) != len(("b1", "b2")):
        raise ValueError(f"betas must be two numbers; got {betas!r}")
    for i, b in enumerate(betas):
        check(f"betas[{i}]", b, "in [0, 1)")
