"""Shares of targets reached, against counts by hand, the bootstrap and Wilson's interval."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from lab.runs import runs_of
from optbench.stats import bootstrap_band, bootstrap_interval, wilson_interval
from optbench.tables.time_to_target import (
    TARGETS,
    share_band,
    study_targets,
    targets_reached_rows,
)

NAN = float("nan")


# --- targets reached --------------------------------------------------------------------------------------


def test_ladder_is_even_in_the_logarithm_of_the_gap():
    targets = study_targets(10.0, 0.1)
    assert len(targets) == TARGETS
    assert targets[-1] == pytest.approx(0.1)
    assert np.ptp(np.diff(np.log(targets))) < 1e-12
    above = study_targets(10.0, 2.0, optimum=1.0)
    assert np.ptp(np.diff(np.log(above - 1))) < 1e-9
    assert above[0] < 10
    assert study_targets(1.0, 2.0) is None
    assert study_targets(1.0, -1.0) is None
    assert study_targets(math.inf, 0.1) is None


def test_time_to_target_counts_pairs_of_run_and_target():
    runs = runs_of([("a", 0, NAN, 1), ("a", 1, NAN, 1)])
    curves = pd.concat(
        [
            pd.DataFrame({"cell": "w/a/constant/0", "step": [0, 1, 2, 3], "value": [1, 1e-2, 0.5, 1e-4]}),
            pd.DataFrame({"cell": "w/a/constant/1", "step": [0, 1], "value": [1, NAN]}),
        ]
    )
    rows = pd.DataFrame(targets_reached_rows(runs, curves, {}))
    # The first run has half of the ladder (to 10^-4 in 20 steps) after one step, keeps it while its loss
    # rises again, and ends with all of it; the second run reaches nothing.
    assert rows["step"].tolist() == [0, 1, 2, 3]
    assert rows["share"].tolist() == pytest.approx([0, 0.25, 0.25, 0.5])
    assert rows["low"].tolist() == [0, 0, 0, 0]
    assert rows["high"].tolist() == pytest.approx([0, 0.5, 0.5, 1])
    assert rows["hardest"].tolist() == pytest.approx([1e-4] * 4)
    assert rows["agreed"].tolist() == [True, False, False, False]


def test_band_of_shares_is_the_bootstrap_of_the_mean():
    shares = np.random.default_rng(3).random((8, 5))
    assert shares.std(axis=0).min() > 0
    low, high = share_band(shares, seed=0)
    for point in range(5):
        found = bootstrap_interval(shares[:, point], np.mean, seed=1, resamples=9999)
        assert low[point] == pytest.approx(found.low, abs=0.02)
        assert high[point] == pytest.approx(found.high, abs=0.02)
    assert np.array_equal(share_band(shares[:3], seed=0)[0], shares[:3].min(axis=0))
    assert np.isnan(share_band(shares[:1], seed=0)[0]).all()
    shuffled = bootstrap_band(shares[[3, 1, 0, 2, 7, 6, 5, 4]], seed=0)
    assert np.allclose(shuffled[0], low)
    with pytest.raises(ValueError, match="2 seeds"):
        bootstrap_band(shares[:1], seed=0)
    with pytest.raises(ValueError, match="resamples"):
        bootstrap_band(shares, seed=0, resamples=9)
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        bootstrap_band(shares + 1, seed=0)


def test_band_where_all_seeds_agree_is_wilsons():
    low, high = share_band(np.tile([0.0, 1.0, 0.25], (6, 1)), seed=0)
    none, all_ = wilson_interval(0, 6), wilson_interval(6, 6)
    assert (low[0], high[0]) == (0, pytest.approx(none.high))
    assert (low[1], high[1]) == (pytest.approx(all_.low), 1)
    # At most the share 0.3903 of all seeds come to anything but 1/4, which may be 0 or 1.
    q = 1.959964**2 / (6 + 1.959964**2)
    assert low[2] == pytest.approx(0.25 * (1 - q), abs=1e-6)
    assert high[2] == pytest.approx(0.25 + 0.75 * q, abs=1e-6)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.95])
def test_band_covers_a_share_near_the_edge(share):
    rng = np.random.default_rng(5)
    drawn = (rng.random((6, 4000)) < share).astype(float)  # 4,000 studies of 6 seeds
    low, high = share_band(drawn, seed=0)
    assert np.mean((low <= share) & (share <= high)) >= 0.93
