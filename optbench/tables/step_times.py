"""The table of step times as others read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optbench.tables.read import read_frame

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def comparable(timing: pd.DataFrame) -> pd.DataFrame:
    """Return the table without the times of workloads whose optimizers were timed in different places.

    A ratio between two machines, devices or thread counts says nothing of the optimizers. Such rows keep
    their names, lose their times and say why in `error`. A table of an earlier version, without the step
    time's interval, gets one whose ends are unknown.
    """
    unknown = {c: np.nan for c in ("step_time_low", "step_time_high") if c not in timing}
    timing = timing.assign(**unknown) if unknown else timing
    place = timing.groupby(["machine", "device", "threads"], dropna=False).ngroup()
    place = place.where(timing["step_time_us"].notna())
    places = place.groupby(timing["workload"]).transform("nunique")
    mixed = (places > 1).to_numpy()
    if not mixed.any():
        return timing
    numbers = [c for c in timing.columns if timing[c].dtype.kind == "f" and c not in ("threads", "rounds")]
    told = timing.loc[mixed].copy()
    told[numbers] = np.nan
    told["error"] = [f"measured in {n} places, which do not compare" for n in places[mixed]]
    return pd.concat([timing.loc[~mixed], told]).sort_index()


def read_times(tables: Path) -> pd.DataFrame | None:
    """Return the times of a study that compare with each other; None where there are none."""
    file = tables / "timing.parquet"
    table = read_frame(file) if file.exists() else None
    return None if table is None or table.empty or "step_time_us" not in table else comparable(table)


def is_quiet(timing: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows were timed on a quiet machine: of the others nothing is said beyond the table."""
    return np.asarray(~timing["noisy"].to_numpy(bool))
