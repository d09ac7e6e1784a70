"""The parent of training processes: a cell that kills its process costs that cell alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from lab.studies import PLUGIN, TrainingHere, run, write_study
from optbench.cells.cell import CellSpec
from optbench.cells.matrix import cells_of
from optbench.cells.paths import trace_path
from optbench.cells.trace import read_trace
from optbench.running.supervisor import train_all
from optbench.study.resolve import read_study

STUDY = """
    study: t
    seeds: 2
    timeout_s: 30
    workloads: {line: {factory: "plugin:line"}}
    optimizers:
      sgd: {lr: 0.1}
      segfaults: {factory: "plugin:Segfaults", lr: 0.1}
      exits: {factory: "plugin:Exits", lr: 0.1}
      hangs: {factory: "plugin:Hangs", lr: 0.1}
      raises: {factory: "plugin:RaisesAtStep10", lr: 0.1}
      ball: {like: heavy_ball}
    matrix:
      - {optimizers: [segfaults, sgd, exits, hangs, raises, ball], seeds: [0]}
      - {optimizers: [sgd]}
    """


def test_each_way_to_die_costs_one_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = read_study(write_study(tmp_path, STUDY))
    cells = cells_of(study)
    told: dict[str, str] = {}

    def note(cell: CellSpec, status: str) -> None:
        told[cell.name] = status

    train_all(cells, study.data_folder, study.folder, 2, note)
    facts = {cell.name: read_trace(trace_path(cell)).facts for cell in cells}
    assert told == {name: fact["status"] for name, fact in facts.items()}
    assert told == {
        "line/sgd/constant/0": "ok",
        "line/sgd/constant/1": "ok",
        "line/segfaults/constant/0": "killed",
        "line/exits/constant/0": "killed",
        "line/hangs/constant/0": "timeout",
        "line/raises/constant/0": "error",
        "line/ball/constant/0": "ok",
    }
    assert "signal 11 (SIGSEGV)" in facts["line/segfaults/constant/0"]["error"]
    assert "about to fall" in facts["line/segfaults/constant/0"]["error"]
    assert "exit status 7" in facts["line/exits/constant/0"]["error"]
    assert "limit of 30 s" in facts["line/hangs/constant/0"]["error"]


def test_a_full_disk_is_one_line_and_spoils_no_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit on the size of files stands for the disk: traces fit, until a longer one does not."""
    text = STUDY.split("optimizers:", maxsplit=1)[0]
    short = text + "optimizers: [sgd]"
    write_study(tmp_path, short.replace("\n    ", "\n"))
    assert run("optbench", "train", "study.yaml", "*", cwd=tmp_path).returncode == 0
    kept = {path: path.read_bytes() for path in tmp_path.glob("results/**/*.parquet")}
    assert len(kept) == 2
    (tmp_path / "study.yaml").write_text(
        (tmp_path / "study.yaml").read_text().replace("[sgd]", "[sgd, adam]")
    )
    limit = min(len(data) for data in kept.values()) // 2048  # half of a trace, in KiB
    command = f"ulimit -f {max(limit, 1)}; exec optbench run study.yaml --cores 1"
    done = run("bash", "-c", command, cwd=tmp_path)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if "cells are there" not in line]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("optbench: ")
    assert "File too large" in lines[0]
    assert lines[0].endswith("what is finished is safe")
    assert {path: path.read_bytes() for path in tmp_path.glob("results/**/*.parquet*")} == kept
    # With room again, the same command goes on.
    assert run("optbench", "train", "study.yaml", "*adam*", cwd=tmp_path).returncode == 0
    status = [read_trace(path).facts["status"] for path in tmp_path.glob("results/**/adam/**/*.parquet")]
    assert status == ["ok", "ok"]


