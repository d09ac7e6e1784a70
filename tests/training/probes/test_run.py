"""The probes: closed forms of what they measure, and that they change nothing."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial
from importlib import import_module
from itertools import pairwise
from math import acos, pi, sqrt
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import SGD

from optbench.catalogue.datasets.prepare import prepare
from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.optimizers.lion import Lion
from optbench.catalogue.optimizers.momentum import HeavyBallAveraged
from optbench.catalogue.schedules.entries import SCHEDULES
from optbench.catalogue.workloads.entries import WORKLOADS
from optbench.cells.cell import CellSpec
from optbench.cells.trace import Trace
from optbench.core.specs import WorkloadSpec
from optbench.tables.metrics import run_measures
from optbench.training.loop import train_cell
from optbench.training.probes.batch import ProbeBatch
from optbench.training.probes.momentum import filter_cosine, noise_cosine
from optbench.training.probes.rows import LARGE, Rows
from optbench.training.probes.run import Probes
from optbench.training.probes.sampling import (
    BLOCK,
    OPENING,
    SHORT,
    look_weights,
    measured_share,
    step_weights,
)
from optbench.workload import Workload


class Stopping(SGD):
    """Fails at its tenth step."""

    def step(self, closure=None):
        self.made = getattr(self, "made", 0) + 1
        if self.made == 10:
            raise RuntimeError("no more")
        return super().step(closure)


class Vector(nn.Module):
    def __init__(self, start: torch.Tensor) -> None:
        super().__init__()
        self.w = nn.Parameter(start)

    def forward(self) -> torch.Tensor:
        return self.w


def line(h: float = 1.0, start: float = 1.0, steps: int = 40) -> Workload:
    """h w^2 / 2 in one dimension."""
    return Workload(
        model=lambda: Vector(torch.tensor([start], dtype=torch.float64)),
        loss=lambda model, _: h * model().square().sum() / 2,
        steps=steps,
        eval_every=1,
        optimum=0.0,
    )


def slope(rise: float = 1.0, steps: int = 200) -> Workload:
    """A constant gradient."""
    return replace(line(steps=steps), loss=lambda model, _: rise * model().sum(), optimum=None)


def noisy(h: float, steps: int, dimension: int = 400) -> Workload:
    """h |w|^2 / 2 from the optimum, with independent gradient noise of deviation 1."""

    def tilt(_: object, generator: torch.Generator) -> tuple[torch.Tensor, ...]:
        return (torch.randn(dimension, generator=generator, dtype=torch.float64),)

    return Workload(
        model=lambda: Vector(torch.zeros(dimension, dtype=torch.float64)),
        loss=lambda model, batch: h * model().square().sum() / 2 + (batch[0] @ model() if batch else 0.0),
        steps=steps,
        eval_every=steps,
        optimum=0.0,
        augment=tilt,
    )


class Counting(nn.Module):
    """All that a forward pass should not do: it counts in a buffer, in any mode, and draws everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.count += 1
        drawn = random.random() + np.random.rand() + torch.rand(())
        return x * (1 + self.count / 1000) + 0.01 * drawn


SMALL_NET = "test_probes:small_net"


def small_net(extra: str = "dropout", share: float = 0.5) -> Workload:
    """A little classifier with all that a probe could disturb: dropout, BatchNorm, augmentation."""
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(90, 6, generator=generator)
    y = (x[:, 0] > 0).long()
    layers = {"dropout": nn.Dropout(share), "norm": nn.BatchNorm1d(8), "counting": Counting()}

    def jitter(batch: tuple[torch.Tensor, ...], noise: torch.Generator) -> tuple[torch.Tensor, ...]:
        return batch[0] + 0.1 * torch.randn(batch[0].shape, generator=noise), batch[1]

    return Workload(
        model=lambda: nn.Sequential(nn.Linear(6, 8), layers[extra], nn.ReLU(), nn.Linear(8, 2)),
        loss=lambda model, batch: nn.functional.cross_entropy(model(batch[0]), batch[1]),
        train=(x, y),
        validation=(x[:20], y[:20]),
        batch_size=16,
        steps=60,
        eval_every=7,
        augment=jitter,
    )


