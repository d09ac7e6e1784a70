"""No plug-in reaches a cell that does not name it, whatever it does to its process."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from lab.meddlers import MEDDLERS, write_study
from lab.studies import run
from optbench.cells.trace import Trace, read_trace

BUILT_IN = [f"{w}/{o}/constant/0" for w in ("ravine", "linear_regression") for o in ("sgd", "adam")]
ENDS = {"ok", "diverged", "error", "killed", "timeout"}


def traces(folder: Path) -> dict[str, Trace]:
    """The traces below a study's results, by cell."""
    found = map(read_trace, sorted(folder.glob("results/s/cells/**/*.parquet")))
    return {trace.facts["cell"]: trace for trace in found}


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
    found = {name: trace.facts["status"] for name, trace in traces(together).items()}
    assert len(found) == len(BUILT_IN) + 2 * len(MEDDLERS)
    assert set(found.values()) <= ENDS


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
