"""The gain of a heavy ball is its transfer function."""

from __future__ import annotations

import numpy as np
import pytest

from optbench.theory.textbook import measure


def test_gain_of_a_heavy_ball_is_its_transfer_function() -> None:
    """Constant gradients give 1/(1-b), alternating ones 1/(1+b), once the start is forgotten."""
    for sign, expected in ((1, 1 / (1 - 0.9)), (-1, 1 / (1 + 0.9))):
        gradient = np.array([float(sign) ** t for t in range(4000)])
        velocity, place = 0.0, [0.0]
        for g in gradient[:-1]:
            velocity = 0.9 * velocity + g
            place.append(place[-1] - 0.1 * velocity)
        found = measure.gain(np.array(place)[1000:, None], gradient[1000:, None], 0.1)
        assert found[0] == pytest.approx(expected, rel=1e-6)
