"""Names of figures are unique and safe, and what is read of them is what was written, or nothing."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from lab.fabricate import HOSTILE
from optbench.core.errors import CorruptFileError
from optbench.report.figure import FigureRecord, Panel, UniqueIds, read_records, write_records

RECORD = FigureRecord(
    id="a",
    section="convergence",
    workload="w",
    title="t",
    caption="c",
    panels=(Panel("a-1", "t", "alt", "a-1.svg"),),
    pdf="a.pdf",
    columns=("one", "two"),
    rows=(("x", 1.5), (None, 2)),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "figures").mkdir()
    path = tmp_path / "figures" / "figures.json"
    write_records([RECORD], path)
    return path


def test_records_are_read_as_they_were_written(file: Path) -> None:
    assert read_records(file) == [RECORD]
    assert read_records(file.with_name("absent.json")) == []


def changed(**fields: object) -> dict[str, Any]:
    panels = [{"id": "a-1", "title": "t", "alt": "alt", "svg": "a-1.svg"}]
    plain = {"id": "a", "section": "s", "workload": "w", "title": "t", "caption": "c", "pdf": ""}
    return {**plain, "panels": panels, "columns": [], "rows": [], **fields}


def with_svg(name: object) -> dict[str, Any]:
    return changed(panels=[{"id": "a-1", "title": "t", "alt": "alt", "svg": name}])


@pytest.mark.parametrize(
    "record",
    [
        *map(
            with_svg, ("../../../etc/passwd", "/etc/passwd", "a/b.svg", "..", ".", "", "a.txt", "a.svg\n", 1)
        ),
        changed(pdf="../a.pdf"),
        changed(id='"><script>'),
        changed(id=3),
        changed(title=None),
        changed(panels=[{}]),
        changed(panels=[{"id": "a", "title": "t", "alt": "a", "svg": "a.svg", "more": "x"}]),
        changed(panels=3),
        changed(columns=[1]),
        changed(rows=[[{}]]),
        changed(rows=3),
        {},
        [],
        "text",
        None,
    ],
)
def test_records_that_are_not_ours_are_refused_in_one_line(file: Path, record: object) -> None:
    file.write_text(json.dumps([record]))
    with pytest.raises(CorruptFileError, match=f"^{file} is not a list of figures: ") as told:
        read_records(file)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("content", [b"", b"\xff", b"{}", b"[", b"3", b"[" * 100_000])
def test_a_file_that_is_no_list_is_one_line(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(CorruptFileError, match=f"^{file} is "):
        read_records(file)


def test_a_pipe_is_not_waited_for(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(CorruptFileError, match="is a pipe, not a file"):
        read_records(file)


def test_stems_are_unique_and_safe():
    stems = UniqueIds()
    found = [stems.unique("a", name) for name in (*HOSTILE, *HOSTILE, "A/b", "a/B")]
    assert len({s.lower() for s in found}) == len(found)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", s) for s in found)
