"""The training loop: what it computes, what it records, and that nothing around it matters."""

from __future__ import annotations

import random
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lab import faults
from lab.studies import write_study
from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.cells.cell import CellSpec
from optbench.cells.matrix import cells_of
from optbench.cells.seeds import stream_seed
from optbench.cells.trace import Trace
from optbench.study.resolve import read_study
from optbench.study.timing import TimingSpec
from optbench.training.batched.train import train_together
from optbench.training.loop import train_cell
from optbench.training.record import KEPT_LOSSES
from optbench.training.timing.measure import measure

NOWHERE = Path("there-is-no-data")


def cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> dict[str, CellSpec]:
    """The cells of a study that is written into a temporary folder, by their readable names."""
    study = read_study(write_study(tmp_path, text))
    monkeypatch.syspath_prepend(str(tmp_path))
    return {cell.name: cell for cell in cells_of(study)}


def rows(trace: Trace) -> list[tuple[object, ...]]:
    return [*zip(trace.step.tolist(), trace.split, trace.metric, trace.value.tolist(), strict=True)]


@pytest.fixture
def plugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, CellSpec]:
    return cells(
        tmp_path,
        monkeypatch,
        """
        study: t
        seeds: 2
        workloads:
          line: {factory: "plugin:line"}
          noisy: {factory: "plugin:noisy_line"}
        optimizers:
          sgd: {lr: 0.1}
          adam: {lr: 0.01}
          lbfgs: {lr: 0.5}
          mine: {factory: "plugin:RaisesAtStep10", lr: 0.1}
        schedules: [constant, cosine, plateau]
        """,
    )


@pytest.mark.parametrize(("momentum", "final"), [(0.0, 0.102332), (0.8, 2.86818e-05), (0.9, 3.63627e-04)])
def test_the_ravine_ends_where_the_textbook_says(tmp_path, monkeypatch, momentum, final):
    text = f"""
        study: t
        seeds: 1
        workloads: [ravine]
        optimizers:
          ball: {{factory: "torch.optim:SGD", lr: 0.1, momentum: {momentum}}}
        """
    trace = train_cell(cells(tmp_path, monkeypatch, text)["ravine/ball/constant/0"], NOWHERE)
    steps, losses = trace.series("validation", "loss")
    assert steps[-1] == 50
    assert losses[-1] == pytest.approx(final, rel=5e-6)


@pytest.mark.parametrize(("momentum", "epoch"), [(0.0, 207), (0.9, 38)])
def test_linear_regression_is_within_1_percent_at_the_textbooks_epoch(tmp_path, monkeypatch, momentum, epoch):
    text = f"""
        study: t
        seeds: 1
        workloads: [linear_regression]
        optimizers:
          ball: {{factory: "torch.optim:SGD", lr: 0.01, momentum: {momentum}}}
        """
    trace = train_cell(cells(tmp_path, monkeypatch, text)["linear_regression/ball/constant/0"], NOWHERE)
    steps, losses = trace.series("train", "batch_loss")
    assert losses[-1] == pytest.approx(0.265645, abs=1e-6)
    # Epochs count from 1 and print their loss before their update.
    assert steps[np.flatnonzero(losses <= 1.01 * 0.2656447307828392)[0]] == epoch


