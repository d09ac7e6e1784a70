"""How the tables of a study are read: as files that may be anybody's.

A table comes from the folder that it is asked from, whatever links lie there, and holds columns of numbers,
words and times: nothing in it is run. What is no table, or holds words where numbers belong, is one line that
names the file.
"""

from __future__ import annotations

import io
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import pyarrow as pa
from pandas.api.types import infer_dtype

from optbench.core.errors import CorruptFileError, one_line
from optbench.core.files import read_json, read_regular
from optbench.core.folders import leads_out, out_of
from optbench.core.text import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

KEYS: Final = frozenset({"cell", "workload", "optimizer", "schedule", "status", "metric", "split"})
"""Columns of names, each with a value in every row."""

WORDS: Final = frozenset(
    {
        *("schedule_a", "schedule_b", "against_optimizer", "against_schedule", "against_leader"),
        *("device", "digest", "error", "execution", "kind", "machine", "noise", "path", "quantity"),
        *("reference", "ruleset", "scale", "test", "trained_again", "unit", "verdict", "default_from"),
        *("settings", "leader_optimizer", "leader_schedule", "left_out"),
        *("what", "name", "against", "least_workload", "most_workload"),
    }
)
"""Columns of other words."""

FLAGS: Final = frozenset(
    {"at_edge", "exploratory", "front", "in_first_grid", "leader", "noisy", "selected", "tied"}
)
"""Columns of yes and no."""

WHOLE: Final = frozenset({"n", "n_ok", "group", "pairs", "place", "seed", "ties", "wins", "k"})
"""Columns of whole numbers, each with a value in every row."""

NUMBERS: Final = frozenset(
    {
        *(
            "estimate",
            "low",
            "high",
            "median",
            "effect",
            "coverage",
            "p",
            "p_adjusted",
            "lr",
            "loss",
            "score",
        ),
        *(
            "score",
            "x",
            "x_low",
            "x_high",
            "y",
            "y_low",
            "y_high",
            "predicted",
            "measured",
            "momentum",
            "share",
        ),
        *("step", "steps", "step_time_us", "step_time_p95_us", "optimizer_step_us", "forward_backward_us"),
        *("batch_us", "ratio_to_sgd", "ratio_low", "ratio_high", "aa_ratio", "aa_low", "aa_high"),
        *("state_bytes_per_param", "peak_memory_bytes", "rounds", "threads", "expected_loss", "best_lr"),
        *("default_lr", "default_regret", "diverging_lr", "tuning_loss", "evaluation_loss", "sensitivity"),
        *("width_decades", "final_val_loss", "best_val_loss", "final_train_loss", "final_test_loss"),
        *("steps_to_target", "train_time_s", "targets_reached", "mean_log_gap", "linear_rate"),
        *("margin", "seeds_needed", "tuning_share", "least", "most"),
    }
)
"""Columns of numbers."""

REQUIRED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "runs": frozenset({"cell", "workload", "optimizer", "schedule", "seed", "status"}),
        "summary": frozenset({"workload", "optimizer", "schedule", "metric", "n", "estimate", "low", "high"}),
        "convergence": frozenset({"workload", "optimizer", "schedule", "split", "metric", "step"}),
        "ranking": frozenset({"workload", "optimizer", "schedule", "metric", "place", "estimate"}),
        "comparisons": frozenset({"metric", "verdict"}),
    }
)
"""Columns that every reader of a table counts on; optbench.tables writes more."""

_OF_WORDS: Final = frozenset({"string", "categorical", "empty"})

ANEW = "optbench run STUDY makes it anew"


def read_frame(file: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """A table of results/<study>/tables.

    Args:
        file: the parquet file.
        columns: which to read; left out: all.

    Raises:
        CorruptFileError: it is no table, lacks a column or a value, has one that is not of its kind, or lies
            elsewhere.
        OSError: it is not there, or may not be read.
    """
    content = read_regular(within_results(file))
    try:
        found = pd.read_parquet(io.BytesIO(content), columns=None if columns is None else list(columns))
    # Arrow's errors are of these; pandas', where the metadata that it keeps in a table makes no sense, too.
    except (OSError, pa.ArrowException, LookupError, TypeError, ValueError, AttributeError) as problem:
        raise CorruptFileError(file, f"is no table: {one_line(problem)} ({ANEW})") from None
    if why := _wrong(found, REQUIRED.get(file.stem, frozenset()) if columns is None else frozenset()):
        raise CorruptFileError(file, f"is not that table: {why} ({ANEW})")
    return found


def _wrong(table: pd.DataFrame, required: frozenset[str]) -> str:
    """What is wrong with a table's columns, by their names, in words; "" where nothing is."""
    if not table.columns.is_unique:
        return "two columns have one name"
    if lacking := sorted(required - set(table.columns)):
        return f"it has no column {lacking[0]}"
    for name in table.columns if len(table) else ():
        if why := _wrong_in(name, table[name]):
            return f"column {shown(name)} {why}"
    return ""


def _wrong_in(name: str, column: pd.Series) -> str:
    if name in KEYS | WHOLE | FLAGS and column.hasnans:
        return "lacks a value"
    kind = infer_dtype(column, skipna=True)
    what, fine = "", True
    if name in KEYS | WORDS:
        what, fine = "words", kind in _OF_WORDS
    elif name in FLAGS:
        what, fine = "yes or no", kind == "boolean"
    elif name in WHOLE:
        what, fine = "whole numbers", kind == "integer"
    elif name in NUMBERS:
        what, fine = "numbers", column.dtype.kind in "iuf" or kind in {"empty", "integer"}
    return "" if fine else f"does not hold {what}"


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
    home = file.parent.parent
    if leads_out(file, home):
        raise out_of(home, file)
    return file
