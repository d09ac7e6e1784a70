"""No plug-in reaches a cell that does not name it, whatever it does to its process."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from lab.meddlers import MEDDLERS, write_study
from lab.studies import run
from optbench.cells.timing_file import read_timing
from optbench.cells.trace import Trace, read_trace

BUILT_IN = [f"{w}/{o}/constant/0" for w in ("ravine", "linear_regression") for o in ("sgd", "adam")]
ENDS = {"ok", "diverged", "error", "killed", "timeout"}


def traces(folder: Path) -> dict[str, Trace]:
    """The traces below a study's results, by cell."""
    return {
        _name(path.relative_to(folder / "results/s/cells")): read_trace(path)
        for path in folder.glob("results/s/cells/**/*.parquet")
    }


def _name(path: Path) -> str:
    """The cell of a trace by its place: what its facts say, a plug-in may have written."""
    return (path.parent / path.name.removeprefix("seed").partition("-")[0]).as_posix()


def trained(folder: Path) -> dict[str, Trace]:
    done = run("optbench", "train", "study.yaml", "*", "--workers", "2", cwd=folder)
    assert done.returncode == 0, done.stderr
    return traces(folder)


def content(trace: Trace) -> dict[str, Any]:
    """All that a trace holds but times, its numbers as bytes."""
    rows = {"step": trace.step.tobytes(), "value": trace.value.tobytes()}
    return {**trace.facts, **rows, "split": trace.split, "metric": trace.metric}


def numbers(trace: Trace) -> tuple[str, bytes, bytes]:
    """How a cell ended, with its curves: an error's text may name lines and processes."""
    return str(trace.facts["status"]), trace.step.tobytes(), trace.value.tobytes()


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trace]:
    """The cells of built-ins in a study without plug-ins."""
    folder = tmp_path_factory.mktemp("alone")
    write_study(folder, ())
    return trained(folder)


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of built-ins and of all plug-ins, trained."""
    folder = tmp_path_factory.mktemp("together")
    write_study(folder, MEDDLERS)
    trained(folder)
    return folder


def test_there_are_many_kinds() -> None:
    assert len({one.name for one in MEDDLERS}) == len(MEDDLERS) >= 60
    assert {one.place for one in MEDDLERS} == {"import", "constructor", "step", "model", "loss", "schedule"}


def test_built_ins_train_as_without_them(alone: dict[str, Trace], together: Path) -> None:
    assert alone.keys() == set(BUILT_IN)
    assert {trace.facts["status"] for trace in alone.values()} == {"ok"}
    beside = traces(together)
    for name, trace in alone.items():
        assert content(beside[name]) == content(trace), name


def test_every_cell_of_a_plug_in_ends_with_a_trace(together: Path) -> None:
    found = traces(together)
    assert len(found) == len(BUILT_IN) + 2 * len(MEDDLERS)
    for name, trace in found.items():
        assert trace.facts.get("cell") == name
        assert trace.facts["status"] in ENDS


def test_an_exception_is_an_error_of_its_cell_whatever_its_text(together: Path) -> None:
    for seed in (0, 1):
        facts = traces(together)[f"linear_regression/m_unprintable/constant/{seed}"].facts
        assert facts["status"] == "error"
        assert "Unprintable" in facts["error"]


def test_the_second_cell_of_a_plug_in_is_what_it_is_alone(together: Path, tmp_path: Path) -> None:
    """A changed process is replaced, so the cell with seed 1 does not know that one with seed 0 was there."""
    write_study(tmp_path, MEDDLERS, seeds="[1]", built_in=False)
    second, beside = trained(tmp_path), traces(together)
    assert len(second) == len(MEDDLERS)
    differing = {name for name, trace in second.items() if numbers(trace) != numbers(beside[name])}
    assert differing == set()


def test_without_them_nothing_is_trained_again(
    alone: dict[str, Trace], together: Path, tmp_path: Path
) -> None:
    shutil.copytree(together / "results", tmp_path / "results")
    write_study(tmp_path, ())
    done = run("optbench", "run", "study.yaml", "--cores", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "4 of 4 cells are there, 0 to train" in done.stderr
    beside = traces(tmp_path)
    for name, trace in alone.items():
        assert content(beside[name]) == content(trace), name


def test_what_a_fork_lets_go_on_answers_for_nobody(together: Path) -> None:
    for name in ("forked_on", "patched_pickle", "patched_waiting", "draws_at_import", "threaded"):
        for seed in (0, 1):
            facts = traces(together)[f"linear_regression/m_{name}/constant/{seed}"].facts
            assert facts["status"] == "ok", facts["error"]
    for name in ("interrupts_at_import", "stops_at_import"):
        assert traces(together)[f"linear_regression/m_{name}/constant/0"].facts["status"] == "error"


COUNTING = """
import threading, time
import torch
threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
made = []

