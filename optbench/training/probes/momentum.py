"""What momentum alone does to successive updates: their cosine when every gradient is fresh noise.

An update that filters the gradients, D_t = -lr sum_k c_k g_(t-k), has under independent gradients of equal
size the lag-one correlation sum_k c_k c_(k+1) / sum_k c_k^2. For the heavy ball in all its written forms, and
for Adam's numerator, c_k = b^k times a constant, and the correlation is b. A step that looks ahead (Nesterov,
NAdam, Muon) weighs the newest gradient once more: c_0 = a + s, c_k = s b^k.
"""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any

import torch.optim

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch.optim import Optimizer


def filter_cosine(momentum: float, ahead: float = 0.0, carried: float = 1.0) -> float:
    """Return the lag-one correlation of white noise under the filter c_0 = a + s, c_k = s b^k.

    ((a + s) s b + s^2 b^3 / (1 - b^2)) / ((a + s)^2 + s^2 b^2 / (1 - b^2)); with a = 0 it is b.

    Args:
        momentum: b, in [0, 1).
        ahead: a, the extra weight of the newest gradient (>= 0).
        carried: s, the weight of the velocity (>= 0, not both 0).
    """
    tail = carried**2 * momentum**2 / (1 - momentum**2)
    first = ahead + carried
    return (first * carried * momentum + tail * momentum) / (first**2 + tail)


def noise_cosine(optimizer: Optimizer, step: int) -> float:
    """Return the update cosine that `optimizer` shows at `step` when its gradients are white noise.

    A parameter group's entry `noise_cosine`, where there is one, is the group's answer: so an optimizer of
    one's own can state it. Else it is known for the classes in `FILTERS` and for those that say so themselves
    (`filters_gradients = True`), and NaN for every other, whose update may be no filter of the gradients
    (Lion and Muon take signs, L-BFGS solves for its step). Groups are weighed by their parameters' number.
    Adam's denominator is taken as constant; docs/reference/tables.md compares with what the built-in
    optimizers show.

    Args:
        optimizer: asked for its class and groups, nothing else.
        step: updates made so far (NAdam's momentum grows with it).
    """
    kind = type(optimizer)
    known = kind in FILTERS or vars(kind).get("filters_gradients") is True
    total, weight = 0.0, 0
    for group in optimizer.param_groups:
        size = sum(p.numel() for p in group["params"])
        if "noise_cosine" in group:
            total += size * float(group["noise_cosine"])
        else:
            total += size * (_group_cosine(group, step) if known else nan)
        weight += size
    return total / max(weight, 1)


FILTERS = frozenset(
    {
        *(torch.optim.SGD, torch.optim.RMSprop, torch.optim.Adagrad, torch.optim.Adadelta),
        *(torch.optim.Adam, torch.optim.AdamW, torch.optim.Adamax, torch.optim.NAdam, torch.optim.RAdam),
    }
)
"""Torch's optimizers whose update filters the gradients by `momentum` or `betas[0]`, but for a slow scale."""


def _group_cosine(group: Mapping[str, Any], step: int) -> float:
    b = float(group["momentum"] if "momentum" in group else group.get("betas", (0.0,))[0])
    if "momentum_decay" in group:  # NAdam: u m + (1 - u) g with u = b (1 - 0.96^(t decay) / 2)
        u = b * (1 - 0.5 * 0.96 ** ((step + 1) * float(group["momentum_decay"])))
        return filter_cosine(b, 1 - u, u * (1 - b))
    if group.get("nesterov"):  # g + b v
        return filter_cosine(b, 1.0, b)
    return b if b < 1 else nan  # a velocity that forgets nothing has no stationary state
