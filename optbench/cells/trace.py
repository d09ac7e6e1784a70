"""A trace: what one cell recorded, as one parquet file (docs/reference/tables.md#traces).

This is where the side that trains and the side that reads meet. Rows are (step, split, metric, value); who
the cell is and what became of it stand in the file's metadata as JSON, and everything that depends on the
clock under a key of its own, so that two runs of a cell can be compared byte for byte without it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from optbench.cells.cell import TRACE_KEY, TRACE_SCHEMA
from optbench.cells.seal import BLANK, SEAL_KEY, NoSealError, check_seal, sealed
from optbench.cells.seeds import STREAMS, stream_seed
from optbench.core import provenance
from optbench.core.errors import CorruptFileError, one_line
from optbench.core.files import read_regular, write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from optbench.cells.cell import CellSpec

    Curve = tuple[NDArray[np.int32], NDArray[np.float64]]
    Curves = dict[tuple[str, str], Curve]

TIMES = b"optbench-times"


UNSEALED = 3
"""The last version of a trace's layout without a checksum: no cell of today means such a file."""


class BadTraceError(CorruptFileError):
    """A file that is not a trace: truncated, spoilt, foreign, or of another layout."""


@dataclass(frozen=True)
class Trace:
    """What one cell recorded.

    Attributes:
        facts: who the cell is, its status and error, seed streams, versions, machine and workload.
        times: all that the clock decides: train_time_s, eval_time_s, probe_time_s, total_time_s, cpu_time_s,
            started.
        step: (n,) int32; an evaluation at step t saw t updates, the batch loss of step t the batch of
            update t before it was applied (so it counts from 1).
        split: n names: train, validation, test, weights, schedule or probe.
        metric: n names: loss, batch_loss, accuracy, lr, ...
        value: (n,) float64.
    """

    facts: dict[str, Any]
    times: dict[str, Any] = field(default_factory=dict)
    step: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))
    split: list[str] = field(default_factory=list)
    metric: list[str] = field(default_factory=list)
    value: np.ndarray = field(default_factory=lambda: np.empty(0, np.float64))

    def series(self, split: str, metric: str) -> tuple[np.ndarray, np.ndarray]:
        """Steps and values of one curve, both of shape (m,), in order of step."""
        chosen = [s == split and m == metric for s, m in zip(self.split, self.metric, strict=True)]
        return self.step[chosen], self.value[chosen]

    def table(self) -> pa.Table:
        """The rows as an arrow table, names as codes of a dictionary."""
        return pa.table(
            {
                "step": numbers(self.step, np.int32),
                "split": _coded(self.split),
                "metric": _coded(self.metric),
                "value": numbers(self.value, np.float64),
            }
        )


def numbers(values: np.ndarray, kind: type[np.int32 | np.float64]) -> pa.Array:
    """An arrow array over numpy's memory, shape (n,), without nulls: a NaN stays one.

    Arrow's own functions import pandas to look at whatever comes from Python: a third of a second in every
    process that trains.
    """
    whole = np.ascontiguousarray(values, kind)
    return pa.Array.from_buffers(pa.from_numpy_dtype(kind), len(whole), [None, pa.py_buffer(whole)])


def coded(codes: np.ndarray, names: Sequence[str]) -> pa.DictionaryArray:
    """Names, shape (n,), as codes of the different ones; see `numbers`."""
    texts = [name.encode() for name in names]
    ends = np.cumsum([0, *map(len, texts)], dtype=np.int32)
    known = pa.StringArray.from_buffers(len(texts), pa.py_buffer(ends), pa.py_buffer(b"".join(texts)))
    return pa.DictionaryArray.from_arrays(numbers(codes, np.int32), known, safe=False)


def _coded(names: list[str]) -> pa.DictionaryArray:
    """Names as codes of those that occur, in the order of their first."""
    codes = {name: code for code, name in enumerate(dict.fromkeys(names))}
    return coded(np.fromiter(map(codes.__getitem__, names), np.int32, len(names)), list(codes))


def cell_facts(cell: CellSpec) -> dict[str, Any]:
    """What a trace says of the cell itself and of where it ran."""
    return {
        "schema": TRACE_SCHEMA,
        "study": cell.study,
        "cell": cell.name,
        "workload": cell.workload.name,
        "optimizer": cell.optimizer.name,
        "schedule": cell.schedule.name,
        "lr": cell.lr,
        "settings": dict(cell.optimizer.settings),
        "seed": cell.seed,
        "digest": cell.digest,
        "code": cell.code,
        "identity": dict(cell.identity),
        "device": cell.device,
        "threads": cell.threads,
        "streams": {stream: stream_seed(cell.seed, stream) for stream in STREAMS},
        **provenance.current_origin(),
    }


def write_trace(path: Path, trace: Trace) -> None:
    """Writes a trace under a temporary name and renames it: a kill leaves a whole file or none."""
    table = trace.table()
    whole = pa.BufferOutputStream()  # arrow's own way to a file takes longer than all the rest
    with pq.ParquetWriter(
        whole,
        table.schema,
        # Only values gain from zstd, which takes twice as long as all the rest.
        compression={"step": "snappy", "split": "snappy", "metric": "snappy", "value": "zstd"},
        use_dictionary=["split", "metric"],
        column_encoding={"value": "BYTE_STREAM_SPLIT"},  # values hardly ever repeat, their first bytes do
        write_statistics=False,  # nobody looks into a trace without reading it
        store_schema=False,  # it would repeat what parquet says itself
    ) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(
            {
                TRACE_KEY: json.dumps(trace.facts, sort_keys=True).encode(),
                TIMES: json.dumps(trace.times, sort_keys=True).encode(),
                SEAL_KEY: BLANK,
            }
        )
    # Waiting for the disk takes as long as a small cell. A trace of which a power cut leaves a piece is seen
    # as one by its frame or when it is read, and trained again.
    with write_atomically(path, synced=False) as unfinished:
        unfinished.write_bytes(sealed(whole.getvalue().to_pybytes()))


