"""The stationary loss is a simulation's."""

from __future__ import annotations

import pytest

from optbench.theory.textbook.decay import stationary_loss


def test_stationary_loss_is_a_simulations() -> None:
    """One curvature of 1 and one of 1/4: the variance's own recursion run to its fixed point."""
    total = 0.0
    for h in (0.25, 1.0):
        variance = 0.0
        for _ in range(2000):
            variance = (1 - 1.5 * h) ** 2 * variance + (1.5 * 0.1) ** 2
        total += h * variance / 2
    assert stationary_loss(1.5, 4.0, 2, 0.1) == pytest.approx(total)
