"""Where a trace lies, and whether it is whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.cells import cell
from optbench.cells.cell import TRACE_KEY
from optbench.cells.paths import is_complete, trace_path
from optbench.cells.trace import Trace, write_trace
from optbench.core.files import slug

PLUGIN = "import torch\n\nclass Mine(torch.optim.SGD):\n    pass\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(PLUGIN)
    return tmp_path


HOSTILE = [
    ".",
    "..",
    "...",
    "/",
    "a/b",
    "%2F",
    "%2f",
    "%2E%2E",
    "~",
    "a b",
    "a\\b",
    "{cell}",
    "{",
    "$HOME",
    "*",
]
HOSTILE += [
    "学习率",
    "é",
    "e\u0301",
    "-rf",
    "a\tb",
    "'",
    '"',
    "a\nb",
    "#",
    ";ls",
    ".hidden",
    "%",
    "CON",
    "x" * 60,
]


def test_hostile_names_stay_inside_the_results(folder: Path) -> None:
    seen = set()
    for name in HOSTILE:
        path = PurePosixPath(trace_path(cell(name, name, name)))
        assert path.parts[:3] == ("results", "study", "cells")
        assert len(path.parts) == 7
        for part in path.parts[3:6]:
            assert part not in {"", ".", ".."}
            assert part.isascii()
            assert not set(part) & set("/\\{}*?$'\" \n\t;#")
        assert str(path).startswith("results/study/cells/")
        seen.add(path)
    assert len(seen) == len(HOSTILE)


@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=60))
def test_two_names_never_share_a_path(one: str, other: str) -> None:
    try:
        one.encode(), other.encode()
    except UnicodeEncodeError:  # a lone surrogate is no text that YAML can write
        return
    assert (slug(one) == slug(other)) == (one == other)
    assert slug(one) not in {"", ".", ".."}
    assert "/" not in slug(one)


def test_a_path_names_the_cell() -> None:
    assert trace_path(cell("ravine", "adam", "cosine", 3)).as_posix() == (
        "results/study/cells/ravine/adam/cosine/seed3-01234567.parquet"
    )


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = tmp_path / "seed0-01234567.parquet"
    write_trace(path, Trace({"status": "ok", "digest": "01234567"}))
    assert is_complete(path)
    return path


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda _: b"",
        lambda data: data[:4],
        lambda data: data[:4] + data[-4:],
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: data[1:],
        lambda data: bytes(len(data)),
        lambda _: b"PAR1" + b"\xff" * 8 + b"PAR1",
        lambda _: TRACE_KEY + b" is not enough",
    ],
    ids=["empty", "head", "head and tail", "cut", "half", "headless", "zeros", "absurd length", "text"],
)
def test_only_a_whole_trace_is_complete(whole: Path, spoilt: Callable[[bytes], bytes]) -> None:
    whole.write_bytes(spoilt(whole.read_bytes()))
    assert not is_complete(whole)


def test_what_is_no_trace_is_not_complete(tmp_path: Path) -> None:
    assert not is_complete(tmp_path / "absent.parquet")
    assert not is_complete(tmp_path)
    write_trace(tmp_path / "seed0-01234567.parquet", Trace({"status": "ok", "digest": "76543210"}))
    assert not is_complete(tmp_path / "seed0-01234567.parquet")
    pq.write_table(pa.table({"step": [1]}), tmp_path / "foreign.parquet")
    assert not is_complete(tmp_path / "foreign.parquet")


def test_the_key_of_a_trace_stands_in_its_end(whole: Path) -> None:
    metadata = pq.read_schema(whole).metadata
    assert json.loads(metadata[TRACE_KEY]) == {"status": "ok", "digest": "01234567"}
