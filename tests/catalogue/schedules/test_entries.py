"""The catalogue of schedules: listed values, sums of rates, whatever the budget."""

from __future__ import annotations

from math import cos, isfinite, pi, sin
from pkgutil import resolve_name
from typing import Any

import pytest
import torch
from torch import nn

from lab.schedules import bound, rates
from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.optimizers.make import make_optimizer, needs_closure
from optbench.catalogue.schedules.entries import SCHEDULES
from optbench.catalogue.schedules.make import is_plateau
from optbench.catalogue.schedules.warmup_cosine import warmup_cosine_factor
from optbench.catalogue.schedules.warmup_stable_decay import warmup_stable_decay_factor

BY_STEPS = [name for name in SCHEDULES if name not in {"constant", "plateau"}]


# Budget 100, lr 1: (schedule, step, learning rate)
LISTED = [
    *(("constant", t, 1.0) for t in (0, 50, 99)),
    # a tenth at 30, 60, 90
    *(
        ("step", t, lr)
        for t, lr in ((0, 1.0), (29, 1.0), (30, 0.1), (60, 0.01), (89, 0.01), (90, 0.001), (99, 0.001))
    ),
    *(("multi_step", t, lr) for t, lr in ((0, 1.0), (49, 1.0), (50, 0.1), (74, 0.1), (75, 0.01), (99, 0.01))),
    # 10^(-2 t / 100)
    *(("exponential", t, lr) for t, lr in ((0, 1.0), (50, 0.1), (75, 0.0316227766), (99, 0.0104712855))),
    *(("polynomial", t, lr) for t, lr in ((0, 1.0), (25, 0.75), (50, 0.5), (99, 0.01))),
    # (1 + cos(pi t / 100)) / 2; the last is sin(pi / 200)^2
    *(("cosine", t, lr) for t, lr in ((0, 1.0), (25, 0.8535533906), (50, 0.5), (99, 2.467198e-4))),
    # 1/25 at 0, the peak at 29 = 0.3 * 100 - 1, half way down at 64, 1/250,000 at 99
    *(("one_cycle", t, lr) for t, lr in ((0, 0.04), (29, 1.0), (64, 0.500002), (99, 4e-6))),
    # 1/11 .. 10/11, then a cosine over 90 steps whose last is sin(pi / 180)^2
    *(
        ("warmup_cosine", t, lr)
        for t, lr in ((0, 1 / 11), (9, 10 / 11), (10, 1.0), (55, 0.5), (99, 3.045865e-4))
    ),
    # 1/6 .. 5/6, 1 up to step 80, then a fall by 1/20 a step
    *(
        ("warmup_stable_decay", t, lr)
        for t, lr in ((0, 1 / 6), (4, 5 / 6), (5, 1.0), (80, 1.0), (90, 0.5), (99, 0.05))
    ),
]


@pytest.mark.parametrize(("name", "step", "lr"), LISTED)
def test_listed_value(name: Any, step: Any, lr: Any) -> None:
    assert rates(SCHEDULES[name], 100)[step] == pytest.approx(lr, rel=1e-6)


@pytest.mark.parametrize("name", BY_STEPS)
def test_rates_scale_with_the_cells_lr(name: Any) -> None:
    assert rates(SCHEDULES[name], 40, lr=0.05) == pytest.approx(
        [0.05 * lr for lr in rates(SCHEDULES[name], 40)]
    )


# Sums over a budget of T = 100 steps at lr 1, in closed form
SUMS = [
    ("step", 30 * 1.11 + 10 * 0.001),
    ("multi_step", 50 + 25 * 0.11),
    ("exponential", (1 - 0.01) / (1 - 0.01 ** (1 / 100))),
    ("polynomial", 101 / 2),
    ("cosine", 101 / 2),
    ("warmup_cosine", 10 / 2 + 91 / 2),
    ("warmup_stable_decay", 5 / 2 + 75 + 21 / 2),
]


@pytest.mark.parametrize(("name", "total"), SUMS)
def test_sum_of_rates(name: Any, total: Any) -> None:
    assert sum(rates(SCHEDULES[name], 100)) == pytest.approx(total, rel=1e-9)


@pytest.mark.parametrize("name", BY_STEPS)
def test_horizon_fills_the_budget_whatever_it_is(name: Any) -> None:
    # At equal shares of the budget, away from jumps, a schedule has equal values but for a step or two.
    short, long = rates(SCHEDULES[name], 500), rates(SCHEDULES[name], 2500)
    for share in (0.25, 0.45, 0.7, 0.85):
        assert short[int(500 * share)] == pytest.approx(long[int(2500 * share)], rel=0.03), share
    assert short[-1] < 0.06
    assert long[-1] < 0.06


@pytest.mark.parametrize("budget", [1, 2, 3, 4, 5, 7, 10, 33])
@pytest.mark.parametrize("name", BY_STEPS)
def test_small_budgets_run_to_their_end(name: Any, budget: Any) -> None:
    used = rates(SCHEDULES[name], budget)  # warnings are errors
    assert len(used) == budget
    assert all(0 < lr <= 1 + 1e-12 for lr in used)


def test_factors_end_on_their_floor() -> None:
    assert [warmup_cosine_factor(t, 4, 10, 0.2) for t in (0, 4, 7, 10, 99)] == pytest.approx(
        [0.2, 1, 0.6, 0.2, 0.2]
    )
    falling = [warmup_stable_decay_factor(t, 1, 4, 10, 0.2) for t in (0, 1, 6, 8, 10, 99)]
    assert falling == pytest.approx([0.5, 1, 1, 0.6, 0.2, 0.2])
    assert warmup_cosine_factor(99, 10, 100) == pytest.approx(sin(pi / 180) ** 2)
    assert warmup_cosine_factor(11, 10, 100) == pytest.approx((1 + cos(pi / 90)) / 2)


# --- the catalogue, every pair ----------------------------------------------------------------------------


def test_catalogue_lists_what_the_page_promises() -> None:
    assert list(SCHEDULES) == [
        *("constant", "step", "multi_step", "exponential", "polynomial", "cosine", "one_cycle"),
        *("warmup_cosine", "warmup_stable_decay", "plateau"),
    ]
    assert len({spec.label for spec in SCHEDULES.values()} - {""}) == len(SCHEDULES)


@pytest.mark.parametrize("schedule_name", SCHEDULES)
@pytest.mark.parametrize("optimizer_name", OPTIMIZERS)
def test_every_pair_takes_twenty_finite_steps(optimizer_name: Any, schedule_name: Any) -> None:
    generator = torch.Generator().manual_seed(4)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2))
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) / 2)
    x, y = torch.randn(16, 4, generator=generator), torch.randn(16, 2, generator=generator)
    spec, budget = OPTIMIZERS[optimizer_name], 20
    optimizer = make_optimizer(spec, resolve_name(spec.factory), model.parameters(), spec.lr)
    schedule = bound(SCHEDULES[schedule_name], optimizer, budget, spec.lr)
    before = [p.detach().clone() for p in model.parameters()]

    def closure() -> float:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        torch.autograd.backward(loss)
        return loss.item()

    for _ in range(budget):
        if needs_closure(optimizer):
            loss = optimizer.step(closure)
        else:
            loss = closure()
            optimizer.step()
        if schedule is not None and is_plateau(schedule):
            schedule.step(loss)
        elif schedule is not None:
            schedule.step()
    assert isfinite(closure())
    assert all(torch.isfinite(p).all() for p in model.parameters())
    assert not all(torch.equal(p, q) for p, q in zip(before, model.parameters(), strict=True))
