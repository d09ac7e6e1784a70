"""The curve table: what is asked for and nothing else, from as little of the file as holds it."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING
from zlib import crc32

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optbench.core.errors import CorruptFileError
from optbench.tables.curves import CURVE_SCHEMA, curve_writer, read_curves

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CELLS = (
    "ravine/adam/constant/0",
    "ravine/sgd/constant/0",
    "学习率/sgd/constant/0",
    "\U0001f600/sgd/constant/0",
)
NAMES = (("train", "loss"), ("validation", "accuracy"), ("validation", "loss"), ("weights", "x"))


def rows(cells: Sequence[str], names: Sequence[tuple[str, str]]) -> pd.DataFrame:
    made = [
        (cell, step, split, metric, crc32(f"{cell} {step} {split} {metric}".encode()) / 7)
        for (split, metric), cell, step in product(names, cells, (0, 10))
    ]
    return pd.DataFrame(made, columns=CURVE_SCHEMA.names)


def arrow(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, schema=CURVE_SCHEMA, preserve_index=False)


@pytest.fixture
def whole() -> pd.DataFrame:
    """Two groups of cells, as `collect` writes them, and one that holds everything of the others mixed."""
    return pd.concat(
        [rows(CELLS[:2], NAMES), rows(CELLS[2:], NAMES), rows(["z/a/b/0", "z/a/b/1"], NAMES)],
        ignore_index=True,
    )


@pytest.fixture
def file(tmp_path: Path, whole: pd.DataFrame) -> Path:
    with curve_writer(tmp_path / "curves.parquet") as writer:
        for cells in (CELLS[:2], CELLS[2:]):
            for name in NAMES:
                writer.write_table(arrow(rows(cells, [name])))
        writer.write_table(arrow(whole[whole["cell"].str.startswith("z/")].sample(frac=1, random_state=0)))
    return tmp_path / "curves.parquet"


@pytest.mark.parametrize("cell", [None, CELLS[1:3], CELLS[3:], ["z/a/b/1"], ["a", "m", "zz"], []])
@pytest.mark.parametrize("split", [None, ["validation"], ["train", "weights"], ["test"]])
@pytest.mark.parametrize("metric", [None, ["loss"], {"accuracy", "x"}])
def test_the_rows_that_are_asked_for_and_no_others(
    file: Path,
    whole: pd.DataFrame,
    cell: Sequence[str] | None,
    split: Sequence[str] | None,
    metric: Sequence[str] | None,
) -> None:
    expected = whole
    for column, wanted in (("cell", cell), ("split", split), ("metric", metric)):
        if wanted is not None:
            expected = expected[expected[column].isin(list(wanted))]
    found = read_curves(file, cell=cell, split=split, metric=metric)
    assert found.columns.tolist() == CURVE_SCHEMA.names
    plain = found.astype({"cell": object, "split": object, "metric": object})
    order = ["cell", "split", "metric", "step"]
    pd.testing.assert_frame_equal(
        plain.sort_values(order, ignore_index=True),
        expected.sort_values(order, ignore_index=True),
        check_dtype=False,
    )


@pytest.mark.parametrize("kept", [slice(None), slice(0)])
def test_files_that_say_nothing_of_their_row_groups(tmp_path: Path, whole: pd.DataFrame, kept: slice) -> None:
    """As one without rows does."""
    table = arrow(whole[kept])
    pq.write_table(table, tmp_path / "curves.parquet", write_statistics=False)
    found = read_curves(tmp_path / "curves.parquet", split=["weights"], cell=[CELLS[0]])
    expected = whole[kept].query("split == 'weights' and cell == @CELLS[0]")
    assert found["value"].tolist() == expected["value"].tolist()


def test_what_nobody_asks_for_is_not_read(file: Path, whole: pd.DataFrame) -> None:
    """Every other row group is spoilt; a reader that looked into one would fail."""
    metadata = pq.read_metadata(file)
    spoilt = bytearray(file.read_bytes())
    kept = 0
    for group in map(metadata.row_group, range(metadata.num_row_groups - 1)):  # the last one is mixed
        columns = [group.column(number) for number in range(group.num_columns)]
        if columns[2].statistics.min == "validation" and columns[3].statistics.min == "loss":
            kept += 1
            continue
        for column in columns:
            start = column.dictionary_page_offset or column.data_page_offset
            spoilt[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    assert kept == 2
    file.write_bytes(bytes(spoilt))
    expected = whole[(whole["split"] == "validation") & (whole["metric"] == "loss")]
    assert len(read_curves(file, split=["validation"], metric=["loss"])) == len(expected)
    with pytest.raises(CorruptFileError, match=r"(?i)curves.parquet is no table of curves: .*page"):
        read_curves(file)
