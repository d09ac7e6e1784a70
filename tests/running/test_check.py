"""A check in processes of its own: what crashes, hangs or meddles there is told of itself alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.studies import write_study
from optbench.cells.matrix import cells_of
from optbench.running.check import Checked, check_apart
from optbench.running.launcher import Launcher
from optbench.study.resolve import read_study

PLUGIN = """
import os, time
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

class Plain(torch.optim.SGD):
    pass

class Crashes(torch.optim.SGD):
    def step(self, closure=None):
        os._exit(7)

class Closes(torch.optim.SGD):
    def step(self, closure=None):
        os.closerange(0, 1024)
        return super().step(closure)

class Hangs(torch.optim.SGD):
    def __init__(self, params, lr):
        super().__init__(params, lr=lr)
        time.sleep(60)

class Meddles(torch.optim.SGD):
    def __init__(self, params, lr):
        super().__init__(params, lr=lr)
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
        register_optimizer_step_pre_hook(lambda *_: 1 / 0)
"""

DRAWS = """
import numpy as np
import torch
from optbench.workload import Workload

START = torch.tensor(np.random.default_rng().normal(size=(1, 4)), dtype=torch.float32)
X = torch.randn(12, 4)

def model():
    net = torch.nn.Linear(4, 1)
    with torch.no_grad():
        net.weight.copy_(START)
    return net

def made(model):
    loss = lambda m, b: ((m(b[0]) - b[1]) ** 2).mean()
    return Workload(model=model, loss=loss, train=(X, X.sum(1, keepdim=True)), batch_size=4, steps=8)

def begins():
    return made(model)

def seeded():
    return made(lambda: torch.nn.Linear(4, 1))

def embeds():
    loss = lambda m, b: (m(b[0]) ** 2).mean()
    model = lambda: torch.nn.Embedding(9, 2, sparse=True)
    return Workload(model=model, loss=loss, train=(torch.arange(8),), batch_size=4, steps=8)

class Goes(torch.optim.SGD):
    def step(self, closure=None):
        import os
        os._exit(3)
"""

STUDY = """
    study: s
    seeds: 1
    timing: false
    workloads: [ravine]
    optimizers: {{sgd: {{lr: 0.01}}, adam: {{lr: 0.01}}, {}}}
    """


def checked(folder: Path, names: str, limit_s: float = 60) -> Checked:
    entries = ", ".join(f'{name.lower()}: {{factory: "plugin:{name}", lr: 0.01}}' for name in names.split())
    study = read_study(write_study(folder, STUDY.format(entries), PLUGIN))
    with Launcher() as launcher:
        return check_apart(cells_of(study), study.data_folder, study.folder, launcher, limit_s)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_sound_is_sound(folder: Path) -> None:
    assert checked(folder, "Plain") == Checked()


def test_one_that_closes_every_descriptor_is_sound_where_it_trains(folder: Path) -> None:
    assert checked(folder, "Closes") == Checked()


def test_a_crash_is_told_of_who_crashed(folder: Path) -> None:
    assert checked(folder, "Plain Crashes").problems == [
        "optimizers.crashes: the process that checks it ended with exit status 7"
    ]


def test_what_never_comes_back_is_told_in_time(folder: Path) -> None:
    assert checked(folder, "Hangs Plain", limit_s=8).problems == [
        "optimizers.hangs: the process that checks it did not end within 8 s: ended with signal 9 (SIGKILL)"
    ]


def test_what_changes_its_process_accuses_nobody_else(folder: Path) -> None:
    problems = checked(folder, "Meddles Plain").problems
    assert problems
    assert all(problem.startswith("optimizers.meddles: ") for problem in problems)


def checked_draws(folder: Path, workloads: str, optimizers: str) -> Checked:
    text = f"""
        study: s
        seeds: 1
        timing: false
        workloads: {{{workloads}}}
        optimizers: {{{optimizers}}}
        """
    study = read_study(write_study(folder, text, DRAWS))
    with Launcher() as launcher:
        return check_apart(cells_of(study), study.data_folder, study.folder, launcher, 60)


def test_a_start_that_differs_from_one_process_to_another_is_named(folder: Path) -> None:
    """Inside one process nothing shows: the module draws it once, when it is imported."""
    workloads = 'begins: {factory: "plugin:begins"}, seeded: {factory: "plugin:seeded"}'
    found = checked_draws(folder, workloads, "sgd: {lr: 0.01}, other: {like: sgd, lr: 0.02}")
    (problem,) = found.problems
    assert problem.startswith(
        "workloads.begins: its model's first weights differ from one process to another: "
    )


def test_who_has_come_back_is_not_blamed_for_who_does_not(folder: Path) -> None:
    workloads, goes = 'seeded: {factory: "plugin:seeded"}', 'goes: {factory: "plugin:Goes", lr: 0.1}'
    assert checked_draws(folder, workloads, f"sgd: {{lr: 0.01}}, {goes}").problems == [
        "optimizers.goes: the process that checks it ended with exit status 3"
    ]


def test_an_optimizers_exception_is_told_of_it_once(folder: Path) -> None:
    """Whatever workloads of others it meets, in whatever process."""
    workloads = 'seeded: {factory: "plugin:seeded"}, begins: {factory: "plugin:seeded"}, ravine: {steps: 5}'
    odd = 'odd: {factory: "torch.optim:SGD", lr: 0.1, differentiable: true}'
    (problem,) = checked_draws(folder, workloads, odd).problems
    assert problem.startswith("optimizers.odd: finite: RuntimeError: ")
    workloads = 'embeds: {factory: "plugin:embeds"}, again: {factory: "plugin:embeds"}, ravine: {steps: 5}'
    (problem,) = checked_draws(folder, workloads, "adam: {lr: 0.1}").problems
    assert problem.startswith("optimizers.adam: with workloads.embeds and 1 more: RuntimeError: ")
