"""Where a cell's trace lies, and whether what lies there is whole."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.cells.cell import TRACE_KEY
from optbench.cells.seal import check_seal
from optbench.core.errors import CorruptFileError
from optbench.core.files import read_regular, slug

if TYPE_CHECKING:
    from optbench.cells.cell import CellSpec


def trace_path(cell: CellSpec) -> Path:
    """Where the cell's trace lies, relative to the folder that optbench runs in; trials lie apart."""
    kind, rate = ("tuning", f"lr{cell.lr:g}-") if cell.trial else ("cells", "")
    return combination_folder(cell, kind) / f"{rate}seed{cell.seed}-{cell.digest}.parquet"


def combination_folder(cell: CellSpec, kind: str) -> Path:
    """The folder of the cell's workload, optimizer and schedule below results/<study>/<kind>."""
    return _folder(cell.study, kind, cell.workload.name, cell.optimizer.name, cell.schedule.name)


@cache
def _folder(study: str, kind: str, *names: str) -> Path:
    """A combination's folder, which is asked for at every look at one of its cells."""
    return Path("results", study, kind, *map(slug, names))


def is_complete(path: Path) -> bool:
    """Whether `path` is a whole trace, or timing, of the cell that its name says; see `check_complete`."""
    try:
        check_complete(path)
    except (OSError, CorruptFileError):
        return False
    return True


def check_complete(path: Path) -> None:
    """Finds out whether `path` is a whole trace, or timing, of the cell that its name says.

    By the checksum over all its bytes, the key of our facts in its end and the digest in them. One read and
    no library: Snakemake asks this of every cell when it reads the workflow.

    Raises:
        CorruptFileError: it is not.
        OSError: it is not there, or may not be read.
    """
    facts = check_seal(path, read_regular(path))
    if TRACE_KEY not in facts or path.stem.rpartition("-")[2].encode() not in facts:
        raise CorruptFileError(path, "is of another cell")
