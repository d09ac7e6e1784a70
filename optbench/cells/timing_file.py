"""A timing's file: every block that was timed, as one parquet file (docs/reference/tables.md#timing).

Where the side that measures and the side that reads meet. Rows are blocks; who was timed, on which machine,
under which load and what went wrong stand in the file's metadata as JSON. Nothing in it is a statistic.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.json import ParseOptions, ReadOptions, read_json

from optbench.cells.cell import TIMING_SCHEMA, TRACE_KEY
from optbench.cells.seal import BLANK, SEAL_KEY, sealed
from optbench.cells.trace import BadTraceError, opened
from optbench.core import provenance
from optbench.core.errors import one_line
from optbench.core.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from optbench.study.timing import TimingSpec

UNSEALED = 2
"""The last version of this layout without a checksum."""

STEP, SPLIT, BATCH, KERNEL = "step", "split", "batch", "kernel"
"""Kinds of blocks: whole steps; steps taken apart; fetching batches; the fixed kernel that shows noise."""

OPTIMIZER, TWIN = "optimizer", "twin"
"""Who was timed: an optimizer of the study, or the reference once more under a second name (A/A)."""

SCHEMA = pa.schema(
    [
        ("round", pa.int32()),  # counts rounds of all kinds from 0; blocks of one round are compared
        ("place", pa.int16()),  # order within the round
        ("kind", pa.string()),
        ("role", pa.string()),  # empty for batch and kernel
        ("optimizer", pa.string()),
        ("steps", pa.int32()),
        ("block_us", pa.float64()),  # the whole block, the device waited for at both ends
        ("step_us", pa.list_(pa.float32())),  # each step of it (kind step)
        ("forward_backward_us", pa.float64()),  # sum over the block's steps (kind split)
        ("optimizer_us", pa.float64()),
    ]
)


def timing_facts(timing: TimingSpec) -> dict[str, Any]:
    """What a timing's file says of who was timed and where."""
    return {
        "schema": TIMING_SCHEMA,
        "study": timing.study,
        "workload": timing.workload.name,
        "optimizers": [spec.name for spec in timing.optimizers],
        "reference": timing.reference,
        "digest": timing.digest,
        "identity": dict(timing.identity),
        "device": timing.device,
        "threads": timing.threads,
        **provenance.current_origin(),
        "error": "",
        "errors": {},
    }


def write_timing(path: Path, facts: dict[str, Any], rows: Sequence[dict[str, Any]] = ()) -> None:
    """Writes a timing under a temporary name and renames it: a reader sees a whole file or none."""
    table = _table(rows) if rows else SCHEMA.empty_table()
    metadata = {TRACE_KEY: json.dumps(facts, sort_keys=True).encode(), SEAL_KEY: BLANK.encode()}
    whole = pa.BufferOutputStream()
    with pq.ParquetWriter(whole, table.schema, compression="zstd", store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(metadata)
    with write_atomically(path) as unfinished:
        unfinished.write_bytes(sealed(whole.getvalue().to_pybytes()))


def _table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """By way of JSON: arrow imports pandas to look at values of Python, a third of a second a child."""
    text = "\n".join(json.dumps(row, allow_nan=False) for row in rows).encode()
    return read_json(
        pa.BufferReader(text),
        read_options=ReadOptions(use_threads=False, block_size=len(text)),
        parse_options=ParseOptions(explicit_schema=SCHEMA, unexpected_field_behavior="error"),
    )


def read_timing(path: Path) -> tuple[pa.Table, dict[str, Any]]:
    """The blocks and the facts of a timing's file.

    Raises:
        BadTraceError: the file is truncated, has changed since it was written, or is no timing of optbench.
        OSError: it may not be read.
    """
    file, facts, _ = opened(path, "timing", UNSEALED)
    try:
        table = file.read(use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise BadTraceError(path, f"is not a whole timing: {one_line(error)}") from None
    if table.column_names != SCHEMA.names:
        raise BadTraceError(path, "is not a timing of optbench")
    return table, facts


OF_A_TIMING: Final[Mapping[str, type]] = {
    "workload": str,
    "optimizers": list,
    "reference": str,
    "error": str,
    "errors": dict,
}
"""What a timing must say for anybody to read it, and of which kind."""