def cell(workload: WorkloadSpec, optimizer: str, *, every: int = 10, lr: float | None = None) -> CellSpec:
    spec = OPTIMIZERS[optimizer]
    return CellSpec(
        "t", workload, spec, SCHEDULES["constant"], lr or spec.lr, 1, "cpu", 1, 600.0, probe_every=every
    )


def measures(workload: Workload, make, every: int = 1) -> dict[str, float]:
    """The measures of a run that a loop written here makes."""
    torch.manual_seed(0)
    model = workload.model()
    optimizer = make(model.parameters())
    probes = Probes(workload, model, optimizer, every)
    generator = torch.Generator().manual_seed(7)
    losses = []
    for t in range(workload.budget):
        probes.before(t)
        optimizer.zero_grad()
        batch = workload.augment((), generator) if workload.augment else ()
        loss = workload.loss(model, batch)
        loss.backward()
        probes.gradient(t)
        optimizer.step()
        probes.after(t)
        losses.append(float(loss.detach()))
    columns, facts = probes.finish(np.array(losses), ended=True)
    steps = [np.arange(1, workload.budget + 1), *(column.steps for column in columns)]
    trace = Trace(
        facts={
            "status": "ok",
            "probes": facts,
            "workload_facts": {"descends_its_loss": facts["slopes"] == "full batch"},
        },
        step=np.concatenate(steps).astype(np.int32),
        split=["train"] * len(losses) + ["probe"] * sum(len(c.steps) for c in columns),
        metric=["batch_loss"] * len(losses) + [c.metric for c in columns for _ in c.steps],
        value=np.concatenate([losses, *(c.values for c in columns)]),
    )
    found = run_measures(trace)
    window = trace.series("probe", "update_cosine")[1]
    return found | {"first_window": window[0] if len(window) else np.nan}


@pytest.mark.parametrize("lr", [0.3, 1.0 + 1e-3, 1.5, 1.9, 2.0])
def test_descent_on_a_parabola_has_its_closed_form(lr):
    # D_t = r D_(t-1) with r = 1 - lr h; the gradient's ratio is r too.
    n = 40
    r = 1 - lr
    found = measures(line(steps=n), lambda p: SGD(p, lr=lr))
    inner = (1 - r ** (2 * (n - 1))) / (1 - r ** (2 * n)) if abs(r) != 1 else (n - 1) / n
    assert found["update_cosine"] == pytest.approx(r * inner, rel=1e-9)
    assert found["first_window"] == pytest.approx(2 * r / (1 + r * r), rel=1e-9)
    assert found["gradient_cosine"] == pytest.approx(np.sign(r), rel=1e-9)
    assert found["sign_flip_rate"] == (1.0 if lr > 1 else 0.0)
    assert found["overshoot"] == pytest.approx(lr - 1, rel=1e-9, abs=1e-9)
    q = abs(r)
    if lr < 1:
        assert found["tortuosity"] == pytest.approx(1.0, rel=1e-12)
    elif q < 1:
        # sum lr q^t over the distance 1 - r^n, with lr = 1 + q
        assert found["tortuosity"] == pytest.approx((1 + q) / (1 - q) * (1 - q**n) / (1 - r**n), rel=1e-9)
    assert found["loss_rise"] == 0.0 if lr < 2 else np.isnan(found["loss_rise"])


def test_the_line_minimum_and_the_opposite_slope():
    assert measures(line(h=4.0, steps=1 + 1), lambda p: SGD(p, lr=0.25))["overshoot"] == pytest.approx(0.0)
    assert measures(line(h=4.0), lambda p: SGD(p, lr=0.5))["overshoot"] == pytest.approx(1.0)


