"""Files are read only where they are files, written whole and set aside; CSV is safe in a spreadsheet."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pandas as pd
import pytest

from optbench.core.errors import CorruptFileError
from optbench.core.files import (
    MOST_ASIDE,
    put_aside,
    read_json,
    read_regular,
    read_utf8,
    set_aside,
    write_if_changed,
    write_table,
    write_text,
)


def test_the_whole_content_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for content in (b"", b"x", bytes(range(256)) * 9999):
        path.write_bytes(content)
        assert read_regular(path) == content
    link = tmp_path / "link"
    link.symlink_to(path)
    assert read_regular(link) == content
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "absent")
    assert read_regular(Path("/proc/self/status")).startswith(b"Name:")  # a file that says it is empty


def test_devices_are_no_files() -> None:
    with pytest.raises(CorruptFileError, match=r"^/dev/zero is a device, not a file$"):
        read_regular(Path("/dev/zero"))


def test_text_and_json_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[31m"
    path.write_bytes(b"ab\xff")
    with pytest.raises(CorruptFileError, match=r"a\\x1b\[31m is not text: byte 2 is not UTF-8") as told:
        read_utf8(path)
    assert "\x1b" not in str(told.value)
    path.write_text("[1]")
    assert read_json(path, list) == [1]
    with pytest.raises(CorruptFileError, match="no dict"):
        read_json(path)


def test_corrupt_files_are_kept_and_do_not_grow_without_end(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    for count in range(2 * MOST_ASIDE):
        path.write_text(str(count))
        kept = set_aside(path)
        assert kept.read_text() == str(count)
        assert not path.exists()
        path.write_text(str(count))
        assert set_aside(path) == kept  # the same again
    names = {file.name for file in tmp_path.iterdir()}
    assert names == {"a.parquet.corrupt", *(f"a.parquet.corrupt-{n}" for n in range(2, MOST_ASIDE + 1))}
    assert (tmp_path / "a.parquet.corrupt").read_text() == "0"  # the first of all is never lost


def test_folders_pipes_and_loops_are_set_aside_too(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.mkdir()
    (path / "inside").touch()
    assert (set_aside(path) / "inside").exists()
    os.mkfifo(path)
    assert set_aside(path).is_fifo()
    path.symlink_to("a")
    assert set_aside(path).is_symlink()
    assert not os.path.lexists(path)


def test_a_line_says_what_was_done(tmp_path: Path) -> None:
    path = tmp_path / "a"
    problem = CorruptFileError(path, "is corrupt")
    assert put_aside(problem, "made anew") == f"{path} is corrupt; it is made anew"
    path.touch()
    assert put_aside(problem, "made anew") == f"{path} is corrupt; it is set aside as a.corrupt and made anew"


def test_a_folder_in_a_file_s_place_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.mkdir()
    write_text(path, "text")
    assert path.read_text() == "text"
    assert (tmp_path / "a.corrupt").is_dir()


@pytest.mark.parametrize("content", [b"\xff", b"other"])
def test_what_is_not_the_text_is_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    write_if_changed(path, "text")
    assert path.read_text() == "text"
    before = path.stat()
    write_if_changed(path, "text")
    assert path.stat().st_ino == before.st_ino
    path.unlink()
    os.mkfifo(path)
    write_if_changed(path, "text")
    assert path.read_text() == "text"


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        *((f"{first}cmd|' /C calc'!A0", f"'{first}cmd|' /C calc'!A0") for first in "=+-@\t＝＋－＠"),
        ("\r=1\x1b[2J", "\\r=1\\x1b[2J"),
        ('=HYPERLINK("x","y")', '\'=HYPERLINK("x","y")'),
        ("-2+3", "'-2+3"),
        ("--", "'--"),
        # numbers that stand in a column of texts, and texts that are none of a spreadsheet's business
        *((text, text) for text in ("-0.5", "+1e-3", "-inf", "", "a=b", " =x", "'=x", "x\ny", 'say "no"')),
    ],
)
def test_no_text_of_a_csv_is_a_formula(tmp_path: Path, text: str, cell: str) -> None:
    table = pd.DataFrame({"name": [text, "plain"], "value": [-0.5, float("inf")], "n": [-1, 2]})
    write_table(table, tmp_path / "t")
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["name", "value", "n"], [cell, "-0.5", "-1"], ["plain", "inf", "2"]]
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "t.parquet"), table)


def test_missing_values_and_categories_are_written_as_ever(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "a": pd.Categorical(["-x", "y", None]),
            "b": pd.Series([1, None, -3], dtype="Int64"),
            "c": [True, False, True],
            "d": [None, "z", "=1"],
        }
    )
    write_table(table, tmp_path / "t")
    assert (tmp_path / "t.csv").read_text() == "a,b,c,d\n'-x,1,True,\ny,,False,z\n,-3,True,'=1\n"
