"""What check says of cells: each thing once, nobody falsely, whatever the code under test raises."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lab import faults
from lab.faults import cell
from optbench.core.specs import ScheduleSpec
from optbench.training.checks.cells import check_cells

NOWHERE = Path("there-is-no-data")
SAM = "optimizers.Sam: closure: its step needs the gradients and a closure"


@pytest.fixture(autouse=True)
def fresh_pool() -> None:
    faults.POOL.clear()


def test_sound_cells_have_neither_problems_nor_warnings():
    cells = [
        cell(workload, optimizer, probes=5, schedule=schedule)
        for workload in ("line", "lazy", "frozen", "tied")
        for optimizer in ("sgd", "adam", "lbfgs", "muon", "Returning", "SaysSo", "SaysHessian")
        for schedule in ("constant", "cosine", "plateau")
    ]
    assert check_cells(cells, NOWHERE) == ([], [])
    assert check_cells([], NOWHERE) == ([], [])


def test_each_fault_is_told_once_beside_what_is_sound():
    cells = [
        cell(workload, optimizer, probes=2, schedule=schedule)
        for workload in ("line", "pooled", "normed")
        for optimizer in ("sgd", "Sam", "Hessian")
        for schedule in ("constant", "cosine")
    ]
    problems, warnings = check_cells(cells, NOWHERE)
    assert warnings == []
    said = [
        SAM,
        "optimizers.Hessian: create_graph: its step differentiates the gradients",
        "workloads.pooled: model: model() returns parameters that it has returned before",
        "workloads.normed: loss: on an epoch's last batch, of 1 example, ValueError",
    ]
    assert len(problems) == len(said), problems
    assert all(one.startswith(start) for one, start in zip(problems, said, strict=True)), problems


def test_what_a_study_says_of_a_step_is_looked_at():
    cells = [cell("line", "Sam", closure=True), cell("line", "Hessian", create_graph=True)]
    assert check_cells(cells, NOWHERE) == ([], [])


@pytest.mark.parametrize("kind", ["embedding", "bag"])
def test_sparse_gradients_are_tried_on_every_optimizer_that_meets_them(kind, monkeypatch):
    monkeypatch.setattr(faults, "SparseAdam", torch.optim.SparseAdam, raising=False)
    cells = [cell("words", o, kind=kind, probes=1) for o in ("sgd", "adam", "SparseAdam")]
    problems, warnings = check_cells([*cells, cell("line", "sgd"), cell("line", "SparseAdam")], NOWHERE)
    assert len(problems) == 2
    assert problems[0].startswith(
        "optimizers.adam: with workloads.words: RuntimeError: Adam does not support sparse"
    )
    assert problems[1].startswith(
        "optimizers.SparseAdam: with workloads.line: RuntimeError: SparseAdam does not"
    )
    assert [w.partition(": it")[0] for w in warnings] == ["optimizers.SparseAdam: gradients"]


def test_what_does_no_harm_is_a_warning(monkeypatch):
    class Signum(torch.optim.SGD):
        def step(self, closure=None):
            super().step()

    monkeypatch.setattr(faults, "Signum", Signum, raising=False)
    problems, warnings = check_cells([cell("line", "Signum")], NOWHERE)
    assert problems == []
    assert warnings == [
        "optimizers.Signum: closure: step(closure) does not evaluate it or does not return its loss; "
        "training gives it none"
    ]


RAISED = [
    SystemExit(3),
    KeyboardInterrupt("mine"),
    GeneratorExit(),
    StopIteration(),
    faults.SilentError("x"),
    RuntimeError("a\x1b[2J\nb"),
]


@pytest.mark.parametrize("problem", RAISED, ids=lambda p: type(p).__name__)
@pytest.mark.parametrize(
    "where", ["import", "factory", "model", "loss", "metric", "augment", "step", "schedule"]
)
def test_whatever_is_raised_wherever_is_one_sentence_and_the_rest_is_looked_at(problem, where, monkeypatch):
    def fall(*_, **__):
        raise problem

    class Falling(torch.optim.SGD):
        step = fall

    made = {
        "factory": fall,
        "model": lambda: faults.line(model=fall),
        "loss": lambda: faults.line(loss=fall),
        "metric": lambda: faults.line(metrics={"gap": fall}),
        "augment": lambda: faults.line(augment=fall),
    }
    cells = [cell("line", "Sam")]
    bad = cell("line")
    if where in made:
        monkeypatch.setattr(faults, "bad", made[where], raising=False)
        bad = replace(bad, workload=replace(bad.workload, name="bad", factory="lab.faults:bad"))
    elif where == "step":
        monkeypatch.setattr(faults, "Falling", Falling, raising=False)
        bad = cell("line", "Falling")
    elif where == "schedule":
        monkeypatch.setattr(faults, "falling", fall, raising=False)
        bad = replace(bad, schedule=ScheduleSpec("falling", "lab.faults:falling"))
    else:
        bad = replace(bad, workload=replace(bad.workload, name="bad", factory="lab.faults:missing"))
    problems, warnings = check_cells([bad, *cells], NOWHERE)
    (about_sam,) = [one for one in problems if one.startswith(SAM)]
    (found,) = [one for one in problems if one != about_sam]
    if where == "import":
        assert "'lab.faults:missing' cannot be imported" in found
    else:
        assert type(problem).__name__ in found
    assert found.isprintable()
    assert warnings == []
    assert not torch.are_deterministic_algorithms_enabled()


def test_one_that_switches_gradients_off_accuses_nobody_else(monkeypatch):
    class NoLonger(torch.optim.SGD):
        def step(self, closure=None):
            torch.set_grad_enabled(False)
            return super().step(closure)

    monkeypatch.setattr(faults, "NoLonger", NoLonger, raising=False)
    with torch.enable_grad():
        problems, _ = check_cells([cell("line", "NoLonger"), cell("line", "sgd")], NOWHERE)
    assert [problem.partition(":")[0] for problem in problems] == ["optimizers.NoLonger"]


def test_a_horizon_of_the_studys_own_is_no_fault_of_its_schedule():
    """A number of steps that fits the workload's twelve, and a schedule that ends with them."""
    cycle = ScheduleSpec(
        "cycle",
        "torch.optim.lr_scheduler:OneCycleLR",
        {"max_lr": 0.1, "total_steps": 12, "cycle_momentum": False},
    )
    good = replace(cell("line"), schedule=cycle)
    assert check_cells([good], NOWHERE) == ([], [])
    short = replace(cycle, settings={**cycle.settings, "total_steps": 8})
    problems, _ = check_cells([replace(good, schedule=short)], NOWHERE)
    assert len(problems) == 1
    assert problems[0].startswith("schedules.cycle: rates: ValueError: Tried to step 9 times")


