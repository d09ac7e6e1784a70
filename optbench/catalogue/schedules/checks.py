"""What the schedules of optbench check of their arguments."""

from __future__ import annotations


def _check_shape(total: int, floor: float, **parts: int) -> None:
    if not isinstance(total, int) or total < 1:
        raise ValueError(f"total must be a whole number of steps >= 1; got {total!r}")
    for name, steps in parts.items():
        if not isinstance(steps, int) or not 0 <= steps <= total:
            raise ValueError(f"{name} must be a whole number of steps in [0, {total}]; got {steps!r}")
    if not 0 <= floor <= 1:
        raise ValueError(f"floor must be in [0, 1]; got {floor!r}")
