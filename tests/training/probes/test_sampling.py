"""A sample of steps stands for all of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import SGD

from lab.probes import line, measures, noisy
from optbench.training.probes.run import Probes
from optbench.training.probes.sampling import (
    BLOCK,
    OPENING,
    SHORT,
    look_weights,
    measured_share,
    step_weights,
)


@pytest.mark.parametrize("budget", [1, 256, 257, 1999, 5000])
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("full", [False, True])
def test_measured_steps_stand_for_all(budget, large, full):
    share = measured_share(budget, 10, full=full, large=large)
    weights = step_weights(budget, share)
    assert share == 1 if budget <= 256 or (full and budget <= 2000) else share > 1
    assert (weights > 0).sum() <= 2000 + OPENING + BLOCK
    assert (weights[:OPENING] == 1).all()
    # One block of each group stands for all of it; the last block may be cut.
    assert abs(weights.sum() - budget) <= share * BLOCK
    starts = np.flatnonzero(np.diff(np.concatenate([[0], weights > 0])) == 1)
    assert (starts % BLOCK == 0).all()


@pytest.mark.parametrize("every", [1, 2, 10])
def test_looks_stand_for_all_steps(every):
    weights = look_weights(30_000, every)
    assert weights.sum() == pytest.approx(30_000, rel=0.05)
    # Two steps out of 3 * every, hence three looks.
    assert (weights > 0).mean() == pytest.approx(1.0 if every == 1 else 2 / (3 * every))
    assert abs((weights[: 30_000 // 2]).sum() - 15_000) < 0.05 * 15_000
    # Every place of a period is drawn, each in proportion.
    places = weights.reshape(-1, 3 * every).mean(axis=0)
    assert places == pytest.approx(1.0, abs=0.35)
    assert look_weights(1, every).tolist() == [1.0]


def test_sampling_a_long_run_changes_little():
    # Stationary noise has one correlation throughout: a tenth of the steps must find it.
    found = measures(noisy(1.0, 5 * SHORT, dimension=500), lambda p: SGD(p, lr=0.2, momentum=0.9))
    assert found["update_cosine"] == pytest.approx(0.8, abs=0.02)
    exact = measures(line(h=1e-3, steps=3000), lambda p: SGD(p, lr=0.1))
    assert exact["tortuosity"] == pytest.approx(1.0, abs=0.01)
    assert exact["overshoot"] == pytest.approx(-1 + 1e-4, abs=1e-9)


def test_looks_are_a_whole_number_of_steps_apart():
    with pytest.raises(ValueError, match="every must be a whole number"):
        Probes(line(), line().model(), SGD([nn.Parameter(torch.zeros(1))], lr=0.1), 0)
