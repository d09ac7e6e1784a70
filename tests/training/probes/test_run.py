"""The probes: closed forms of what they measure, and that they change nothing."""

from __future__ import annotations

from dataclasses import replace
from math import acos, pi, sqrt
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import SGD

from lab.probes import SMALL_NET, Vector, line, measures, noisy
from optbench.catalogue.datasets.prepare import prepare
from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.optimizers.momentum import HeavyBallAveraged
from optbench.catalogue.schedules.entries import SCHEDULES
from optbench.catalogue.workloads.entries import WORKLOADS
from optbench.cells.cell import CellSpec
from optbench.cells.trace import Trace
from optbench.core.specs import WorkloadSpec
from optbench.tables.metrics import run_measures
from optbench.training.loop import train_cell
from optbench.training.probes.rows import Rows
from optbench.training.probes.sampling import SHORT
from optbench.workload import Workload


def slope(rise: float = 1.0, steps: int = 200) -> Workload:
    """A constant gradient."""
    return replace(line(steps=steps), loss=lambda model, _: rise * model().sum(), optimum=None)


def cell(workload: WorkloadSpec, optimizer: str, *, every: int = 10, lr: float | None = None) -> CellSpec:
    spec = OPTIMIZERS[optimizer]
    return CellSpec(
        "t", workload, spec, SCHEDULES["constant"], lr or spec.lr, 1, "cpu", 1, 600.0, probe_every=every
    )


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
    spec = replace(OPTIMIZERS["sgd"], factory="lab.probes:Stopping")
    broken = train_cell(replace(cell(WORKLOADS["ravine"], "sgd", lr=0.1), optimizer=spec), data)
    assert broken.facts["status"] == "error"
    assert "no more" in broken.facts["error"]
    assert run_measures(broken)["update_cosine"] < 0