def test_tortuosity_of_alternating_geometric_steps():
    # lr h = 1.5: |D_t| = 1.5 / 2^t, in sum 3; the distance is 1: (1 + q) / (1 - q) at q = 1/2.
    assert measures(line(steps=60), lambda p: SGD(p, lr=1.5))["tortuosity"] == pytest.approx(3.0, rel=1e-12)


@pytest.mark.parametrize(
    "make", [lambda p: SGD(p, lr=0.1, momentum=0.9), lambda p: HeavyBallAveraged(p, lr=0.1)]
)
def test_a_constant_gradient_makes_every_update_agree(make):
    # |D_t| rises to its terminal value: D_t = c (1 - b^t), in either form.
    n = 200
    speed = 1 - 0.9 ** np.arange(1, n + 1)
    found = measures(slope(steps=n), make)
    assert found["update_cosine"] == pytest.approx((speed[1:] @ speed[:-1]) / (speed @ speed), rel=1e-9)
    assert found["update_cosine"] > 0.98
    assert found["sign_flip_rate"] == 0.0
    assert found["tortuosity"] == pytest.approx(1.0)
    assert found["overshoot"] == pytest.approx(-1.0)


@pytest.mark.parametrize("form", ["heavy ball", "averaged"])
@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_stationary_noise_has_the_correlation_of_theory(momentum, form):
    # rho_1 = b - lr h / 2 with the heavy ball's lr; the averaged form is the ball at lr (1 - b).
    h, lr, steps = 1.0, 0.2, SHORT
    if form == "averaged":
        make, used = lambda p: HeavyBallAveraged(p, lr=lr / (1 - momentum), momentum=momentum), lr
    else:
        make, used = lambda p: SGD(p, lr=lr, momentum=momentum), lr
    found = measures(noisy(h, steps, dimension=4000), make)
    assert found["update_cosine"] == pytest.approx(momentum - used * h / 2, abs=0.01)
    assert found["update_cosine_excess"] == pytest.approx(-used * h / 2, abs=0.01)
    # Gaussian updates turn their sign with probability arccos(rho) / pi.
    assert found["sign_flip_rate"] == pytest.approx(acos(momentum - used * h / 2) / pi, abs=0.01)


