"""Rows of a long table as one line a key (layer 2b)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    Line = tuple[NDArray[np.int64], NDArray[np.float64]]


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
