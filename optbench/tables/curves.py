"""The curve table: one row a recorded number, in row groups that a reader can pass over."""

from __future__ import annotations

import os
from bisect import bisect_left
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from optbench.core.errors import CorruptFileError, one_line
from optbench.core.files import open_regular
from optbench.tables.read import ANEW, within_results

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Line = tuple[NDArray[np.int64], NDArray[np.float64]]

    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    import pandas as pd

_NAMES = pa.dictionary(pa.int32(), pa.string())
CURVE_SCHEMA = pa.schema(
    [("cell", _NAMES), ("step", pa.int32()), ("split", _NAMES), ("metric", _NAMES), ("value", pa.float64())]
)


def curve_writer(path: Path) -> pq.ParquetWriter:
    """A writer of the curve table's file: each table that is given to it becomes a row group.

    Readers want a few curves of all cells, or all of a few cells. So a table should hold one curve, that is
    one (split, metric), of some cells.
    """
    # A dictionary of numbers that hardly ever repeat costs more than all the rest; their first bytes repeat.
    return pq.ParquetWriter(
        path,
        CURVE_SCHEMA,
        compression="zstd",
        use_dictionary=[name for name in CURVE_SCHEMA.names if name != "value"],
        column_encoding={"value": "BYTE_STREAM_SPLIT"},
    )


def read_curves(
    file: Path,
    *,
    cell: Collection[str] | None = None,
    split: Collection[str] | None = None,
    metric: Collection[str] | None = None,
) -> pd.DataFrame:
    """Rows of the curve table, its names as categories; each row group is read only if it can have some.

    Arrow looks at the least and greatest of a row group by itself, but not for columns of codes.

    Args:
        file: tables/curves.parquet.
        cell: readable names of cells; all where it is None, as below.
        split: names of splits.
        metric: names of metrics.

    Raises:
        CorruptFileError: the file is no table, or lies elsewhere.
        OSError: it is not there, or may not be read.
    """
    given = {"cell": cell, "split": split, "metric": metric}
    wanted = {name: sorted(values) for name, values in given.items() if values is not None}
    os.close(open_regular(within_results(file)))  # before anything waits for it
    try:
        with pq.ParquetFile(file) as opened:
            groups = [opened.metadata.row_group(number) for number in range(opened.num_row_groups)]
            looks = [_look(group, wanted) for group in groups]
            table = opened.read_row_groups([number for number, look in enumerate(looks) if look is not None])
    except (OSError, pa.ArrowException, LookupError, AttributeError) as problem:
        raise CorruptFileError(file, f"is no table of curves: {one_line(problem)} ({ANEW})") from None
    mixed = set().union(*filter(None, looks))
    if mixed:
        table = table.filter(reduce(and_, (pc.field(name).isin(wanted[name]) for name in sorted(mixed))))
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _look(group: pq.RowGroupMetaData, wanted: Mapping[str, list[str]]) -> set[str] | None:
    """The columns by which some rows of a row group may not be wanted; None where no row can be."""
    mixed = set()
    for name, values in wanted.items():
        known = group.column(CURVE_SCHEMA.get_field_index(name)).statistics
        if known is None or not known.has_min_max:
            mixed.add(name)
            continue
        place = bisect_left(values, known.min)
        if place == len(values) or values[place] > known.max:
            return None
        if known.min != known.max:
            mixed.add(name)
    return mixed


def lines_of(rows: pd.DataFrame, keys: Sequence[str]) -> dict[Any, Line]:
    """Steps and values of every line, both in the order of the rows.

    One sort of all rows, where pandas' groups would make a frame of each: ten thousand cells have hundred
    thousands of lines.

    Args:
        rows: with columns step and value.
        keys: the columns that tell lines apart.

    Returns:
        The lines by a key's value where there is one key, by the values of all of them where there are more.
    """
    if rows.empty:
        return {}
    factors = [rows[key].factorize() for key in keys]
    code = np.zeros(len(rows), np.int64)
    for part, known in factors:
        code = code * len(known) + part
    order = np.argsort(code, kind="stable")
    starts = np.flatnonzero(np.diff(code[order], prepend=-1))
    firsts = order[starts]
    spelled = ([str(name) for name in known.tolist()] for _, known in factors)
    columns = [
        [names[place] for place in part[firsts]] for (part, _), names in zip(factors, spelled, strict=True)
    ]
    names = zip(*columns, strict=True)
    step, value = rows["step"].to_numpy(np.int64)[order], rows["value"].to_numpy(np.float64)[order]
    pieces = map(slice, starts.tolist(), [*starts[1:].tolist(), len(order)])  # a tenth of np.split's time
    found = zip(names, pieces, strict=True)
    return {name if len(keys) > 1 else name[0]: (step[piece], value[piece]) for name, piece in found}
