"""How the tables of a study are read: as files that may be anybody's.

A table comes from the folder that it is asked from, whatever links lie there, and holds columns of numbers,
words and times: nothing in it is run. What is no table is one line that names the file.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from optbench.core.errors import CorruptFileError, one_line
from optbench.core.files import read_json, read_regular

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ANEW = "optbench run STUDY makes it anew"


def read_frame(file: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """A table of results/<study>/tables.

    Args:
        file: the parquet file.
        columns: which to read; left out: all.

    Raises:
        CorruptFileError: it is no table, lacks a column, or lies elsewhere.
        OSError: it is not there, or may not be read.
    """
    content = read_regular(within_results(file))
    try:
        found = pd.read_parquet(io.BytesIO(content), columns=None if columns is None else list(columns))
    # Arrow's errors are of these; pandas', where the metadata that it keeps in a table makes no sense, too.
    except (OSError, pa.ArrowException, LookupError, TypeError, ValueError, AttributeError) as problem:
        raise CorruptFileError(file, f"is no table: {one_line(problem)} ({ANEW})") from None
    return found


def read_values(file: Path, kind: type[dict[str, Any] | list[Any]] = dict) -> Any:  # noqa: ANN401 - JSON
    """What a JSON file of results/<study>/tables or figures holds: an object, or a list (`kind`).

    Raises:
        CorruptFileError: it is none, or lies elsewhere.
        OSError: it is not there, or may not be read.
    """
    return read_json(within_results(file), kind)


def within_results(file: Path) -> Path:
    """The file itself, once it is known to lie in the result folder that its path says.

    Args:
        file: results/<study>/<folder>/<name>.

    Raises:
        CorruptFileError: it is a link, or lies in one, that leads out of results/<study>.
    """
    home, place = (os.path.realpath(path) for path in (file.parent.parent, file))
    if os.path.commonpath([home, place]) != home:
        raise CorruptFileError(file, f"is a link that leads out of {file.parent.parent}")
    return file
