"""What the readers of tables share: the columns that name a combination, and rows as mappings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

COMBINATION: Final = ["workload", "optimizer", "schedule"]
"""The columns that name a combination."""


class Combination(NamedTuple):
    """An optimizer under a schedule."""

    optimizer: str
    schedule: str


def row_dicts(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as mappings."""
    return table.to_dict("records")  # type: ignore[return-value]


Key = TypeVar("Key", bound=tuple[str, str])
"""An optimizer under a schedule."""


def first_with(keys: Iterable[Key], optimizer: str) -> Key:
    """Where the reference stands among these: its optimizer's first key, else the first of all.

    Args:
        keys: optimizers under schedules in the study's order, at least one.
        optimizer: the study's reference (`report.reference`).
    """
    known = list(keys)
    return next((key for key in known if key[0] == optimizer), known[0])