def test_noise_at_its_stationary_loss_lands_at_equal_height():
    # E L_(t+1) = E L_t: a step falls as often as it rises, and its parabola puts the overshoot at 1.
    start = noisy(1.0, SHORT, dimension=2000)
    spread = sqrt(0.5 / (2 - 0.5))  # lr / (h (2 - lr h))
    start = replace(
        start,
        model=lambda: Vector(
            spread * torch.randn(2000, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        ),
    )
    assert measures(start, lambda p: SGD(p, lr=0.5))["overshoot"] == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("correlation", [-0.6, 0.0, 0.7])
def test_flips_of_an_autoregressive_process(correlation):
    generator = torch.Generator().manual_seed(11)
    parameter = nn.Parameter(torch.zeros(2000, dtype=torch.float64))
    parameter.grad = torch.zeros(2000, dtype=torch.float64)
    rows = Rows([parameter], slopes=False)
    move = torch.randn(2000, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        rows.start()
        for _ in range(100):
            fresh = torch.randn(2000, generator=generator, dtype=torch.float64)
            move = correlation * move + sqrt(1 - correlation**2) * fresh
            rows.gradient()
            parameter += move
            rows.step()
        turned, moved = rows.finish().turns.sum(dim=1).tolist()
    assert moved == 2000 * 99
    assert turned / moved == pytest.approx(acos(correlation) / pi, abs=0.005)


@pytest.mark.parametrize(("momentum", "lr"), [(0.9, 0.1), (0.9, 1.8), (0.95, 0.5)])
def test_an_underdamped_ball_swings_at_its_frequency(momentum, lr):
    # Roots sqrt(b) exp(+-i theta) with cos(theta) = (1 + b - lr h) / (2 sqrt(b)).
    theta = acos((1 + momentum - lr) / (2 * sqrt(momentum)))
    found = measures(line(steps=200), lambda p: SGD(p, lr=lr, momentum=momentum))
    assert found["dominant_frequency"] == pytest.approx(theta / (2 * pi), abs=0.004)


def test_a_monotone_descent_neither_rises_nor_trembles():
    found = measures(line(steps=100), lambda p: SGD(p, lr=0.1))
    assert found["loss_rise"] == 0.0
    assert found["residual_amplitude"] == 0.0
    assert np.isnan(found["dominant_frequency"])


def test_filter_cosine_against_its_sums():
    for momentum, ahead, carried in [(0.9, 0.0, 1.0), (0.9, 1.0, 0.9), (0.5, 2.0, 0.1)]:
        weights = carried * momentum ** np.arange(400)
        weights[0] += ahead
        direct = (weights[1:] @ weights[:-1]) / (weights @ weights)
        assert filter_cosine(momentum, ahead, carried) == pytest.approx(direct, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "within"),
    [
        ("sgd", 0.01),
        ("heavy_ball", 0.01),
        ("heavy_ball_averaged", 0.01),
        ("nesterov", 0.01),
        ("rmsprop_momentum", 0.02),
        ("adam", 0.02),
        ("adamw", 0.02),
        ("nadam", 0.02),
    ],
)
def test_what_momentum_alone_does_is_what_noise_shows(name, within):
    spec = OPTIMIZERS[name]
    module, _, factory = spec.factory.partition(":")
    settings = {k: tuple(v) if isinstance(v, list) else v for k, v in spec.settings.items()}
    make = getattr(import_module(module), factory)
    parameter = nn.Parameter(torch.zeros(3000))
    optimizer = make([parameter], lr=1e-3, **settings)
    generator = torch.Generator().manual_seed(5)
    moves, before = [], parameter.detach().clone()
    for _ in range(260):
        parameter.grad = torch.randn(3000, generator=generator)
        optimizer.step()
        moves.append(parameter.detach() - before)
        before = parameter.detach().clone()
    late = torch.stack(moves[60:]).double()
    shown = float((late[1:] * late[:-1]).sum() / (late * late).sum())
    assert noise_cosine(optimizer, 160) == pytest.approx(shown, abs=within)


def test_groups_are_weighed_and_may_state_their_own():
    first, second = nn.Parameter(torch.zeros(30)), nn.Parameter(torch.zeros(10))
    optimizer = SGD([{"params": [first], "momentum": 0.8}, {"params": [second]}], lr=0.1)
    assert noise_cosine(optimizer, 0) == pytest.approx(0.6)
    optimizer.param_groups[1]["noise_cosine"] = -0.2
    assert noise_cosine(optimizer, 0) == pytest.approx(0.55)


@pytest.mark.parametrize(
    "make", [Lion, partial(torch.optim.LBFGS, max_iter=2), partial(Stopping, momentum=0.9)]
)
def test_an_optimizer_that_is_not_known_has_no_baseline(make):
    # A plug-in's class may do anything with its momentum: it can state its own cosine in its groups.
    assert np.isnan(noise_cosine(make([nn.Parameter(torch.zeros(3))], lr=0.1), 0))


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


@pytest.mark.parametrize("size", [5, 1500, LARGE, LARGE + 1])
def test_rows_give_the_products_of_an_independent_sum(size):
    generator = torch.Generator().manual_seed(2)
    parts = [nn.Parameter(torch.randn(size - 2, generator=generator)), nn.Parameter(torch.randn(2, 1))]
    rows = Rows(parts, slopes=True)
    places, gradients, recorded = [], [], [*range(40), *range(45, 52)]
    with torch.no_grad():
        for t in range(52):
            if t in recorded and t - 1 not in recorded:
                rows.start()
            places.append(torch.cat([p.reshape(-1) for p in parts]).double().numpy())
            for p in parts:
                p.grad = torch.randn(p.shape, generator=generator)
            if t % 3 == 0:
                parts[1].grad = None
            flat = [np.zeros(p.numel()) if p.grad is None else p.grad.reshape(-1).numpy() for p in parts]
            gradients.append(np.concatenate(flat))
            if t in recorded:
                rows.gradient()
            for p in parts:
                p.sub_(torch.randn(p.shape, generator=generator), alpha=0.1)
            if t in recorded:
                rows.step()
    places.append(torch.cat([p.detach().reshape(-1) for p in parts]).double().numpy())
    table, turns = rows.finish()
    moves = np.array([b - a for a, b in pairwise(places)])
    g = np.array(gradients, dtype=float)
    for column, t in enumerate(recorded):
        linked = t - 1 in recorded
        wanted = [
            moves[t] @ moves[t - 1] * linked,
            moves[t] @ moves[t],
            g[t] @ g[t - 1] * linked,
            g[t] @ g[t],
            g[t] @ moves[t],
            g[t] @ moves[t - 1] * linked,
        ]
        np.testing.assert_allclose(table[:, column], wanted, rtol=1e-4, atol=2e-3)
        if linked:
            followed = slice(None, None, rows.spacing)
            both = np.sign(moves[t][followed]) * np.sign(moves[t - 1][followed])
            assert turns[:, column].tolist() == [(both < 0).sum(), (both != 0).sum()]
    assert rows.flips <= 2048


def test_sparse_and_complex_parameters_are_measured():
    table = nn.Embedding(10, 3, sparse=True)
    rows = Rows(list(table.parameters()), slopes=False)
    number = nn.Parameter(torch.ones(3, dtype=torch.complex64))
    complex_rows = Rows([number], slopes=False)
    table(torch.tensor([1, 2])).sum().backward()
    number.grad = torch.full((3,), 1j)
    with torch.no_grad():
        for one in (rows, complex_rows):
            one.start()
            one.gradient()
        table.weight += 1
        number += 2j
        rows.step()
        complex_rows.step()
    assert rows.finish().table[:4, 0].tolist() == pytest.approx([0, 30, 0, 6])
    assert complex_rows.finish().table[:4, 0].tolist() == pytest.approx([0, 12, 0, 3])


@pytest.mark.parametrize("extra", ["dropout", "norm", "counting"])
def test_looking_at_the_probe_batch_disturbs_nothing(extra):
    workload = small_net(extra)
    torch.manual_seed(0)
    model = workload.model()
    model[2].eval()  # a module that is not in the mode of the rest stays so
    workload.loss(model, workload.train).backward()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    gradients = [p.grad.clone() for p in model.parameters()]
    modes = [module.training for module in model.modules()]
    state, others = torch.get_rng_state(), (random.getstate(), str(np.random.get_state()))
    batch = ProbeBatch(workload, model)
    first = batch.slope(list(model.parameters()))
    second = batch.slope(list(model.parameters()))
    assert torch.equal(state, torch.get_rng_state())
    assert (random.getstate(), str(np.random.get_state())) == others
    assert modes == [module.training for module in model.modules()]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), gradients, strict=True))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[0], batch.first_loss)
    assert all(map(torch.equal, first[1], second[1]))
    if extra == "norm":
        # It is the training loss's own normalisation that is looked through.
        model.train()
        examples = torch.linspace(0, 89, 64, dtype=torch.float64).long()
        seen = workload.loss(model, tuple(t[examples] for t in workload.train))
        assert float(first[0]) == pytest.approx(float(seen.detach()), rel=1e-6)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    assert prepare(WORKLOADS["digits_mlp"].dataset, folder)["status"] == "ready"
    return folder