def curves_of(table: pa.Table) -> Curves:
    """Steps and values of every curve of a trace by (split, metric), in order of step."""
    if not len(table):
        return {}
    table = table.combine_chunks()
    split, metric = table["split"].chunk(0), table["metric"].chunk(0)
    splits, metrics = split.dictionary.to_pylist(), metric.dictionary.to_pylist()
    code = split.indices.to_numpy() * len(metrics) + metric.indices.to_numpy()
    order = np.argsort(code, kind="stable")
    code, step, value = code[order], table["step"].to_numpy()[order], table["value"].to_numpy()[order]
    ends = [*(np.flatnonzero(code[1:] != code[:-1]) + 1).tolist(), len(code)]
    curves, start = {}, 0
    for stop, which in zip(ends, code[np.array(ends) - 1].tolist(), strict=True):
        s, m = divmod(which, len(metrics))
        curves[splits[s], metrics[m]] = step[start:stop], value[start:stop]
        start = stop
    return curves


def read_trace(path: Path) -> Trace:
    """Reads a trace.

    Raises:
        BadTraceError: the file is truncated, has changed since it was written, or is no trace of optbench.
        OSError: it may not be read.
    """
    table, facts, times = read_table(path)
    return Trace(
        facts=facts,
        times=times,
        step=table["step"].to_numpy(),
        split=table["split"].to_pylist(),
        metric=table["metric"].to_pylist(),
        value=table["value"].to_numpy(),
    )


def read_table(path: Path) -> tuple[pa.Table, dict[str, Any], dict[str, Any]]:
    """The rows of a trace as an arrow table, its facts and its times.

    Raises:
        BadTraceError: as `read_trace`.
        OSError: it may not be read.
    """
    file, facts, times = opened(path, "trace", UNSEALED, names=["split", "metric"])
    try:
        table = file.read(use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise BadTraceError(path, f"is not a whole trace: {one_line(error)}") from None
    if table.column_names != ["step", "split", "metric", "value"]:
        raise BadTraceError(path, "is not a trace of optbench")
    return table, facts, times


OF_A_TRACE: Final[Mapping[str, type]] = {"status": str, "error": str, "steps": int}
"""What a trace must say for anybody to read it, and of which kind."""


def check_facts(path: Path, facts: Mapping[str, Any], kinds: Mapping[str, type]) -> None:
    """Finds out whether the facts of a file hold what is read of them.

    Raises:
        BadTraceError: one is missing, or of another kind.
    """
    for key, kind in kinds.items():
        if not isinstance(facts.get(key), kind):
            raise BadTraceError(
                path, f"is not as optbench writes it: its facts have no {kind.__name__} {key!r}"
            )


def read_facts(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The facts of a trace, or a timing, and its times, without its rows.

    Raises:
        BadTraceError: as `read_trace`.
        OSError: it may not be read.
    """
    _, facts, times = opened(path, "trace", UNSEALED)
    return facts, times


def opened(
    path: Path, what: str, unsealed: int, names: Sequence[str] = ()
) -> tuple[pq.ParquetFile, dict[str, Any], dict[str, Any]]:
    """A file of ours, its checksum verified, with the facts and the times in its metadata.

    Args:
        path: the file.
        what: it is to be, `trace` or `timing`.
        unsealed: the last version of its layout without a checksum; a file of that or an earlier one is
            taken as it is.
        names: columns to be read as codes.

    Raises:
        BadTraceError: the file is truncated, has changed since it was written, or is none of optbench.
        OSError: it may not be read.
    """
    try:
        # A trace is a few kilobytes: read in one piece, for threads and read-ahead cost more than they bring.
        content = read_regular(path)
        check_seal(path, content)
        has_seal = True
    except NoSealError:
        has_seal = False
    except (FileNotFoundError, NotADirectoryError):
        raise BadTraceError(path, f"is not a whole {what}: it is not there") from None
    except CorruptFileError as error:
        raise BadTraceError(path, error.why) from None
    try:
        file = pq.ParquetFile(pa.BufferReader(content), pre_buffer=False, read_dictionary=list(names))
        metadata = file.metadata.metadata or {}
    except (OSError, pa.ArrowException) as error:
        raise BadTraceError(path, f"is not a whole {what}: {one_line(error)}") from None
    except KeyError:  # one of these columns
        raise BadTraceError(path, f"is not a {what} of optbench") from None
    if TRACE_KEY not in metadata:
        raise BadTraceError(path, f"is not a {what} of optbench")
    try:
        facts, times = json.loads(metadata[TRACE_KEY]), json.loads(metadata.get(TIMES, b"{}"))
    except (ValueError, RecursionError) as error:
        raise BadTraceError(
            path, f"is not a whole {what}: its facts are not JSON: {one_line(error)}"
        ) from None
    if not (isinstance(facts, dict) and isinstance(times, dict)):
        raise BadTraceError(path, f"is not a {what} of optbench")
    if not has_seal and not _is_earlier(facts, unsealed):
        raise BadTraceError(path, "has no checksum")
    return file, facts, times


def _is_earlier(facts: dict[str, Any], unsealed: int) -> bool:
    schema = facts.get("schema")
    return isinstance(schema, int) and schema <= unsealed
