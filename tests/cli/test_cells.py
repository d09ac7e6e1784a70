"""`optbench check` on the command line: problems and warnings, and what each means for the exit status."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from lab import faults
from lab.studies import optbench, write_study

STUDY = """
    study: s
    seeds: 1
    timing: false
    workloads: {{line: {{factory: "lab.faults:line"}}}}
    optimizers: {{sgd: {{lr: 0.1}}, mine: {{factory: "lab.faults:{}", lr: 0.1{}}}}}
    """


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    tests = str(Path(faults.__file__).parents[1])  # for the processes that check
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), tests))))
    return tmp_path


def test_a_problem_is_a_line_and_status_2(folder: Path) -> None:
    write_study(folder, STUDY.format("Sam", ""))
    done = optbench("check", "study.yaml")
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    place, problem = line.split(": optimizers.mine: ")
    assert place == "optbench: study.yaml: line 6, column 30"
    assert problem.startswith("closure: its step needs the gradients and a closure")
    assert "is sound" not in done.output


OPTIONS = """
import torch
from optbench.workload import Workload

def workload(width=3):
    if width == 2:
        raise LookupError("no width of two")
    raise SystemExit("gone")

class Picky(torch.optim.SGD):
    def __init__(self, params, lr, table=None):
        super().__init__(params, lr=lr)
        {}[table]
"""


@pytest.mark.parametrize(
    ("part", "written", "said"),
    [
        (
            "workloads",
            "{w: {factory: 'mine:workload', width: 2}}",
            "workloads.w.width = 2: LookupError: no width of two",
        ),
        ("workloads", "{w: {factory: 'mine:workload', width: 1}}", "workloads.w: SystemExit: gone"),
        (
            "workloads",
            "{ravine: {}, w: {factory: 'mine:workload', width: a}}",
            "workloads.w: SystemExit: gone",
        ),
        ("optimizers", "{p: {factory: 'mine:Picky', lr: 0.1, table: a}}", "optimizers.p: KeyError: 'a'"),
        (
            "optimizers",
            "{adam: {amsgrad: true, fused: 1, foreach: 1}}",
            "optimizers.adam.fused = 1: RuntimeError: ",
        ),
        (
            "schedules",
            "{cosine: {T_max: 1e400%}}",
            "schedules.cosine.T_max = '1e400%' is not understood; allowed: ",
        ),
        ("schedules", "{step: {step_size: [3]}}", "schedules.step"),
    ],
)
def test_whatever_a_factory_raises_is_a_line_with_its_place(
    folder: Path, part: str, written: str, said: str
) -> None:
    (folder / "mine.py").write_text(OPTIONS)
    keys = {"study": "s", "seeds": "1", "timing": "false", "workloads": "[ravine]", "optimizers": "[sgd]"}
    keys[part] = written
    (folder / "study.yaml").write_text("".join(f"{key}: {value}\n" for key, value in keys.items()))
    done = optbench("check", "study.yaml")
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert re.match(rf"optbench: study\.yaml: line \d+, column \d+: {re.escape(said)}", line), line


@pytest.mark.parametrize(("name", "said"), [("Sam", ", closure: true"), ("Hessian", ", create_graph: true")])
@pytest.mark.usefixtures("trained_here")
def test_with_what_the_study_says_it_is_sound_and_trains(folder: Path, name: str, said: str) -> None:
    write_study(folder, STUDY.format(name, said))
    done = optbench("check", "study.yaml")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "study.yaml is sound: 2 cells" in done.stdout
    assert optbench("train", "study.yaml", "*").exit_code == 0
    assert optbench("list", "study.yaml").stdout.count("ok ") == 2


def test_a_warning_is_a_line_and_status_0(folder: Path) -> None:
    (folder / "careless.py").write_text(
        "import torch\nclass Careless(torch.optim.SGD):\n    def step(self, closure=None):\n"
        "        super().step()\n"
    )
    write_study(folder, STUDY.format("Raises", "").replace("lab.faults:Raises", "careless:Careless"))
    done = optbench("check", "study.yaml")
    assert done.exit_code == 0, done.stderr
    (line,) = done.stderr.splitlines()
    place, warning = line.split(": optimizers.mine: ")
    assert place == "optbench: warning: study.yaml: line 6, column 30"
    assert warning.startswith("closure: step(closure) does not evaluate it")
    assert "is sound" in done.stdout
