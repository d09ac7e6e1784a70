"""Tables as files: parquet for programs, CSV that a spreadsheet may open."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest

from optbench.core.files import write_table


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