class Optimizer(torch.optim.SGD):
    def __init__(self, params, lr):
        made.append(1)
        super().__init__(params, lr=lr / len(made))
"""


def test_where_nothing_can_be_forked_the_second_cell_is_what_it_is_alone(tmp_path: Path) -> None:
    """A thread from the import on, and a count that no comparison of states would see."""
    found = []
    for name, seeds in (("both", "[0, 1]"), ("one", "[1]")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "counting.py").write_text(COUNTING)
        (folder / "study.yaml").write_text(
            f"study: s\nseeds: {seeds}\nworkloads: {{ravine: {{steps: 8}}}}\n"
            'optimizers: {mine: {factory: "counting:Optimizer", lr: 0.01}}\n'
        )
        found.append(trained(folder)["ravine/mine/constant/1"])
    assert content(found[0]) == content(found[1])


DATA = """
import torch
from torch import nn
from optbench.workload import Workload

X = torch.randn(12, 4)

def toy():
    loss = lambda m, b: ((m(b[0]) - b[1]) ** 2).mean()
    return Workload(model=lambda: nn.Linear(4, 1), loss=loss, train=(X, X.sum(1, keepdim=True)), steps=8)
"""


def test_a_draw_at_import_changes_no_data_of_another(tmp_path: Path) -> None:
    """The same steps under two names; one is of a module that is imported first, and draws."""
    (tmp_path / "wide_lab.py").write_text(DATA)
    (tmp_path / "my_opt.py").write_text(
        "import torch\nDIRECTION = torch.randn(3)\nclass Mine(torch.optim.SGD): ...\n"
    )
    (tmp_path / "study.yaml").write_text(
        'study: s\nseeds: 2\nworkloads: {toy: {factory: "wide_lab:toy"}}\n'
        'optimizers: {sgd: {lr: 0.05}, mine: {factory: "my_opt:Mine", lr: 0.05}}\n'
    )
    found = trained(tmp_path)
    for seed in (0, 1):
        assert numbers(found[f"toy/mine/constant/{seed}"]) == numbers(found[f"toy/sgd/constant/{seed}"])


@pytest.mark.parametrize("name", ["pre_hook", "default_dtype", "patched_step", "environment"])
def test_one_at_a_time_in_one_worker(name: str, alone: dict[str, Trace], tmp_path: Path) -> None:
    """The process that has trained the plug-in's cells is there when those of built-ins come."""
    write_study(tmp_path, [one for one in MEDDLERS if one.name == name])
    done = run("optbench", "train", "study.yaml", "*", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    beside = traces(tmp_path)
    assert len(beside) == len(alone) + 2
    for cell, trace in alone.items():
        assert content(beside[cell]) == content(trace), cell


def test_a_check_accuses_plug_ins_alone(tmp_path: Path) -> None:
    write_study(tmp_path, MEDDLERS, seeds="[0]")
    done = run("optbench", "check", "study.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    named = r"^optbench: (?:study\.yaml: line \d+, column \d+: )?(?:workloads|optimizers|schedules)\.(\w+)"
    accused = set(re.findall(named, done.stderr, re.MULTILINE))
    assert {"m_default_device", "m_grad_off", "m_exits"} <= accused
    assert {name for name in accused if not name.startswith("m_")} == set()


TIMED = ("pre_hook", "default_device", "patched_backward", "patched_time", "closed_files", "ends_at_once")
TIMED += ("forward_hook", "threads_of_torch", "environment")


def test_timings_of_built_ins_know_of_no_plug_in(tmp_path: Path) -> None:
    """They lie under the names that they have without one, and none of their optimizers failed."""
    some = [one for one in MEDDLERS if one.name in TIMED]
    found = []
    for name, meddlers in (("alone", []), ("beside", some)):
        folder = tmp_path / name
        write_study(folder, meddlers, seeds="[0]", timing="{seconds: 0.02}")
        done = run("optbench", "time", "study.yaml", cwd=folder)
        assert done.returncode == 0, done.stderr
        found.append({path.name: read_timing(path) for path in folder.glob("results/s/timing/**/*.parquet")})
    alone, beside = found
    assert len(alone) == 2
    assert alone.keys() < beside.keys()
    for name in alone:
        table, facts = beside[name]
        assert (facts["error"], facts["errors"]) == ("", {})
        assert facts["optimizers"] == ["sgd", "adam"]
        assert {"sgd", "adam"} <= set(table["optimizer"].to_pylist())
    apart = {name for _, facts in beside.values() for name in facts["optimizers"]}
    assert {f"m_{name}" for name in TIMED} <= apart
