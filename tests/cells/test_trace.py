"""Traces: written whole or not at all, read back as they were, times apart from numbers."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optbench.cells.cell import TRACE_SCHEMA, CellSpec
from optbench.cells.paths import is_complete
from optbench.cells.seeds import STREAMS
from optbench.cells.timing_file import read_timing, write_timing
from optbench.cells.trace import (
    BadTraceError,
    Trace,
    cell_facts,
    read_facts,
    read_table,
    read_trace,
    write_trace,
)
from optbench.core.specs import OptimizerSpec, ScheduleSpec, WorkloadSpec

TRACE = Trace(
    facts={"cell": "w/o/s/0", "status": "diverged", "error": "a\nb", "lr": 0.1, "who": "学习率 </script>"},
    times={"started": 1.5, "train_time_s": 0.25},
    step=np.array([0, 1, 1, 2], np.int32),
    split=["validation", "train", "validation", "train"],
    metric=["loss", "batch_loss", "loss", "batch_loss"],
    value=np.array([1 / 3, np.nan, -0.0, np.inf]),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cells" / "seed0.parquet"


def test_a_round_trip(path: Path) -> None:
    write_trace(path, TRACE)
    found = read_trace(path)
    assert (found.facts, found.times) == (TRACE.facts, TRACE.times)
    assert (found.split, found.metric) == (TRACE.split, TRACE.metric)
    assert (found.step.dtype, found.value.dtype) == (np.int32, np.float64)
    assert found.step.tolist() == TRACE.step.tolist()
    assert found.value.tobytes() == TRACE.value.tobytes()  # nan and -0.0 included


def test_a_trace_of_a_cell_that_recorded_nothing(path: Path) -> None:
    write_trace(path, Trace({"status": "killed"}))
    found = read_trace(path)
    assert found.facts == {"status": "killed"}
    assert (len(found.step), found.split, len(found.value)) == (0, [], 0)


def test_a_series_is_one_curve() -> None:
    steps, values = TRACE.series("validation", "loss")
    assert (steps.tolist(), values.tolist()) == ([0, 1], [1 / 3, 0.0])
    assert TRACE.series("test", "loss")[0].tolist() == []


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    one, other = tmp_path / "one.parquet", tmp_path / "other.parquet"
    write_trace(one, TRACE)
    facts = dict(reversed(TRACE.facts.items()))
    write_trace(other, replace(TRACE, facts=facts))
    assert one.read_bytes() == other.read_bytes()


def test_times_stand_apart(tmp_path: Path) -> None:
    one, other = tmp_path / "one.parquet", tmp_path / "other.parquet"
    for path, started in ((one, 1.0), (other, 2.0)):
        write_trace(path, replace(TRACE, times={"started": started}, value=np.arange(4.0)))
    (table, facts, _), (another, same_facts, _) = read_table(one), read_table(other)
    assert facts == same_facts
    assert table.equals(another)
    differing = {
        key for key in table.schema.metadata if table.schema.metadata[key] != another.schema.metadata[key]
    }
    assert differing == {b"optbench-times", b"optbench-sha256"}
    assert one.read_bytes() != other.read_bytes()


def test_a_trace_without_rows_has_the_columns_of_any_other(path: Path) -> None:
    """That of a cell whose process died, which stands beside the others when they are gathered."""
    write_trace(path, TRACE)
    columns = read_table(path)[0].schema.remove_metadata()
    write_trace(path, Trace({"status": "killed"}))
    table = read_table(path)[0]
    assert len(table) == 0
    assert table.schema.remove_metadata() == columns


def test_others_read_a_trace_as_any_parquet_file(path: Path) -> None:
    write_trace(path, TRACE)
    table = pq.read_table(path)
    assert {name: str(table.schema.field(name).type) for name in table.column_names} == {
        "step": "int32", "split": "string", "metric": "string", "value": "double",
    }  # fmt: skip
    assert table["split"].to_pylist() == TRACE.split
    assert json.loads(table.schema.metadata[b"optbench-facts"]) == TRACE.facts


def test_facts_stand_in_a_trace_once(path: Path) -> None:
    """Arrow would repeat them in its own description of the columns."""
    write_trace(path, TRACE)
    assert path.read_bytes().count(b'"status": "diverged"') == 1
    assert pq.read_metadata(path).metadata.keys() == {
        b"optbench-facts", b"optbench-times", b"optbench-sha256",
    }  # fmt: skip


def test_traces_of_earlier_versions_are_read(path: Path) -> None:
    """Those carried arrow's description of the columns, zstd in all of them, and no checksum."""
    facts = json.dumps({**TRACE.facts, "schema": 3}, sort_keys=True).encode()
    earlier = TRACE.table().replace_schema_metadata({"optbench-facts": facts, "optbench-times": b"{}"})
    path.parent.mkdir()
    pq.write_table(earlier, path, compression="zstd", use_dictionary=["split", "metric"])
    write_trace(path.with_name("now.parquet"), TRACE)
    table, found, _ = read_table(path)
    assert not is_complete(path)  # no cell of today means it
    assert found == {**TRACE.facts, "schema": 3}
    assert table.remove_column(3).equals(read_table(path.with_name("now.parquet"))[0].remove_column(3))
    assert table["value"].to_numpy().tobytes() == TRACE.value.tobytes()


