"""Schedules against listed values, closed-form sums and each other; horizons resolved from the budget."""

from __future__ import annotations

from math import cos, isfinite, pi, sin
from pkgutil import resolve_name
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import Optimizer

from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.optimizers.make import make_optimizer, needs_closure
from optbench.catalogue.schedules.entries import SCHEDULES
from optbench.catalogue.schedules.make import is_plateau, make_schedule, resolve
from optbench.catalogue.schedules.warmup_cosine import warmup_cosine_factor
from optbench.catalogue.schedules.warmup_stable_decay import warmup_stable_decay_factor
from optbench.core.errors import UserError
from optbench.core.specs import ScheduleSpec, Setting

BY_STEPS = [name for name in SCHEDULES if name not in {"constant", "plateau"}]


def bound(
    spec: ScheduleSpec, optimizer: Optimizer, budget: int, lr: float = 1.0, steps_per_epoch: int = 1
) -> Any:
    factory = resolve_name(spec.factory) if spec.factory else None
    return make_schedule(spec, factory, optimizer, budget, steps_per_epoch, lr)


def rates(spec: ScheduleSpec, budget: int, lr: float = 1.0, steps_per_epoch: int = 1) -> list[float]:
    """The learning rate of every step of the budget, the schedule stepped after each, the last included."""
    w = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([w], lr)
    schedule = bound(spec, optimizer, budget, lr, steps_per_epoch)
    used = []
    for _ in range(budget):
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if schedule is not None:
            schedule.step()
    return used


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


@pytest.mark.parametrize("total", [1, 2, 17, 100])
def test_cosine_without_warmup_is_torchs(total: Any) -> None:
    expected = rates(
        ScheduleSpec("c", "torch.optim.lr_scheduler:CosineAnnealingLR", {"T_max": "100%"}), total
    )
    ours = rates(
        ScheduleSpec(
            "w", "optbench.catalogue.schedules.warmup_cosine:warmup_cosine", {"warmup": 0, "total": "100%"}
        ),
        total,
    )
    assert ours == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("total", [2, 17, 100])
def test_decay_all_the_way_is_torchs_polynomial(total: Any) -> None:
    linear = ScheduleSpec("p", "torch.optim.lr_scheduler:PolynomialLR", {"total_iters": "100%"})
    settings: dict[str, Setting] = {"warmup": 0, "decay": "100%", "total": "100%"}
    ours = rates(
        ScheduleSpec("w", "optbench.catalogue.schedules.warmup_stable_decay:warmup_stable_decay", settings),
        total,
    )
    assert ours == pytest.approx(rates(linear, total), abs=1e-12)


def test_factors_end_on_their_floor() -> None:
    assert [warmup_cosine_factor(t, 4, 10, 0.2) for t in (0, 4, 7, 10, 99)] == pytest.approx(
        [0.2, 1, 0.6, 0.2, 0.2]
    )
    falling = [warmup_stable_decay_factor(t, 1, 4, 10, 0.2) for t in (0, 1, 6, 8, 10, 99)]
    assert falling == pytest.approx([0.5, 1, 1, 0.6, 0.2, 0.2])
    assert warmup_cosine_factor(99, 10, 100) == pytest.approx(sin(pi / 180) ** 2)
    assert warmup_cosine_factor(11, 10, 100) == pytest.approx((1 + cos(pi / 90)) / 2)


def test_warmup_and_decay_that_overlap_meet() -> None:
    shape = [warmup_stable_decay_factor(t, 4, 4, 5) for t in range(6)]
    assert shape == pytest.approx([0.2, 0.4, 0.6, 0.5, 0.25, 0])


def test_step_and_epoch_horizons_agree() -> None:
    # 400 steps of 4 an epoch: 30 epochs are 120 steps
    spec = ScheduleSpec("s", "torch.optim.lr_scheduler:StepLR", {"step_size": "30 epochs", "gamma": 0.1})
    used = rates(spec, 400, steps_per_epoch=4)
    assert used[119] == 1.0
    assert used[120] == pytest.approx(0.1)
    assert used[399] == pytest.approx(0.001)


