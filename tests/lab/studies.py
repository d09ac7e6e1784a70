"""Small studies and plug-ins that several tests write into a folder of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

from click.testing import CliRunner, Result

from optbench.cells.cell import CellSpec
from optbench.cells.paths import trace_path
from optbench.cells.trace import write_trace
from optbench.cli import cli
from optbench.running.launcher import Launcher
from optbench.running.worker import LAST, STATUSES
from optbench.study.plugins import plugins_importable_from

BIN = Path(sys.executable).parent

PLUGIN = '''
"""Plug-ins that misbehave, each in its own way."""

import os
import signal
import time

import torch
from torch import nn

from optbench.workload import Workload


class RaisesAtStep10(torch.optim.SGD):
    """Plain descent until its tenth step."""

    def step(self, closure=None):
        self.count = getattr(self, "count", 0) + 1
        if self.count == 10:
            raise RuntimeError("the tenth step is too much")
        return super().step(closure)


class Segfaults(torch.optim.SGD):
    def step(self, closure=None):
        print("about to fall")
        os.kill(os.getpid(), signal.SIGSEGV)


class Exits(torch.optim.SGD):
    def step(self, closure=None):
        os._exit(7)


class Hangs(torch.optim.SGD):
    def step(self, closure=None):
        time.sleep(3600)


def line() -> Workload:
    """Least squares on ten points."""
    x = torch.linspace(-1, 1, 10).unsqueeze(1)
    return Workload(
        model=lambda: nn.Linear(1, 1),
        loss=lambda model, batch: ((model(batch[0]) - batch[1]) ** 2).mean(),
        train=(x, 3 * x + 2),
        batch_size=4,
        steps=40,
        eval_every=10,
        target=0.1,
    )


def noisy_line() -> Workload:
    """The same with dropout, a batch norm and noise on the inputs: everything that draws or remembers."""
    x = torch.linspace(-1, 1, 64).unsqueeze(1)

    def jitter(batch, generator):
        return batch[0] + 0.1 * torch.randn(batch[0].shape, generator=generator), batch[1]

    return Workload(
        model=lambda: nn.Sequential(nn.Linear(1, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 1)),
        loss=lambda model, batch: ((model(batch[0]) - batch[1]) ** 2).mean(),
        train=(x, 3 * x + 2),
        validation=(x[::4], 3 * x[::4] + 2),
        batch_size=16,
        epochs=5,
        eval_every=4,
        augment=jitter,
    )
'''

ON_A_GPU = """
    study: s
    seeds: 2
    device: cpu
    workloads:
      line: {factory: "plugin:line", device: cuda, timeout_s: 60, memory_mb: 8000}
      noisy: {factory: "plugin:noisy_line"}
    optimizers: {sgd: {lr: 0.1}}
    """
"""One workload on a GPU and one beside it."""


def write_study(folder: Path, text: str, plugin: str = PLUGIN) -> Path:
    """Writes study.yaml and plugin.py into `folder`; returns the study file."""
    (folder / "plugin.py").write_text(plugin)
    file = folder / "study.yaml"
    file.write_text(dedent(text))
    return file


def run(*command: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of the environment that the tests run in."""
    done = run_bytes(*command, cwd=cwd, **more)
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")
    )


def run_bytes(
    *command: str | Path, cwd: Path, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE, **more: str
) -> subprocess.CompletedProcess[bytes]:
    """The same, with what it says as it is; `stdout` and `stderr` may be descriptors of the test's own."""
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **more}
    words = [str(part) for part in command]
    return subprocess.run(
        words, cwd=cwd, env=environment, stdout=stdout, stderr=stderr, timeout=300, check=False
    )


def optbench(*words: str) -> Result:
    """Runs a verb in this process, which has imported what it needs."""
    return CliRunner().invoke(cli, list(words))


class TrainingHere:
    """Stands for a training process and trains in this one: a real one takes seconds to import torch."""

    killed_from_outside = False
    turn = threading.Lock()
    """Several stand here for several processes, and a cell must have its process's generators for itself."""

    def __init__(self, _: Launcher, data_folder: Path, study_folder: Path, cell: CellSpec) -> None:
        self.data_folder, self.device = data_folder, cell.device
        self.told: deque[dict[str, Any]] = deque()
        plugins_importable_from(study_folder)

    def send(self, cells: Sequence[CellSpec], why_alone: str) -> str:
        from optbench.training.loop import train_cell

        with self.turn:
            traces = [train_cell(cell, self.data_folder, why_alone) for cell in cells]
        for cell, trace in zip(cells, traces, strict=True):
            write_trace(trace_path(cell), trace)
        self.told.append({STATUSES: [trace.facts["status"] for trace in traces], LAST: False})
        return ""

    def answer(self, limit_s: float, ticket: str) -> dict[str, Any]:
        return self.told.popleft()

    def end(self) -> str:
        return ""
