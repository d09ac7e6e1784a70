"""What every hand-written optimizer owes its caller: honoured closures and checked ranges."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

Rule = Literal["> 0", ">= 0", "in [0, 1)"]


def check(name: str, value: object, rule: Rule) -> None:
    """Return nothing if `value` is a finite number that obeys `rule`.

    Args:
        name: how the message calls it.
        value: what the caller gave.
        rule: one of `> 0`, `>= 0`, `in [0, 1)`.

    Raises:
        ValueError: `<name> must be <rule>; got <value>`.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        held = {"> 0": 0 < value < inf, ">= 0": 0 <= value < inf, "in [0, 1)": 0 <= value < 1}
        if held[rule]:
            return
    raise ValueError(f"{name} must be {rule}; got {value!r}")


def evaluate(closure: Callable[[], float] | None) -> float | None:
    """Return what `closure` returns, called with gradients enabled, or None where there is none."""
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()