def test_an_independent_loop_gives_the_same_numbers(plugged):
    """A bare loop, written from the documented rules alone: seeds, order, batches, evaluation."""
    trace = train_cell(plugged["line/sgd/cosine/1"], NOWHERE)
    x = torch.linspace(-1, 1, 10).unsqueeze(1)
    y = 3 * x + 2
    torch.manual_seed(1)
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=40)
    order = torch.Generator().manual_seed(stream_seed(1, "order"))
    batches: list[torch.Tensor] = []
    losses = []
    validation = [float(((model(x) - y) ** 2).mean().detach())]
    for step in range(40):
        if not batches:
            batches = list(torch.randperm(10, generator=order).split(4))
        chosen = batches.pop(0)
        loss = ((model(x[chosen]) - y[chosen]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
        if (step + 1) % 10 == 0:
            validation.append(float(((model(x) - y) ** 2).mean().detach()))
    assert trace.series("train", "batch_loss")[1].tolist() == losses
    assert trace.series("validation", "loss")[1].tolist() == validation
    assert trace.series("validation", "loss")[0].tolist() == [0, 10, 20, 30, 40]
    assert trace.series("schedule", "lr")[1][-1] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", ["noisy/adam/cosine/0", "noisy/sgd/plateau/1", "noisy/lbfgs/constant/0"])
def test_a_cell_is_the_same_bits_whatever_ran_before(plugged, name):
    first = train_cell(plugged[name], NOWHERE)
    torch.rand(7), random.random(), np.random.rand()
    train_cell(plugged["line/adam/constant/1"], NOWHERE)
    second = train_cell(plugged[name], NOWHERE)
    assert rows(first) == rows(second)
    assert first.facts == second.facts
    assert first.facts["status"] == "ok"


def test_a_cell_leaves_the_callers_generators_alone(plugged):
    torch.manual_seed(3), random.seed(3), np.random.seed(3)
    expected = torch.rand(1).item(), random.random(), np.random.rand()
    torch.manual_seed(3), random.seed(3), np.random.seed(3)
    train_cell(plugged["noisy/adam/constant/0"], NOWHERE)
    assert (torch.rand(1).item(), random.random(), np.random.rand()) == expected
    assert not torch.are_deterministic_algorithms_enabled()


def test_optimizers_start_from_the_same_weights_and_batches(plugged):
    sgd = train_cell(plugged["noisy/sgd/constant/0"], NOWHERE)
    adam = train_cell(plugged["noisy/adam/constant/0"], NOWHERE)
    other = train_cell(plugged["noisy/sgd/constant/1"], NOWHERE)
    assert sgd.series("train", "batch_loss")[1][0] == adam.series("train", "batch_loss")[1][0]
    assert sgd.series("train", "batch_loss")[1][0] != other.series("train", "batch_loss")[1][0]


def test_an_exception_keeps_the_curve_up_to_it(plugged):
    trace = train_cell(plugged["line/mine/constant/0"], NOWHERE)
    assert trace.facts["status"] == "error"
    assert "RuntimeError: the tenth step is too much" in trace.facts["error"]
    assert "plugin.py" in trace.facts["error"]
    assert trace.facts["steps"] == 9
    assert trace.series("train", "batch_loss")[0].tolist() == list(range(1, 10))


@pytest.mark.parametrize(
    "problem", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), StopIteration(), faults.SilentError("x")]
)
@pytest.mark.parametrize("probes", [0, 1])
def test_whatever_a_plug_in_raises_is_its_cells_result(problem, probes, monkeypatch):
    monkeypatch.setattr(faults, "raised", [problem])
    trace = train_cell(faults.cell("line", "Raises", probes=probes), NOWHERE)
    assert trace.facts["status"] == "error"
    assert type(problem).__name__ in trace.facts["error"].splitlines()[-1]
    assert trace.series("train", "batch_loss")[0].tolist() == [1, 2]
    assert trace.facts["steps"] == 2


def test_the_same_of_a_group_and_of_a_timing(monkeypatch):
    monkeypatch.setattr(faults, "raised", [SystemExit(3)])
    monkeypatch.setattr(faults.Raises, "elementwise", True, raising=False)
    cells = [replace(faults.cell("line", "Raises", seed=seed), together=(0, 1)) for seed in (0, 1)]
    for trace in train_together(cells, NOWHERE):
        assert trace.facts["status"] == "error"
        assert trace.facts["execution"]["why"] == "training them together failed: SystemExit: 3"
    first = cells[0]
    timing = TimingSpec("t", first.workload, (first.optimizer, OPTIMIZERS["adam"]), "adam", "cpu", 1, 2)
    facts, _ = measure(timing, NOWHERE, 0.02)
    assert facts["error"] == ""
    assert facts["errors"] == {"Raises": "SystemExit: 3"}


