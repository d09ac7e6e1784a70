"""Where a cell's trace lies, and whether what lies there is whole."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.cells.cell import TRACE_KEY
from optbench.core.files import slug

if TYPE_CHECKING:
    from optbench.cells.cell import CellSpec


MAGIC = b"PAR1"
"""How a whole parquet file begins and ends."""


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
    """Whether `path` is a whole trace, or timing, of the cell that its name says.

    By the frame of its parquet file, the key of our facts in its end and the digest in them. A few reads and
    no library: Snakemake asks this of every cell when it reads the workflow.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) != MAGIC:
                return False
            file.seek(-8, 2)
            length, magic = int.from_bytes(file.read(4), "little"), file.read(4)
            if magic != MAGIC:
                return False
            file.seek(-8 - length, 2)
            facts = file.read(length)
            return TRACE_KEY in facts and path.stem.rpartition("-")[2].encode() in facts
    except OSError:
        return False
