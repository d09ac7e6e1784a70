"""From a spec to a schedule: horizons, what drives it, and every mistake names its key."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import Optimizer

from lab.schedules import bound, rates
from optbench.catalogue.schedules.entries import SCHEDULES
from optbench.catalogue.schedules.make import is_plateau, make_schedule, resolve
from optbench.core.errors import UserError
from optbench.core.specs import ScheduleSpec


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