@pytest.mark.parametrize(
    "written",
    [
        "write_trace({}, Trace({{'status': 'ok'}}, {{}}, [1], ['train'], ['loss'], [0.5]))",
        "write_timing({}, {{'error': ''}}, [{{'kind': 'step', 'round': 0, 'step_us': [0.5]}}])",
    ],
)
def test_processes_that_train_and_time_do_without_pandas(path: Path, written: str) -> None:
    """Arrow imports it to look at any Python value, a third of a second for each of them."""
    script = (
        "import sys; from pathlib import Path; from optbench.cells.trace import *; "
        f"from optbench.cells.timing_file import write_timing; {written.format('Path(sys.argv[1])')}; "
        "print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert pq.read_metadata(path).num_rows == 1


def test_a_failed_write_leaves_what_was_there(path: Path) -> None:
    write_trace(path, TRACE)
    before = path.read_bytes()
    with pytest.raises(pa.ArrowException):
        write_trace(path, replace(TRACE, step=TRACE.step[:2]))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_breaks_midway_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(where: Path, data: bytes) -> None:
        with where.open("wb") as file:
            file.write(data[:20])
        assert not path.exists()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OSError, match="No space left"):
        write_trace(path, TRACE)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("kept", [0, 4, 100, -9, -1])
def test_a_truncated_file(path: Path, kept: int) -> None:
    write_trace(path, TRACE)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(BadTraceError, match=f"^{path} is not (whole|a whole trace): "):
        read_trace(path)


def whole(path: Path) -> tuple[Trace, bytes]:
    """A trace under the name of its digest, and its bytes."""
    trace = replace(TRACE, facts={**TRACE.facts, "schema": TRACE_SCHEMA, "digest": "01234567"})
    write_trace(path, trace)
    assert is_complete(path)
    return trace, path.read_bytes()


def test_every_flipped_byte_is_noticed(tmp_path: Path) -> None:
    """In the numbers, in the names, in the facts, in the checksum, in parquet's own words."""
    path = tmp_path / "seed0-01234567.parquet"
    _, content = whole(path)
    for place in range(len(content)):
        spoilt = bytearray(content)
        spoilt[place] ^= 1 << place % 8
        path.write_bytes(spoilt)
        assert not is_complete(path), place
        for read in (read_table, read_facts):
            with pytest.raises(BadTraceError, match=f"^{path} ") as told:
                read(path)
            assert "\n" not in str(told.value)


def test_bytes_that_are_swapped_added_or_gone_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "seed0-01234567.parquet"
    _, content = whole(path)
    for spoilt in (
        b"",
        content[:4],
        content[:-1],
        content[:100] + content[101:],
        content[:100] + b"\0" + content[100:],
        content + b"\0",
        content * 2,
        bytes(len(content)),
        b"\xff" * 200,
        b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1",
        b"PAR1PAR1",
    ):
        path.write_bytes(spoilt)
        assert not is_complete(path)
        with pytest.raises(BadTraceError, match=f"^{path} "):
            read_table(path)