def test_a_batch_and_single_cells_give_the_same_bytes(tmp_path: Path) -> None:
    """Alone or in a batch, one process or two: the traces are equal, times aside."""
    text = """
        study: t
        seeds: 2
        workloads: {line: {factory: "plugin:line"}, noisy: {factory: "plugin:noisy_line"}}
        optimizers: [sgd, adam, lbfgs]
        """
    folders = [tmp_path / name for name in ("batch", "single", "pair")]
    for folder in folders:
        folder.mkdir()
        write_study(folder, text)
    assert run("optbench", "train", "study.yaml", "*", cwd=folders[0]).returncode == 0
    names = run("optbench", "list", "study.yaml", cwd=folders[1]).stdout.split()[1::2]
    assert len(names) == 12
    (name,) = (name for name in names if name == "noisy/adam/constant/1")  # draws and remembers most
    assert run("optbench", "train", "study.yaml", name, cwd=folders[1]).returncode == 0
    assert run("optbench", "train", "study.yaml", "*", "--workers", "2", cwd=folders[2]).returncode == 0
    for folder in folders[1:]:
        traces = sorted(folder.glob("results/**/*.parquet"))
        assert len(traces) in {1, 12}
        for trace in traces:
            one, other = read_trace(trace), read_trace(folders[0] / trace.relative_to(folder))
            # An error's traceback names the folder that the plug-in lies in.
            assert {**one.facts, "error": ""} == {**other.facts, "error": ""}
            for column in ("step", "value"):
                assert getattr(one, column).tobytes() == getattr(other, column).tobytes()
            assert (one.split, one.metric) == (other.split, other.metric)


def test_what_is_handed_out_ahead_of_a_death_is_trained_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that waited in the pipe of a child that died is lost, and the dead had not begun it."""
    monkeypatch.chdir(tmp_path)
    plugin = PLUGIN + dedent(
        """
        def noted_line() -> Workload:
            with open("begun", "a") as file:
                file.write("x")
            return line()


        class Does(torch.optim.SGD):  # one factory: its cells may share a process
            def __init__(self, params, lr, does=""):
                super().__init__(params, lr=lr)
                self.does = does

            def step(self, closure=None):
                if self.does == "hangs":
                    time.sleep(3600)
                if self.does == "is killed once" and not os.path.exists("killed"):
                    open("killed", "w").close()
                    os.kill(os.getpid(), signal.SIGKILL)
                return super().step(closure)
        """
    )
    text = """
        study: t
        seeds: 8
        timeout_s: 6
        probes: false
        workloads: {line: {factory: "plugin:noted_line"}}
        optimizers:
          before: {factory: "plugin:Does", lr: 0.1}
          killed_once: {factory: "plugin:Does", lr: 0.1, does: is killed once}
          between: {factory: "plugin:Does", lr: 0.1}
          hangs: {factory: "plugin:Does", lr: 0.1, does: hangs}
          after: {factory: "plugin:Does", lr: 0.1}
        matrix:
          - {optimizers: [before, between, after]}
          - {optimizers: [killed_once, hangs], seeds: [0]}
        """
    study = read_study(write_study(tmp_path, text, plugin))
    order = ("before", "killed_once", "between", "hangs", "after")
    cells = sorted(cells_of(study), key=lambda cell: order.index(cell.optimizer.name))
    told: list[tuple[str, str]] = []
    train_all(
        cells, study.data_folder, study.folder, 1, lambda cell, status: told.append((cell.name, status))
    )
    assert told == [(cell.name, "timeout" if cell.optimizer.name == "hangs" else "ok") for cell in cells]
    assert [read_trace(trace_path(cell)).facts["status"] for cell in cells] == [status for _, status in told]
    # Once each, and the one that was killed from outside once more; each calls its factory twice.
    assert len((tmp_path / "begun").read_text()) == 2 * (len(cells) + 1)


class Noting(TrainingHere):
    """Notes what it is handed and when it is listened to."""

    said: list[str]

    def send(self, cells: Sequence[CellSpec], why_alone: str) -> str:
        self.said.append(f"take {cells[0].seed}")
        return super().send(cells, why_alone)

    def answer(self, limit_s: float, ticket: str) -> dict[str, Any]:
        self.said.append("tell")
        return super().answer(limit_s, ticket)


@pytest.mark.parametrize("small", [True, False])
def test_small_cells_are_handed_out_ahead_while_there_are_plenty(
    small: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one child: not before the first has told how small they are, and not when only three wait."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("optbench.running.supervisor.start_child", Noting)
    monkeypatch.setattr("optbench.running.supervisor.SMALL_S", 60.0 if small else 0.0)
    monkeypatch.setattr(Noting, "said", [], raising=False)
    study = read_study(
        write_study(
            tmp_path,
            """
            study: t
            seeds: 8
            probes: false
            workloads: {line: {factory: "plugin:line"}}
            optimizers: [sgd]
            """,
        )
    )
    train_all(cells_of(study), study.data_folder, study.folder, 1, lambda *_: None)
    one_by_one = [word for seed in range(8) for word in (f"take {seed}", "tell")]
    ahead = ["take 0", "tell", "take 1", "take 2", "tell", "take 3", "tell", "take 4", "tell", "tell"]
    assert Noting.said == (ahead + one_by_one[10:] if small else one_by_one)
