"""The parent of training processes: a cell that kills its process costs that cell alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from studies import run, write_study

from optbench.config import read_study
from optbench.matrix import cells_of, trace_path
from optbench.spec import CellSpec
from optbench.supervise import train_all
from optbench.trace import read_trace

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
