"""The hand-written optimizers against torch, closed forms and hand-worked numbers."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pkgutil import resolve_name
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.optimizers.lion import Lion
from optbench.catalogue.optimizers.make import clear_gradients, make_optimizer, needs_closure
from optbench.catalogue.optimizers.momentum import HeavyBallAveraged, HeavyBallGradient, HeavyBallStep
from optbench.catalogue.optimizers.muon import MuonWithAdamW
from optbench.core.errors import UserError
from optbench.core.specs import OptimizerSpec

FORMS = [HeavyBallGradient, HeavyBallStep, HeavyBallAveraged]
HAND_WRITTEN = [*FORMS, Lion]
Shapes = Sequence[tuple[int, ...]]
SHAPES: Shapes = [(), (3,), (4, 5), (2, 3, 2, 2)]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    # Models of a hundred parameters spend their time waiting for threads, the more so beside other tests.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def parameters(shapes: Shapes = SHAPES, dtype: torch.dtype = torch.float64) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(1)
    return [nn.Parameter(torch.randn(shape, generator=generator, dtype=dtype)) for shape in shapes]


def follow(optimizer: Optimizer, params: Sequence[Tensor], gradients: Iterable[Sequence[Tensor]]) -> Tensor:
    """Step once for each list of gradients; return the parameters after every step, flattened."""
    path = []
    for step_gradients in gradients:
        for p, g in zip(params, step_gradients, strict=True):
            p.grad = g.clone()
        optimizer.step()
        path.append(torch.cat([p.detach().flatten() for p in params]).clone())
    return torch.stack(path)


def random_gradients(
    steps: int, shapes: Shapes = SHAPES, dtype: torch.dtype = torch.float64
) -> list[list[Tensor]]:
    generator = torch.Generator().manual_seed(2)
    return [[torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes] for _ in range(steps)]


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


def built_in(name: str, params: Iterable[Tensor], lr: float | None = None) -> Optimizer:
    spec = OPTIMIZERS[name]
    return make_optimizer(spec, resolve_name(spec.factory), params, lr or spec.lr)


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


# --- Lion -----------------------------------------------------------------------------------------------


def test_lion_by_hand() -> None:
    # lr 0.1, b1 0.9, b2 0.99, weight decay 0.5; gradients 2, -0.1, -1 from w = 1:
    #   b1 m + (1 - b1) g   0.2 -> +       0.018 - 0.01 -> +        0.01692 - 0.1 -> -
    #   w (1 - 0.05) -+ 0.1 0.85           0.7075                   0.772125
    #   m                   0.02           0.0188                   0.008612
    w = nn.Parameter(torch.ones(1, dtype=torch.float64))
    optimizer = Lion([w], lr=0.1, betas=(0.9, 0.99), weight_decay=0.5)
    gradients = [[torch.tensor([g], dtype=torch.float64)] for g in (2.0, -0.1, -1.0)]
    path = follow(optimizer, [w], gradients)
    torch.testing.assert_close(path.flatten(), torch.tensor([0.85, 0.7075, 0.772125], dtype=torch.float64))
    torch.testing.assert_close(optimizer.state[w]["momentum"], torch.tensor([0.008612], dtype=torch.float64))


def test_lion_moves_each_coordinate_by_lr_and_leaves_one_without_signal() -> None:
    w = nn.Parameter(torch.zeros(3))
    follow(Lion([w], lr=0.25), [w], [[torch.tensor([1e-6, -1e6, 0.0])]])
    assert w.tolist() == [-0.25, 0.25, 0.0]


# --- Muon -----------------------------------------------------------------------------------------------


def test_muon_gives_matrices_to_muon_and_the_rest_to_adamw() -> None:
    shapes = [(4, 5), (5,), (3, 3), (2, 3, 2, 2), ()]
    gradients = random_gradients(6, shapes, torch.float32)
    ours, theirs = parameters(shapes, torch.float32), parameters(shapes, torch.float32)
    path = follow(MuonWithAdamW(ours, lr=0.01, weight_decay=0.1), ours, gradients)
    muon: Optimizer = torch.optim.Muon(
        [theirs[0], theirs[2]], lr=0.01, momentum=0.95, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
    )
    adamw = torch.optim.AdamW([theirs[1], theirs[3], theirs[4]], lr=0.01, weight_decay=0.1)
    for step, step_gradients in enumerate(gradients):
        for p, g in zip(theirs, step_gradients, strict=True):
            p.grad = g.clone()
        muon.step()
        adamw.step()
        assert torch.equal(path[step], torch.cat([p.detach().flatten() for p in theirs]))


def test_muon_follows_a_schedule_in_both_halves() -> None:
    params = parameters([(2, 2), (3,)], torch.float32)
    optimizer = MuonWithAdamW(params, lr=0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.0)
    gradients = random_gradients(2, [(2, 2), (3,)], torch.float32)
    first = follow(optimizer, params, gradients[:1])
    schedule.step()
    assert torch.equal(follow(optimizer, params, gradients[1:]), first)  # at lr 0 neither half moves


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])  # noqa: S301
def test_muon_survives_being_copied(copied: Any) -> None:
    params = parameters([(2, 2), (3,)], torch.float32)
    optimizer = MuonWithAdamW(params, lr=0.1)
    gradients = random_gradients(4, [(2, 2), (3,)], torch.float32)
    follow(optimizer, params, gradients[:2])
    twin = copied(optimizer)
    twin_params = [p for group in twin.param_groups for p in group["params"]]
    assert torch.equal(follow(optimizer, params, gradients[2:]), follow(twin, twin_params, gradients[2:]))


def test_muon_takes_no_later_group() -> None:
    optimizer = MuonWithAdamW(parameters([(2, 2)]), lr=0.1)
    with pytest.raises(NotImplementedError, match="all its parameters when it is made"):
        optimizer.add_param_group({"params": parameters([(3,)])})


def test_muon_alone_serves_a_model_of_matrices() -> None:
    params = parameters([(2, 2), (3, 2)])
    assert len(MuonWithAdamW(params, lr=0.1).param_groups) == 1


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


def tiny_mlp() -> tuple[nn.Module, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2))
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) / 2)
    x, y = torch.randn(32, 4, generator=generator), torch.randn(32, 2, generator=generator)
    return model, x, y


def train(model: nn.Module, x: Tensor, y: Tensor, optimizer: Optimizer, steps: int) -> list[float]:
    losses: list[float] = []

    def closure() -> float:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        torch.autograd.backward(loss)
        return loss.item()

    for _ in range(steps):
        if needs_closure(optimizer):
            losses.append(float(optimizer.step(closure)))
        else:
            losses.append(closure())
            optimizer.step()
    return losses


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_survives_a_round_trip(name: Any) -> None:
    model, x, y = tiny_mlp()
    optimizer = built_in(name, model.parameters())
    train(model, x, y, optimizer, 4)
    twin = copy.deepcopy(model)
    twin_optimizer = built_in(name, twin.parameters(), lr=0.5)
    twin_optimizer.load_state_dict(pickle.loads(pickle.dumps(optimizer.state_dict())))  # noqa: S301
    losses = train(model, x, y, optimizer, 4)
    assert train(twin, x, y, twin_optimizer, 4) == losses
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), twin.parameters(), strict=True))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_built_in_lowers_the_loss_at_its_own_lr(name: Any) -> None:
    model, x, y = tiny_mlp()
    losses = train(model, x, y, built_in(name, model.parameters()), 60)
    assert losses[-1] < losses[0]


def test_lbfgs_evaluates_about_five_times_a_step() -> None:
    model, x, y = tiny_mlp()
    optimizer = built_in("lbfgs", model.parameters())
    train(model, x, y, optimizer, 10)
    assert 3 <= next(iter(optimizer.state.values()))["func_evals"] / 10 <= 6


def test_catalogue_lists_what_the_page_promises() -> None:
    assert list(OPTIMIZERS) == [
        *("sgd", "heavy_ball", "heavy_ball_gradient", "heavy_ball_step", "heavy_ball_averaged", "nesterov"),
        *("adagrad", "rmsprop", "rmsprop_momentum", "adadelta", "adam", "adamw", "nadam", "radam", "adamax"),
        *("lion", "muon", "lbfgs"),
    ]
    assert all(spec.lr > 0 and spec.label for spec in OPTIMIZERS.values())
    assert len({spec.label for spec in OPTIMIZERS.values()}) == len(OPTIMIZERS)


def test_only_lbfgs_needs_a_closure_even_under_a_schedule() -> None:
    model, _, _ = tiny_mlp()
    for name in OPTIMIZERS:
        optimizer = built_in(name, model.parameters())
        assert needs_closure(optimizer) == (name == "lbfgs"), name
        torch.optim.lr_scheduler.StepLR(optimizer, 1)  # replaces the instance's step by a wrapper
        assert needs_closure(optimizer) == (name == "lbfgs"), name


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
        "tests.test_optimizers:no_optimizer",
        {},
        "optimizers.mine.factory must return a torch.optim.Optimizer; ",
    ),
    ("tests.test_optimizers:anything_goes", {"speed": 1}, "optimizers.mine.speed = 1: "),
]


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
