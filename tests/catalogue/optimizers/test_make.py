"""From a spec to an optimizer: every mistake names its key; what holds of each one alike."""

from __future__ import annotations

import builtins
from pkgutil import resolve_name
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lab.optimizers import built_in, follow, parameters
from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.optimizers.lion import Lion
from optbench.catalogue.optimizers.make import clear_gradients, make_optimizer
from optbench.catalogue.optimizers.momentum import HeavyBallAveraged, HeavyBallGradient, HeavyBallStep
from optbench.catalogue.optimizers.muon import MuonWithAdamW
from optbench.core.errors import UserError
from optbench.core.specs import OptimizerSpec

FORMS = [HeavyBallGradient, HeavyBallStep, HeavyBallAveraged]
HAND_WRITTEN = [*FORMS, Lion]


# --- what all must do -----------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [*HAND_WRITTEN, MuonWithAdamW])
def test_closure_is_called_with_gradients_and_its_loss_returned(make: Any) -> None:
    w = nn.Parameter(torch.ones(1, 1))
    optimizer = make([w], 0.5)

    def closure() -> float:
        optimizer.zero_grad()
        loss = (w**2).sum()
        torch.autograd.backward(loss)
        return loss.item()

    with torch.no_grad():
        assert optimizer.step(closure) == 1.0
    assert w.item() < 1
    assert optimizer.step() is None


@pytest.mark.parametrize("make", HAND_WRITTEN)
def test_parameters_without_a_gradient_stay(make: Any) -> None:
    moved, still = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    optimizer = make([moved, still], 0.1, weight_decay=0.1)
    moved.grad = torch.ones(2)
    optimizer.step()
    assert still.tolist() == [1, 1]
    assert moved[0].item() < 1
    assert still not in optimizer.state


@pytest.mark.parametrize("make", HAND_WRITTEN)
def test_groups_keep_their_own_lr(make: Any) -> None:
    slow, fast = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    optimizer = make([{"params": [slow]}, {"params": [fast], "lr": 0.2}], lr=0.1)
    follow(optimizer, [slow, fast], [[torch.ones(1), torch.ones(1)]])
    assert fast.item() == pytest.approx(2 * slow.item())
    assert slow.item() < 0


def test_lists_become_tuples() -> None:
    optimizer = built_in("lion", parameters())
    assert optimizer.param_groups[0]["betas"] == (0.9, 0.99)


# --- mistakes -------------------------------------------------------------------------------------------

WRONG_ARGUMENTS = [
    *(
        (form, {"lr": lr}, f"lr must be > 0; got {lr}")
        for form in [*HAND_WRITTEN, MuonWithAdamW]
        for lr in (0, -0.1)
    ),
    (HeavyBallGradient, {"lr": float("nan")}, "lr must be > 0; got nan"),
    (HeavyBallGradient, {"lr": float("inf")}, "lr must be > 0; got inf"),
    (HeavyBallGradient, {"lr": "fast"}, "lr must be > 0; got 'fast'"),
    (HeavyBallGradient, {"lr": True}, "lr must be > 0; got True"),
    *((form, {"momentum": 1.0}, "momentum must be in [0, 1); got 1.0") for form in [*FORMS, MuonWithAdamW]),
    (HeavyBallStep, {"momentum": -0.1}, "momentum must be in [0, 1); got -0.1"),
    *((form, {"weight_decay": -1}, "weight_decay must be >= 0; got -1") for form in HAND_WRITTEN),
    (Lion, {"betas": (0.9, 1.0)}, "betas[1] must be in [0, 1); got 1.0"),
    (Lion, {"betas": (-0.5, 0.9)}, "betas[0] must be in [0, 1); got -0.5"),
    (Lion, {"betas": (0.9, 0.9, 0.9)}, "betas must be two numbers; got (0.9, 0.9, 0.9)"),
    (Lion, {"betas": 0.9}, "betas must be two numbers; got 0.9"),
]


@pytest.mark.parametrize(("make", "arguments", "message"), WRONG_ARGUMENTS)
def test_values_out_of_range_are_refused(make: Any, arguments: Any, message: Any) -> None:
    with pytest.raises(ValueError, match="must be") as raised:
        make(parameters(), **{"lr": 0.1, **arguments})
    assert str(raised.value) == message


def test_a_group_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"momentum must be in \[0, 1\); got 2"):
        HeavyBallStep([{"params": parameters(), "momentum": 2}], lr=0.1)


def no_optimizer(params: object, lr: float) -> str:
    return "nothing"


def anything_goes(params: list[Tensor], lr: float, **settings: Any) -> Optimizer:
    return torch.optim.SGD(params, lr, **settings)