OWN = {extra: WorkloadSpec(extra, SMALL_NET, {"extra": extra}) for extra in ("dropout", "norm", "counting")}
SHORT_DIGITS = replace(WORKLOADS["digits_mlp"], overrides={"batch_size": 32, "steps": 45, "eval_every": 10})


WITH_MATRICES = (OWN["dropout"], OWN["norm"], SHORT_DIGITS)
PAIRS = [(w, o) for w in WITH_MATRICES for o in ("sgd", "heavy_ball", "adam", "muon", "lbfgs", "lion")]
PAIRS += [(OWN["counting"], o) for o in ("sgd", "lbfgs")]
PAIRS += [(WORKLOADS[w], o) for w in ("ravine", "quadratic_noisy") for o in ("sgd", "adam", "lbfgs")]


def without_probes(trace: Trace) -> list[tuple[object, ...]]:
    rows = zip(trace.step.tolist(), trace.split, trace.metric, trace.value.tolist(), strict=True)
    return [row for row in rows if row[1] != "probe"]


@pytest.mark.parametrize(("workload", "optimizer"), PAIRS, ids=lambda x: getattr(x, "name", x))
def test_the_trajectory_is_the_same_bits_with_and_without_probes(data, workload, optimizer):
    one = cell(workload, optimizer, every=3)
    probed, bare = train_cell(one, data), train_cell(replace(one, probe_every=0), data)
    assert probed.facts["error"] == bare.facts["error"] == ""
    assert "probes" not in bare.facts
    assert without_probes(probed) == without_probes(bare)
    assert set(probed.split) - set(bare.split) == {"probe"}
    assert probed.times["probe_time_s"] > 0 == bare.times["probe_time_s"]
    assert np.isfinite(run_measures(probed)["update_cosine"])
    assert np.isnan(run_measures(bare)["update_cosine"])