# --- one cycle and momentum -----------------------------------------------------------------------------


def test_one_cycle_leaves_momentum_alone_unless_asked() -> None:
    settings = SCHEDULES["one_cycle"].settings
    for cycled, expected in ((False, {0.9}), (True, None)):
        w = nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.SGD([w], 1.0, momentum=0.9)
        spec = ScheduleSpec("o", SCHEDULES["one_cycle"].factory, {**settings, "cycle_momentum": cycled})
        schedule = bound(spec, optimizer, 20)
        seen = set()
        for _ in range(20):
            seen.add(optimizer.param_groups[0]["momentum"])
            optimizer.step()
            schedule.step()
        assert seen == expected if expected else max(seen) == pytest.approx(0.95)


def test_cycling_a_momentum_that_is_not_there_is_refused() -> None:
    spec = ScheduleSpec(
        "o", SCHEDULES["one_cycle"].factory, {**SCHEDULES["one_cycle"].settings, "cycle_momentum": True}
    )
    optimizer = torch.optim.Adagrad([nn.Parameter(torch.zeros(1))], 0.1)
    with pytest.raises(
        UserError, match=r"schedules\.o\.cycle_momentum = True: optimizer must support momentum"
    ):
        bound(spec, optimizer, 20, lr=0.1)


# --- plateau --------------------------------------------------------------------------------------------


def test_plateau_waits_ten_evaluations_and_divides_by_ten() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 1.0)
    schedule = bound(SCHEDULES["plateau"], optimizer, 100)
    used = []
    for evaluation in range(24):
        # better by less than the relative threshold of 1e-4 is no better
        schedule.step(1.0 - 1e-6 * evaluation)
        used.append(optimizer.param_groups[0]["lr"])
    # The first evaluation sets the best, ten bad ones are borne, the eleventh divides.
    assert used == pytest.approx([1.0] * 11 + [0.1] * 11 + [0.01] * 2)


def test_plateau_stays_while_the_loss_falls() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 1.0)
    schedule = bound(SCHEDULES["plateau"], optimizer, 100)
    for evaluation in range(40):
        schedule.step(0.999**evaluation)
    assert optimizer.param_groups[0]["lr"] == 1.0


def test_only_the_plateau_is_driven_by_the_loss() -> None:
    for name, spec in SCHEDULES.items():
        schedule = bound(spec, torch.optim.SGD([nn.Parameter(torch.zeros(1))], 1.0), 100)
        assert (schedule is None) == (name == "constant")
        if schedule is not None:
            assert is_plateau(schedule) == (name == "plateau")


# --- resolve --------------------------------------------------------------------------------------------

RESOLVED = [
    ("100%", 1000),
    ("33%", 330),
    ("12.5%", 125),
    (" 30 % ", 300),
    ("150%", 1500),
    ("0%", 0),
    ("0.01%", 1),  # a positive share never vanishes
    ("0.25%", 3),  # 2.5: halves go up
    ("0.07%", 1),
    ("30 epochs", 750),
    ("1 epoch", 25),
    ("0.5 epochs", 13),
    ("lr", 0.02),
    ("linear", "linear"),
    ("min", "min"),
    ("rel", "rel"),
    (7, 7),
    (0.3, 0.3),
    (True, True),
    (None, None),
    (["50%", "75%", 990, "1 epoch"], [500, 750, 990, 25]),
    ({"a": ["10%"], "b": "lr"}, {"a": [100], "b": 0.02}),
]


