"""Cells that wait, and which of them may follow each other in one process."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from lab.studies import write_study
from optbench.cells.cell import CellSpec
from optbench.cells.domains import trust_domain
from optbench.cells.matrix import cells_of
from optbench.cells.paths import trace_path
from optbench.cells.trace import Trace, read_trace
from optbench.running import supervisor
from optbench.running.child import Child, start_child
from optbench.running.launcher import Launcher
from optbench.running.supervisor import train_all
from optbench.running.tasks import TaskQueue
from optbench.study.resolve import read_study

MEDDLERS = '''
"""Optimizers that change the process they run in."""

import os

import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook


def shrink(optimizer, args, kwargs):
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None:
                parameter.grad.mul_(0.01)


class Hooks(torch.optim.SGD):
    def __init__(self, params, lr):
        super().__init__(params, lr=lr)
        register_optimizer_step_pre_hook(shrink)


class ForgetsGradients(torch.optim.SGD):
    def __init__(self, params, lr):
        super().__init__(params, lr=lr)
        torch.nn.modules.module.register_module_full_backward_hook(lambda *_: None)
        torch.set_float32_matmul_precision("medium")
        torch.set_default_dtype(torch.float64)


class Wanders(torch.optim.SGD):
    def __init__(self, params, lr):
        super().__init__(params, lr=lr)
        os.chdir("/")
'''

BUILT_INS = """
    study: s
    seeds: 2
    probes: false
    timing: off
    workloads: {logistic_regression: {steps: 20}}
    optimizers: {sgd: null, adam: null%s}
    """

PLUGGED_IN = ", " + ", ".join(
    f'{name.lower()}: {{factory: "plugin:{name}", lr: 0.1}}'
    for name in ("Hooks", "ForgetsGradients", "Wanders")
)


def trained(folder: Path, optimizers: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Trace]:
    """Traces by cell; the plug-ins' cells come first, so that what they leave behind would reach others."""
    folder.mkdir()
    monkeypatch.chdir(folder)
    study = read_study(write_study(folder, BUILT_INS % optimizers, MEDDLERS))
    from optbench.cli.stages import prepare_data

    prepare_data(study)
    cells = sorted(cells_of(study), key=lambda cell: cell.optimizer.factory.startswith("torch"))
    train_all(cells, study.data_folder, study.folder, 1, lambda cell, status: None)
    return {cell.name: read_trace(trace_path(cell)) for cell in cells}


def test_what_a_plug_in_does_to_its_process_reaches_no_other_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = trained(tmp_path / "alone", "", monkeypatch)
    beside = trained(tmp_path / "beside", PLUGGED_IN, monkeypatch)
    assert {trace.facts["status"] for trace in beside.values()} <= {"ok", "error"}
    assert alone.keys() < beside.keys()
    for name, trace in alone.items():
        assert trace.facts["digest"] == beside[name].facts["digest"]
        assert np.array_equal(trace.value, beside[name].value, equal_nan=True), name


def test_a_cell_that_goes_elsewhere_leaves_its_trace_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanders = {n: t for n, t in trained(tmp_path / "s", PLUGGED_IN, monkeypatch).items() if "wanders" in n}
    assert len(wanders) == 2
    assert all(trace.facts["status"] == "ok" for trace in wanders.values())


def cells(folder: Path) -> list[CellSpec]:
    return cells_of(read_study(write_study(folder, BUILT_INS % PLUGGED_IN, MEDDLERS)))


def test_a_domain_is_what_is_not_of_optbench_or_torch(tmp_path: Path) -> None:
    domains = {cell.optimizer.name: trust_domain(cell) for cell in cells(tmp_path)}
    assert domains == {
        "sgd": frozenset(),
        "adam": frozenset(),
        "hooks": {"plugin:Hooks"},
        "forgetsgradients": {"plugin:ForgetsGradients"},
        "wanders": {"plugin:Wanders"},
    }
    other = replace(cells(tmp_path)[0].schedule, factory="torch_optimizer:Schedule")
    assert trust_domain(replace(cells(tmp_path)[0], schedule=other)) == {"torch_optimizer:Schedule"}


def test_a_process_is_given_cells_of_its_own_domain_while_any_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    waiting = [[cell] for cell in cells(tmp_path)]
    queue = TaskQueue(waiting, 1, lambda cell: pytest.fail("nothing is started"), lambda cell, status: None)
    domain: frozenset[str] | None = None
    seen = []
    while (task := queue.take(domain)) is not None:
        domain = trust_domain(task.cells[0])
        seen.append(domain)
    queue.claims.close()
    assert len(seen) == len(waiting)
    changes = sum(a != b for a, b in pairwise(seen))
    assert changes == len(set(seen)) - 1
    assert seen[0] == frozenset()  # most cells wait there


def test_one_process_is_started_for_each_domain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: Counter[frozenset[str]] = Counter()

    def start(launcher: Launcher, data_folder: Path, study_folder: Path, cell: CellSpec) -> Child:
        started[trust_domain(cell)] += 1
        return start_child(launcher, data_folder, study_folder, cell)

    monkeypatch.setattr(supervisor, "start_child", start)
    trained(tmp_path / "s", PLUGGED_IN, monkeypatch)
    assert set(started.values()) == {1}
    assert len(started) == 4