def test_a_schedule_that_one_optimizer_cannot_have_is_told_with_it(monkeypatch):
    cycle = ScheduleSpec(
        "cycle", "torch.optim.lr_scheduler:OneCycleLR", {"max_lr": 0.1, "total_steps": "100%"}
    )
    cells = [replace(cell("line", o), schedule=cycle) for o in ("adam", "Lonely")]
    monkeypatch.setattr(
        faults, "Lonely", lambda params, lr: torch.optim.Adagrad(params, lr=lr), raising=False
    )
    (problem,) = check_cells(cells, NOWHERE).problems
    assert problem.startswith("optimizers.Lonely: with schedules.cycle: schedules.cycle: optimizer must")
    assert check_cells(cells[:1], NOWHERE) == ([], [])


def test_where_some_are_looked_at_nobody_else_is_accused():
    cells = [cell("words", o) for o in ("sgd", "adam", "Sam")] + [cell("pooled"), cell("line", "Sam")]
    assert check_cells(cells, NOWHERE, {"torch.optim:SGD"}) == ([], [])
    (about_words,) = check_cells(cells, NOWHERE, {"lab.faults:words"}).problems
    assert about_words.startswith(
        "optimizers.adam: with workloads.words: RuntimeError: Adam does not support"
    )
    (about_sam,) = check_cells(cells, NOWHERE, {"lab.faults:Sam"}).problems
    assert about_sam.startswith(SAM)
    faults.POOL.clear()
    (about_pool,) = check_cells(cells, NOWHERE, {"lab.faults:pooled"}).problems
    assert about_pool.startswith("workloads.pooled: model: ")