def test_windows_follow_the_evaluations_and_stay_few(data):
    trace = train_cell(cell(replace(WORKLOADS["quadratic"], overrides={"steps": 230}), "sgd", lr=0.5), data)
    steps, values = trace.series("probe", "update_cosine")
    assert trace.facts["probes"]["window"] == 5  # 230 evaluations, at most 50 windows
    assert steps.tolist() == [*range(5, 231, 5)]
    assert (np.abs(values) <= 1).all()


def test_a_blow_up_is_measured_up_to_it(data):
    # lr h = 2.1 on every axis: D_t = -1.1 D_(t-1), which a bounded cosine shows as 1 / 1.1.
    blown = WorkloadSpec("steep", "optbench.catalogue.workloads.analytic:quadratic", {"condition": 1.0})
    trace = train_cell(cell(replace(blown, overrides={"steps": 150}), "sgd", lr=2.1), data)
    found = run_measures(trace)
    assert trace.facts["status"] == "diverged"
    assert found["update_cosine"] == pytest.approx(-1 / 1.1, rel=1e-3)
    assert found["overshoot"] == pytest.approx(1.1)
    assert found["sign_flip_rate"] == 1.0
    assert np.isnan(found["tortuosity"])


def test_an_overflow_is_left_out(data):
    steep = WorkloadSpec("steep", "optbench.catalogue.workloads.analytic:quadratic", {"condition": 1.0})
    steep = replace(steep, overrides={"steps": 400, "eval_every": 400})
    trace = train_cell(cell(steep, "sgd", lr=1e4), data)
    assert trace.facts["status"] == "diverged"
    assert all(value is None or np.isfinite(value) for value in trace.facts["probes"]["sums"].values())
    assert run_measures(trace)["update_cosine"] == pytest.approx(-1e-4, rel=1e-2)


def test_an_error_keeps_what_was_measured(data):
    spec = replace(OPTIMIZERS["sgd"], factory="test_probes:Stopping")
    broken = train_cell(replace(cell(WORKLOADS["ravine"], "sgd", lr=0.1), optimizer=spec), data)
    assert broken.facts["status"] == "error"
    assert "no more" in broken.facts["error"]
    assert run_measures(broken)["update_cosine"] < 0


def test_looks_are_a_whole_number_of_steps_apart():
    with pytest.raises(ValueError, match="every must be a whole number"):
        Probes(line(), line().model(), SGD([nn.Parameter(torch.zeros(1))], lr=0.1), 0)