def test_a_checksum_is_over_the_whole_file(tmp_path: Path) -> None:
    """Worked by hand: sha256 of the file with zeros where the checksum stands."""
    path = tmp_path / "seed0-01234567.parquet"
    _, content = whole(path)
    found = pq.read_metadata(path).metadata[b"optbench-sha256"]
    assert content.count(found) == 1
    assert found.decode() == hashlib.sha256(content.replace(found, b"0" * 64)).hexdigest()


def test_facts_that_look_like_a_checksum_are_facts(tmp_path: Path) -> None:
    path = tmp_path / "seed0-01234567.parquet"
    facts = {"digest": "01234567", "error": "optbench-sha256\x18@" + "0" * 64}
    write_trace(path, Trace(facts))
    assert is_complete(path)
    assert read_facts(path)[0] == facts


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_folder(path: Path) -> None:
    path.mkdir()
    (path / "inside").touch()


def make_loop(path: Path) -> None:
    path.symlink_to(path.name)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(os.path.relpath(path))


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (make_pipe, "a pipe, not a file"),
        (make_folder, "a folder, not a file"),
        (make_loop, "a link that leads back to itself"),
        (make_socket, "a socket, not a file"),
    ],
)
def test_what_is_no_file_is_named_and_never_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], what: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "seed0-01234567.parquet"
    make(path)
    assert not is_complete(path)
    for read in (read_trace, read_facts, read_timing):
        with pytest.raises(BadTraceError, match=f"^{path} is {what}$"):
            read(path)


def test_every_flipped_byte_of_a_timing_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "w-01234567.parquet"
    rows = [{"kind": "step", "round": 0, "block_us": 1.5, "step_us": [0.5, 1.0]}]
    write_timing(path, {"digest": "01234567", "schema": 3, "error": ""}, rows)
    assert is_complete(path)
    table, facts = read_timing(path)
    assert facts["digest"] == "01234567"
    assert table["step_us"].to_pylist() == [[0.5, 1.0]]
    content = path.read_bytes()
    for place in range(len(content)):
        spoilt = bytearray(content)
        spoilt[place] ^= 0x10
        path.write_bytes(spoilt)
        assert not is_complete(path), place
        with pytest.raises(BadTraceError, match=f"^{path} "):
            read_timing(path)


def test_files_that_are_no_traces(tmp_path: Path) -> None:
    with pytest.raises(BadTraceError, match="is not a whole trace"):
        read_trace(tmp_path / "absent.parquet")
    foreign = tmp_path / "foreign.parquet"
    pq.write_table(pa.table({"step": [1]}), foreign)
    with pytest.raises(BadTraceError, match=f"^{foreign} is not a trace of optbench$"):
        read_trace(foreign)
    # Our key on a table of another shape is no trace either.
    pq.write_table(pa.table({"step": [1]}).replace_schema_metadata({"optbench-facts": "{}"}), foreign)
    with pytest.raises(BadTraceError, match="is not a trace of optbench"):
        read_trace(foreign)


def test_a_trace_says_who_the_cell_is_and_where_it_ran() -> None:
    cell = CellSpec(
        "study",
        WorkloadSpec("w", "m:w"),
        OptimizerSpec("o", "m:o", 0.1),
        ScheduleSpec("s"),
        lr=0.2,
        seed=3,
        device="cpu",
        threads=1,
        timeout_s=9.0,
        digest="01234567",
    )
    facts = cell_facts(cell)
    assert {
        "schema": TRACE_SCHEMA,
        "study": "study",
        "cell": "w/o/s/3",
        "workload": "w",
        "optimizer": "o",
        "schedule": "s",
        "lr": 0.2,
        "seed": 3,
        "digest": "01234567",
        "device": "cpu",
        "threads": 1,
    }.items() <= facts.items()
    assert tuple(facts["streams"]) == STREAMS
    assert {"python", "torch", "numpy"} <= set(facts["versions"])
    assert {"cpu", "cores", "memory_gib", "system"} <= set(facts["machine"])
    assert json.loads(json.dumps(facts)) == facts