@pytest.mark.parametrize(("given", "expected"), RESOLVED)
def test_resolve(given: Any, expected: Any) -> None:
    got = resolve({"key": given}, budget=1000, steps_per_epoch=25, lr=0.02)["key"]
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    "given", ["30%%", "-5%", "thirty%", "30 epoch s", "five epochs", "1e-4", "-1", "30 steps", ".5"]
)
def test_resolve_refuses_what_only_looks_like_a_number(given: Any) -> None:
    with pytest.raises(UserError, match="is not understood; allowed: a number") as raised:
        resolve({"milestones": ["50%", given]}, 100, 1, 0.1, path="schedules.mine")
    assert str(raised.value).startswith(f"schedules.mine.milestones[1] = {given!r} ")


@pytest.mark.parametrize(("budget", "steps_per_epoch"), [(0, 1), (1, 0), (-3, 1)])
def test_resolve_needs_a_budget(budget: Any, steps_per_epoch: Any) -> None:
    with pytest.raises(ValueError, match="must be >= 1"):
        resolve({}, budget, steps_per_epoch, 0.1)


# --- mistakes -------------------------------------------------------------------------------------------


def no_schedule(optimizer: Optimizer) -> Optimizer:
    return optimizer


TORCH = "torch.optim.lr_scheduler"
WARMUP_COSINE, STABLE = (
    "optbench.catalogue.schedules.warmup_cosine:warmup_cosine",
    "optbench.catalogue.schedules.warmup_stable_decay:warmup_stable_decay",
)
WRONG = [
    (
        f"{TORCH}:StepLR",
        {"step_sise": 3},
        "mine.step_sise is not a setting of its factory; did you mean 'step_size'?",
    ),
    (f"{TORCH}:StepLR", {"gamma": 0.1}, "schedules.mine.step_size is missing"),
    (f"{TORCH}:StepLR", {"optimizer": 1}, "schedules.mine.optimizer is not a setting"),
    (f"{TORCH}:StepLR", {"step_size": "30 %s"}, "schedules.mine.step_size = '30 %s' is not understood"),
    (
        f"{TORCH}:ReduceLROnPlateau",
        {"mode": "min", "factor": 2.0},
        "schedules.mine.factor = 2.0: Factor should",
    ),
    (
        f"{TORCH}:OneCycleLR",
        {"max_lr": "lr", "total_steps": 10, "pct_start": 2.0},
        "schedules.mine.pct_start = 2.0: ",
    ),
    (
        WARMUP_COSINE,
        {"warmup": "150%", "total": "100%"},
        "a whole number of steps in [0, 10]; got 15",
    ),
    (
        WARMUP_COSINE,
        {"warmup": 1, "total": 0},
        "schedules.mine.total = 0: total must be a whole number of steps >= 1",
    ),
    (
        WARMUP_COSINE,
        {"warmup": 1, "total": 9, "floor": 2},
        "schedules.mine.floor = 2: floor must be in [0, 1]",
    ),
    (
        STABLE,
        {"warmup": 1, "decay": 0.2, "total": 9},
        "schedules.mine.decay = 0.2: decay must be a whole number",
    ),
    (
        "optbench.catalogue.schedules.exponential:exponential",
        {"total": 9, "final": 0},
        "schedules.mine.final = 0: final must be in (0, 1]",
    ),
    (
        "here:no_schedule",
        {},
        "schedules.mine.factory must return an LRScheduler of torch; here:no_schedule returned",
    ),
]


@pytest.mark.parametrize(("factory", "settings", "message"), WRONG)
def test_a_mistake_in_the_study_names_its_key(factory: Any, settings: Any, message: Any) -> None:
    spec = ScheduleSpec("mine", factory, settings)
    loaded = no_schedule if factory == "here:no_schedule" else resolve_name(factory)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 0.1, momentum=0.9)
    with pytest.raises(UserError) as raised:
        make_schedule(spec, loaded, optimizer, 10, 1, 0.1)
    assert message in str(raised.value)


def test_a_factory_that_was_not_loaded_is_named() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 0.1)
    with pytest.raises(UserError, match=r"schedules\.step\.factory was not loaded"):
        make_schedule(SCHEDULES["step"], None, optimizer, 10, 1, 0.1)


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
