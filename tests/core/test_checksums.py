"""Checksums: of a file's own values, and of the files of a stage."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from optbench.core.checksums import missing, read_checked, spoilt, summed, sums_path, with_checksum
from optbench.core.errors import CorruptFileError

VALUES = {"b": [1, 0.1, None], "a": {"x": "学习率", "y": True}}


def test_the_checksum_is_over_canonical_json(tmp_path: Path) -> None:
    canonical = '{"a":{"x":"\\u5b66\\u4e60\\u7387","y":true},"b":[1,0.1,null]}'
    found = with_checksum(VALUES)
    assert found == {**VALUES, "checksum": hashlib.sha256(canonical.encode()).hexdigest()}
    file = tmp_path / "a.json"
    for indent in (None, 1, 4):  # where it breaks its lines is no matter
        file.write_text(json.dumps(found, indent=indent))
        assert read_checked(file) == VALUES
    file.write_text(json.dumps({**found, "b": [1, 0.2, None]}))
    with pytest.raises(
        CorruptFileError, match=f"^{file} is corrupt: its checksum is not that of its content$"
    ):
        read_checked(file)
    file.write_text(json.dumps(VALUES))
    assert read_checked(file) == VALUES  # of an earlier version


@pytest.fixture
def results(tmp_path: Path) -> Path:
    (tmp_path / "tables").mkdir()
    with stage(tmp_path):
        (tmp_path / "tables" / "one.csv").write_text("1")
        (tmp_path / "tables" / "two.json").write_text("2")
    return tmp_path


def stage(results: Path):
    return summed(results, "collect", results, (results / "tables").iterdir)


def test_what_was_written_is_as_it_was(results: Path) -> None:
    assert list(spoilt(results, "collect", results)) == []
    assert list(spoilt(results, "plot", results)) == []  # which never ran
    subprocess.run(["sha256sum", "-c", sums_path(results, "collect")], cwd=results, check=True)


def test_what_has_changed_is_named(results: Path) -> None:
    one, two = results / "tables" / "one.csv", results / "tables" / "two.json"
    one.write_text("3")
    two.unlink()
    assert missing(results, "collect", results) == [two]
    (problem,) = spoilt(results, "collect", results)
    assert (problem.path, problem.why) == (one, "is corrupt: its content has changed since it was written")
    one.unlink()
    one.mkdir()
    (problem,) = spoilt(results, "collect", results)
    assert str(problem) == f"{one} is a folder, not a file"


def test_a_stage_that_is_at_work_or_failed_has_none(results: Path) -> None:
    def fail() -> None:
        with stage(results):
            assert not sums_path(results, "collect").exists()
            (results / "tables" / "one.csv").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(spoilt(results, "collect", results)) == []


@pytest.mark.parametrize(
    "text",
    [
        b"\xff",
        b"no checksum\n",
        b"0" * 64 + b"  ../../etc/hostname\n",
        b"0" * 64 + b"  /etc/hostname\n",
        b"0" * 64 + b"  tables/..\n",
        b"0" * 64 + b"  other/one.csv\n",
    ],
)
def test_checksums_that_are_none_are_named_and_lead_nowhere(results: Path, text: bytes) -> None:
    path = sums_path(results, "collect")
    path.write_bytes(text)
    (problem,) = spoilt(results, "collect", results)
    assert problem.path == path