def test_missing_data_is_one_sentence():
    from optbench.catalogue.workloads.entries import WORKLOADS

    one = replace(cell("line"), workload=WORKLOADS["digits_mlp"])
    (problem,) = check_cells([one], Path(os.devnull).parent / "nowhere").problems
    assert problem.startswith("workloads.digits_mlp: factory: ")
    assert "prepare" in problem


@pytest.mark.parametrize(
    ("workload", "problem"),
    [
        (
            "goes_backward",
            "loss: it calls backward itself, which training does, so that gradients are added twice",
        ),
        (
            "shrinks_in_metric",
            "evaluation: its metric 'gap' changes the model (weight), which only the optimizer",
        ),
        ("shrinks_in_loss", "loss: computing it changes the model (weight), which only the optimizer may"),
        ("on_meta", "model: it is on the device 'meta', which holds no numbers"),
        (
            "sparse_loss",
            "loss: it must be one floating-point number; it is a sparse tensor: take its to_dense()",
        ),
    ],
)
def test_what_changes_the_model_or_has_no_numbers_is_named(workload, problem):
    problems, warnings = check_cells([cell(workload), cell("line")], NOWHERE)
    assert warnings == []
    assert problems[0].startswith(f"workloads.{workload}: {problem}")
    assert all(one.startswith(f"workloads.{workload}: ") for one in problems)


def test_muon_may_train_matrices_alone():
    """Check's own vector is not the study's."""
    muon = replace(cell("matrix").optimizer, name="muon", factory="torch.optim:Muon", lr=0.01, settings={})
    found = check_cells([replace(cell("matrix"), optimizer=muon)], NOWHERE)
    assert found.problems == []
    (warning,) = found.warnings
    assert warning.startswith("optimizers.muon: parameters: it takes matrices alone; of a vector it says")
    (problem,) = check_cells([replace(cell("line"), optimizer=muon)], NOWHERE).problems
    assert problem.startswith("optimizers.muon: with workloads.line: optimizers.muon: Muon only supports 2D")


def test_what_moves_at_no_rate_is_a_warning_where_a_schedule_governs_it():
    rprop = replace(cell("line").optimizer, name="rprop", factory="torch.optim:Rprop", lr=0.01, settings={})
    constant = replace(cell("line"), optimizer=rprop)
    assert check_cells([constant], NOWHERE) == ([], [])
    scheduled = replace(cell("line", schedule="cosine"), optimizer=rprop)
    problems, (warning,) = check_cells([constant, scheduled], NOWHERE)
    assert problems == []
    assert warning.startswith("optimizers.rprop: learning rate: it moves parameters at lr = 0")


@pytest.mark.parametrize(
    ("optimizer", "warning"),
    [
        ("Copies", "movement: after ten steps every parameter is where it was"),
        ("Waits", "movement: after ten steps every parameter is where it was"),
        ("Wrapping", "state: AttributeError: "),
        ("Stateless", "state: NotImplementedError: not yet"),
        ("OnSphere", "learning rate: it moves parameters at lr = 0, so no schedule governs it whole"),
    ],
)
def test_more_that_does_no_harm_is_a_warning(optimizer, warning):
    problems, warnings = check_cells([cell("line", optimizer, schedule="cosine")], NOWHERE)
    assert problems == []
    told = [one for one in warnings if ": closure: " not in one]
    assert len(told) == 1, told
    assert told[0].startswith(f"optimizers.{optimizer}: {warning}")
