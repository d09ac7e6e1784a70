"""The summary over seeds ranks failures worst where a measure judges."""

from __future__ import annotations

import numpy as np
import pandas as pd

from optbench.tables.metrics import MEASURE_NAMES, MEASURES, shown_in
from optbench.tables.summary import summary_rows


def test_the_summary_ranks_failures_worst_where_a_measure_judges():
    runs = pd.DataFrame(
        {
            "cell": [f"w/o/s/{seed}" for seed in range(3)],
            "workload": "w",
            "optimizer": "o",
            "schedule": "s",
            "seed": range(3),
            "status": ["ok", "diverged", "diverged"],
            "train_time_s": 1.0,
            **{name: [1.0, np.nan, np.nan] for name in MEASURE_NAMES},
        }
    )
    rows = pd.DataFrame(summary_rows(runs, MEASURES)).set_index("metric")
    wanted = {"lower": np.inf, "higher": -np.inf, "none": 1.0}
    for measure in MEASURES:
        assert rows.loc[measure.name, "estimate"] == wanted[measure.direction], measure.name
        assert rows.loc[measure.name, "n"] == 3


def test_each_table_of_the_page_has_its_measures_from_the_left():
    for page in ("results", "oscillation"):
        shown = shown_in(page)
        assert [measure.place for measure in shown] == list(range(1, len(shown) + 1))
        assert all(measure.head for measure in shown)
    assert shown_in("results")[0].name == "final_val_loss"
    assert not any(measure.head or measure.place for measure in MEASURES if not measure.page)
