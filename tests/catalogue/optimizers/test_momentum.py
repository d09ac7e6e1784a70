"""The forms of momentum: torch's, closed forms, the textbook's ravine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lab.optimizers import follow, parameters, random_gradients
from optbench.catalogue.optimizers.momentum import HeavyBallAveraged, HeavyBallGradient, HeavyBallStep

FORMS = [HeavyBallGradient, HeavyBallStep, HeavyBallAveraged]


def constant_gradient_path(
    make: Callable[[list[Tensor]], Optimizer], steps: int, lrs: Sequence[float] | None = None, g: float = 2.0
) -> Tensor:
    """Positions 0..steps of one coordinate under the gradient g, the lr set before each step."""
    w = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = make([w])
    path = [0.0]
    for t in range(steps):
        if lrs is not None:
            optimizer.param_groups[0]["lr"] = lrs[t]
        w.grad = torch.full_like(w, g)
        optimizer.step()
        path.append(w.item())
    return torch.tensor(path, dtype=torch.float64)


# --- momentum -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("weight_decay", [0.0, 0.05])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_torch_momentum_at_a_constant_lr(form: Any, momentum: Any, weight_decay: Any) -> None:
    lr = 0.02
    ours, torchs = parameters(), parameters()
    # The averaged form is heavy ball at lr (1 - b): given lr / (1 - b), it must be heavy ball at lr.
    own_lr = lr / (1 - momentum) if form is HeavyBallAveraged else lr
    gradients = random_gradients(100)
    path = follow(form(ours, own_lr, momentum, weight_decay), ours, gradients)
    reference = torch.optim.SGD(torchs, lr, momentum=momentum, weight_decay=weight_decay)
    torch.testing.assert_close(path, follow(reference, torchs, gradients), rtol=1e-12, atol=1e-12)


def test_gradient_form_is_torch_momentum_under_a_schedule_too() -> None:
    paths = []
    for make in (lambda p: HeavyBallGradient(p, 0.1), lambda p: torch.optim.SGD(p, 0.1, momentum=0.9)):
        params = parameters()
        optimizer = make(params)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 7, 0.3)
        steps = []
        for gradients in random_gradients(40):
            steps.append(follow(optimizer, params, [gradients]))
            schedule.step()
        paths.append(torch.cat(steps))
    torch.testing.assert_close(*paths, rtol=1e-12, atol=1e-12)


def test_forms_part_when_the_lr_drops_by_the_closed_form() -> None:
    # Gradient g, lr eta until step k, eta c from then on. The step at t >= k is
    #   gradient form   eta c g (1 - b^(t+1)) / (1 - b)
    #   step form       eta g ((b^n - b^(t+1)) + c (1 - b^n)) / (1 - b) with n = t - k + 1: it coasts on.
    b, eta, c, g, k, steps = 0.9, 0.1, 0.1, 2.0, 30, 60
    lrs = [eta if t < k else eta * c for t in range(steps)]
    t = torch.arange(steps, dtype=torch.float64)
    rate = torch.tensor(lrs, dtype=torch.float64)
    gradient_form = rate * g * (1 - b ** (t + 1)) / (1 - b)
    n = (t - k + 1).clamp(min=0)
    step_form = eta * g * torch.where(t < k, 1 - b ** (t + 1), b**n - b ** (t + 1) + c * (1 - b**n)) / (1 - b)
    averaged_form = (1 - b) * gradient_form

    for form, expected in zip(FORMS, (gradient_form, step_form, averaged_form), strict=True):
        path = constant_gradient_path(partial(form, lr=eta, momentum=b), steps, lrs, g)
        torch.testing.assert_close(-path.diff(), expected, rtol=1e-10, atol=1e-14)
    # Right at the drop the step form still moves nearly nine times as far as the gradient form.
    assert (step_form[k] / gradient_form[k]).item() == pytest.approx(9.06, abs=0.05)


@pytest.mark.parametrize(
    ("form", "gain"), [(HeavyBallGradient, 10), (HeavyBallStep, 10), (HeavyBallAveraged, 1)]
)
def test_speed_under_a_constant_gradient_tends_to_lr_g_over_one_minus_b(form: Any, gain: Any) -> None:
    path = constant_gradient_path(lambda p: form(p, 0.01, 0.9), 400)
    speed = -path.diff()
    t = torch.arange(1, 401, dtype=torch.float64)
    torch.testing.assert_close(speed, 0.01 * 2.0 * gain * (1 - 0.9**t), rtol=1e-9, atol=1e-14)
    assert speed[-1].item() == pytest.approx(0.02 * gain, rel=1e-9)


@pytest.mark.parametrize(("b", "final"), [(0.0, 0.102332), (0.8, 2.86818e-05), (0.9, 3.63627e-04)])
@pytest.mark.parametrize("form", FORMS)
def test_ravine_ends_at_the_textbook_losses(form: Any, b: Any, final: Any) -> None:
    w = nn.Parameter(torch.tensor([-2.4, 0.2], dtype=torch.float64))
    optimizer = form([w], 0.1 / (1 - b) if form is HeavyBallAveraged else 0.1, b)

    def loss() -> Tensor:
        return w[0] ** 2 / 16 + 9 * w[1] ** 2

    for _ in range(50):
        optimizer.zero_grad()
        torch.autograd.backward(loss())
        optimizer.step()
    assert loss().item() == pytest.approx(final, rel=5e-6)
