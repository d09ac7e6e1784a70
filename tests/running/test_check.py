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
