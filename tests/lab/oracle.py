"""A table of the oracle in which everything happens."""

from __future__ import annotations

import numpy as np
import pandas as pd

ROWS = [
    # fact, topic, predicted, measured, tolerance, verdict, note
    ("rate_gd", "Rates", 0.9, 0.9, 1e-9, "agrees", ""),
    ("rate_hb", "Rates", 0.5, 0.5004, 1e-3, "agrees", ""),
    ("limit_gd", "Limits", 2.0, 2.1, 0.01, "differs", ""),
    ("diverged", "Limits", 5.0, 4.0, 0.0, "differs", ""),
    ("limit_hb", "Limits", 3.0, np.nan, 0.03, "not measured", "the tables hold no run of a/b/<c>"),
]


def found() -> pd.DataFrame:
    columns = ["fact", "topic", "predicted", "measured", "tolerance", "verdict", "note"]
    table = pd.DataFrame(ROWS, columns=columns)
    table["deviation"] = (table["measured"] - table["predicted"]).abs()
    return table.assign(
        what="a quantity", formula="1 - lr h", reason="rounding", source="Somebody 1999", where="a/b/c"
    )
