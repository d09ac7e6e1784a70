"""What the readers of tables share: the columns that name a combination, and rows as mappings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd

COMBINATION: Final = ["workload", "optimizer", "schedule"]
"""The columns that name a combination."""


def row_dicts(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as mappings."""
    return table.to_dict("records")  # type: ignore[return-value]