def test_the_users_ctrl_c_ends_a_cell(monkeypatch):
    class Pressed(torch.optim.SGD):
        def step(self, closure=None):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(faults, "Pressed", Pressed, raising=False)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
    try:
        with pytest.raises(KeyboardInterrupt):
            train_cell(faults.cell("line", "Pressed"), NOWHERE)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_module_that_ends_the_process_when_it_is_imported_is_a_cells_error(tmp_path, monkeypatch):
    (tmp_path / "leaving.py").write_text("raise SystemExit('gone')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    cell = faults.cell("line")
    cell = replace(cell, workload=replace(cell.workload, factory="leaving:line"))
    trace = train_cell(cell, NOWHERE)
    assert trace.facts["status"] == "error"
    last = trace.facts["error"].splitlines()[-1]
    assert last.endswith("UserError: factory 'leaving:line' cannot be imported: SystemExit: gone")


def test_a_blow_up_keeps_the_curve_up_to_it(plugged):
    # lr * h = 2.5 on the line's curvature: the loss grows by (1 - 2.5)^2 a step at least.
    hot = replace(plugged["line/sgd/constant/0"], lr=5.0)
    trace = train_cell(hot, NOWHERE)
    steps, losses = trace.series("train", "batch_loss")
    assert trace.facts["status"] == "diverged"
    assert f"step {steps[-1]}" in trace.facts["error"]
    assert trace.facts["steps"] == steps[-1] < 40
    limit = 1e6 * max(losses[0], 1)
    assert losses[-1] > limit >= losses[:-1].max()


def test_missing_data_is_an_error_of_the_cell(tmp_path, monkeypatch):
    text = "{study: t, seeds: 1, workloads: [digits_mlp], optimizers: [sgd]}"
    trace = train_cell(cells(tmp_path, monkeypatch, text)["digits_mlp/sgd/constant/0"], NOWHERE)
    assert trace.facts["status"] == "error"
    assert "prepare" in trace.facts["error"]


def test_long_runs_keep_a_fixed_grid_of_losses(tmp_path, monkeypatch):
    text = """
        study: t
        seeds: 1
        workloads:
          ravine: {steps: 5000, eval_every: 1000}
        optimizers: {sgd: {lr: 0.01}}
        """
    trace = train_cell(cells(tmp_path, monkeypatch, text)["ravine/sgd/constant/0"], NOWHERE)
    steps, _ = trace.series("train", "batch_loss")
    assert len(steps) == KEPT_LOSSES
    assert (steps[0], steps[-1]) == (1, 5000)
    assert set(np.diff(steps)) == {2, 3}


def test_a_workload_factory_must_return_a_workload(tmp_path, monkeypatch):
    (tmp_path / "odd.py").write_text("def odd():\n    return 3\n")
    text = """
        study: t
        seeds: 1
        workloads: {odd: {factory: "odd:odd"}}
        optimizers: [sgd]
        """
    trace = train_cell(cells(tmp_path, monkeypatch, text)["odd/sgd/constant/0"], NOWHERE)
    assert "odd:odd must return a Workload; it returned an int" in trace.facts["error"]


def test_plateau_is_driven_by_the_validation_loss(plugged):
    """On a run that stalls, the rate falls by 0.1 after more than 10 evaluations without progress."""
    slow = replace(plugged["line/sgd/plateau/0"], lr=1e-6)
    slow = replace(slow, workload=replace(slow.workload, overrides={"steps": 40, "eval_every": 2}))
    rates = train_cell(slow, NOWHERE).series("schedule", "lr")[1]
    # Evaluation 1 sets the best; numbers 2 to 12 are 11 bad ones, more than the patience of 10. What is
    # recorded is the rate of the next step, so that number 12 has the lower one already.
    assert rates[:12] == pytest.approx([1e-6] * 12)
    assert rates[12] == pytest.approx(1e-7)
