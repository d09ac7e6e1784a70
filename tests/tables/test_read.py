"""Tables are read from the folder that they are asked from, and what is no table is one line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optbench.core.errors import CorruptFileError
from optbench.tables.read import read_frame, read_values

TABLE = pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": pd.array([None, 3], dtype="Int64")})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "s" / "tables" / "own.parquet"
    path.parent.mkdir(parents=True)
    TABLE.to_parquet(path, index=False)
    return path


def test_a_table_is_read_as_pandas_reads_it(file: Path) -> None:
    pd.testing.assert_frame_equal(read_frame(file), TABLE)
    assert list(read_frame(file, ["b"])) == ["b"]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def no_metadata_of_pandas(path: Path) -> None:
    table = pq.read_table(path).replace_schema_metadata({"pandas": '{"columns": 3}'})
    pq.write_table(table, path)


SPOILT: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": cut,
    "0xff": lambda path: path.write_bytes(b"\xff" * 99),
    "text": lambda path: path.write_text("a,b\n1,2\n"),
    "pandas": no_metadata_of_pandas,
    "folder": lambda path: (path.unlink(), path.mkdir()),
    "pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "loop": lambda path: (path.unlink(), path.symlink_to(path.name)),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=list(SPOILT))
def test_what_is_no_table_is_named_in_one_line(file: Path, spoil: Callable[[Path], object]) -> None:
    spoil(file)
    with pytest.raises(CorruptFileError, match=f"^{file} is ") as told:
        read_frame(file)
    assert "\n" not in str(told.value)


def test_a_column_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(CorruptFileError, match=r"own.parquet is no table: .*status"):
        read_frame(file, ["status"])


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"workload": [1, 2]}, "column 'workload' does not hold words"),
    ({"status": ["ok", None]}, "column 'status' lacks a value"),
    ({"noisy": [True, None]}, "column 'noisy' lacks a value"),
    ({"noisy": ["yes", "no"]}, "column 'noisy' does not hold yes or no"),
    ({"n": [1.5, 2]}, "column 'n' does not hold whole numbers"),
    ({"seed": pd.array([1, None], dtype="Int64")}, "column 'seed' lacks a value"),
    ({"ratio_to_sgd": ["much", None]}, "column 'ratio_to_sgd' does not hold numbers"),
    ({"estimate": [b"1", b"2"]}, "column 'estimate' does not hold numbers"),
)


@pytest.mark.parametrize(("columns", "why"), WRONG)
def test_a_column_that_holds_something_else_is_named(file: Path, columns: dict[str, Any], why: str) -> None:
    pd.DataFrame(columns).to_parquet(file)
    with pytest.raises(CorruptFileError) as told:
        read_frame(file)
    assert str(told.value) == f"{file} is not that table: {why} (optbench run STUDY makes it anew)"


def test_a_table_without_a_column_that_it_must_have_is_named(file: Path) -> None:
    runs = file.with_name("runs.parquet")
    TABLE.to_parquet(runs)
    with pytest.raises(CorruptFileError, match=r"runs.parquet is not that table: it has no column cell "):
        read_frame(runs)


def test_numbers_may_be_missing_and_an_empty_table_holds_nothing(file: Path) -> None:
    table = pd.DataFrame({"ratio_to_sgd": [None, None], "estimate": [1.0, None], "error": ["", None]})
    table.to_parquet(file)
    assert len(read_frame(file)) == 2
    table[:0].astype(object).to_parquet(file)
    assert len(read_frame(file)) == 0


def test_a_link_out_of_the_folder_is_refused(file: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.parquet"
    file.rename(outside)
    file.symlink_to(outside)
    with pytest.raises(CorruptFileError, match=f"^{file} is a link that leads out of {tmp_path}/s$"):
        read_frame(file)
    other = tmp_path / "t"
    other.mkdir()
    (other / "tables").symlink_to(file.parent)
    with pytest.raises(CorruptFileError, match="leads out of"):
        read_values(other / "tables" / "study.json")


def test_a_link_within_it_and_a_folder_that_is_one_are_fine(file: Path, tmp_path: Path) -> None:
    file.rename(file.with_name("other.parquet"))
    file.symlink_to("other.parquet")
    (tmp_path / "t").symlink_to("s")
    pd.testing.assert_frame_equal(read_frame(tmp_path / "t" / "tables" / "own.parquet"), TABLE)


class Counted:
    """Whether anything was made of it."""

    made = 0

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return count, ()


def count() -> None:
    Counted.made += 1


def test_nothing_in_a_table_is_run(file: Path) -> None:
    """Objects lie there as bytes, and bytes they stay; an unknown type of column is its storage."""
    import pickle

    pickled = pickle.dumps(Counted())
    table = pa.table({"a": [pickled], "b": pa.array(["x"])})
    field = pa.field("a", pa.binary(), metadata={"ARROW:extension:name": "nobody.knows"})
    kept = field.with_metadata({**(field.metadata or {}), "ARROW:extension:metadata": pickled})
    pq.write_table(table.cast(pa.schema([kept, pa.field("b", pa.string())])), file)
    found = read_frame(file)
    assert found["a"].tolist() == [pickled]
    assert Counted.made == 0


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff{}", "is not text: byte 0 is not UTF-8"),
        (b"[]", "is JSON of another shape: no dict"),
        (b"3", "is JSON of another shape"),
        (b"[" * 100_000, "is not JSON"),
    ],
)
def test_a_file_of_facts_that_is_none_is_one_line(file: Path, content: bytes, why: str) -> None:
    facts = file.with_name("study.json")
    facts.write_bytes(content)
    with pytest.raises(CorruptFileError, match=f"^{facts} {why}"):
        read_values(facts)