WRONG_SPECS = [
    (
        "torch.optim:SGD",
        {"momentun": 0.9},
        "optimizers.mine.momentun is not a setting of its factory; did you ",
    ),
    (
        "torch.optim:SGD",
        {"momentun": 0.9},
        "'momentum'? (allowed: momentum, dampening, weight_decay, nesterov, ",
    ),
    ("torch.optim:SGD", {"lr": 0.1}, "optimizers.mine.lr is not a setting of its factory"),
    ("torch.optim:SGD", {"params": 0.1}, "optimizers.mine.params is not a setting of its factory"),
    (
        "torch.optim:AdamW",
        {"betas": [0.9, 1.0], "eps": 1e-8},
        "optimizers.mine.betas = (0.9, 1.0): Invalid beta",
    ),
    ("torch.optim:Adam", {"amsgrad": True, "eps": "1e-8"}, "optimizers.mine.eps = '1e-8': "),
    (
        "optbench.catalogue.optimizers.lion:Lion",
        {"betas": [0.9, 2]},
        "mine.betas = (0.9, 2): betas[1] must be in [0, 1); got 2",
    ),
    (
        "optbench.catalogue.optimizers.muon:MuonWithAdamW",
        {"momentum": 0.9},
        "optimizers.mine: Muon needs at least one ",
    ),
    ("optbench.catalogue.optimizers.muon:MuonWithAdamW", {}, "two dimensions; this model has (2,)"),
    (
        "here:no_optimizer",
        {},
        "optimizers.mine.factory must return a torch.optim.Optimizer; ",
    ),
    ("here:anything_goes", {"speed": 1}, "optimizers.mine.speed = 1: "),
    # whatever a constructor raises
    ("torch.optim:Adam", {"betas": [0.9]}, "optimizers.mine.betas = (0.9,): IndexError: tuple index out"),
    ("torch.optim:Adam", {"betas": None}, "optimizers.mine.betas = None: TypeError: 'NoneType' object"),
    ("torch.optim:Adam", {"eps": -1.0}, "optimizers.mine.eps = -1.0: Invalid epsilon value: -1.0"),
    ("here:raises", {"what": "KeyError"}, "optimizers.mine.what = 'KeyError': KeyError: 'KeyError'"),
    ("here:raises", {"what": "SystemExit"}, "optimizers.mine.what = 'SystemExit': SystemExit: SystemExit"),
    ("here:raises", {"what": "ValueError"}, "optimizers.mine.what = 'ValueError': ValueError"),
    (
        "here:nothing_in_front",
        {},
        "optimizers.mine: its factory takes no argument in front, where it would get",
    ),
]


def raises(params: Any, lr: float, what: str = "") -> Any:
    if what:
        raise getattr(builtins, what)(what)
    return torch.optim.SGD(params, lr=lr)


def nothing_in_front(*, lr: float) -> None: ...


def test_too_little_memory_is_no_mistake_of_the_study() -> None:
    spec = OptimizerSpec(name="mine", factory="here:raises", lr=0.1, settings={"what": "MemoryError"})
    with pytest.raises(MemoryError):
        make_optimizer(spec, raises, parameters([(2,)]), 0.1)


@pytest.mark.parametrize(("factory", "settings", "message"), WRONG_SPECS)
def test_a_mistake_in_the_study_names_its_key(factory: Any, settings: Any, message: Any) -> None:
    spec = OptimizerSpec(name="mine", factory=factory, lr=0.1, settings=settings)
    loaded = globals().get(factory.partition(":")[2]) or resolve_name(factory)
    with pytest.raises(UserError) as raised:
        make_optimizer(spec, loaded, parameters([(2,)]), 0.1)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_factory_that_lacks_an_argument_is_named() -> None:
    def needy(params: list[Tensor], lr: float, depth: int) -> Optimizer:
        return torch.optim.SGD(params, lr)

    spec = OptimizerSpec(name="mine", factory="here:needy", lr=0.1)
    with pytest.raises(UserError, match=r"optimizers\.mine\.depth is missing"):
        make_optimizer(spec, needy, parameters(), 0.1)


def test_a_factory_without_a_hash_has_its_settings_checked_too() -> None:
    class Alike:
        __hash__ = None

        def __call__(self, params: list[Tensor], lr: float, depth: int) -> Optimizer:
            return torch.optim.SGD(params, lr)

    spec = OptimizerSpec(name="mine", factory="here:alike", lr=0.1)
    with pytest.raises(UserError, match=r"optimizers\.mine\.depth is missing"):
        make_optimizer(spec, Alike(), parameters(), 0.1)


@pytest.mark.parametrize("lr", [0.0, -1.0, float("nan"), float("inf")])
def test_a_cell_needs_a_positive_lr(lr: Any) -> None:
    with pytest.raises(UserError, match=r"optimizers\.sgd\.lr must be > 0"):
        make_optimizer(OPTIMIZERS["sgd"], torch.optim.SGD, parameters(), lr)


def test_gradients_are_cleared_as_zero_grad_does() -> None:
    """Of every group, to None; a class that clears them in its own way is asked to."""
    plain = torch.optim.SGD(parameters(), lr=0.1)
    plain.add_param_group({"params": parameters(((2,),))})
    held = [p for group in plain.param_groups for p in group["params"]]
    for p in held[1:]:
        p.grad = torch.ones_like(p)
    clear_gradients(plain)
    assert len(held) == 5
    assert [p.grad for p in held] == [None] * 5

    class Zeroing(torch.optim.SGD):
        def zero_grad(self, set_to_none: bool = True) -> None:
            super().zero_grad(set_to_none=False)

    own = Zeroing([held[1]], lr=0.1)
    held[1].grad = torch.ones_like(held[1])
    clear_gradients(own)
    assert torch.equal(held[1].grad, torch.zeros_like(held[1]))
