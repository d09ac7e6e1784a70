"""The front is what nobody beats, by brute force."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optbench.tables.tradeoffs import pareto_front, tradeoff_rows

NAN = float("nan")


# --- trade-offs ------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=9))
def test_front_is_what_nobody_beats(points):
    x, y = [p[0] for p in points], [p[1] for p in points]
    slow = [
        not any(a <= c and b <= d and (a, b) != (c, d) for a, b in points) for c, d in points
    ]  # fmt: skip
    assert pareto_front(x, y).tolist() == slow


def test_front_ignores_what_did_not_arrive():
    assert pareto_front([1, 2, math.inf], [NAN, 5, 0]).tolist() == [False, True, False]


def test_tradeoffs_hold_medians_and_seconds_of_the_whole_budget():
    row = {"workload": "w", "schedule": "c", "n": 4, "n_ok": 4, "low": 0.5, "high": 2.0}
    summary = pd.DataFrame(
        [{**row, "optimizer": o, "metric": m, "estimate": e}
         for (o, loss, steps, path) in (("a", 1.0, 10, 3), ("b", 2.0, 5, 4), ("c", 3.0, math.inf, 5))
         for m, e in (("final_val_loss", loss), ("steps_to_target", steps), ("tortuosity", path))]
    )  # fmt: skip
    timing = pd.DataFrame(
        {
            "workload": "w", "optimizer": ["a", "b"], "step_time_us": [10.0, 20.0],
            "step_time_low": [9.0, 19.0], "step_time_high": [12.0, 21.0], "rounds": 20, "noisy": False,
        }
    )  # fmt: skip
    found = {(r.kind, r.optimizer): r for r in tradeoff_rows(summary, timing, {"w": 1000})}
    assert found["cost", "a"][6:9] == pytest.approx((0.01, 0.009, 0.012))
    assert (found["cost", "a"].front, found["cost", "b"].front) == (True, False)
    assert math.isnan(found["cost", "c"].x)
    assert [found["oscillation", o].front for o in "abc"] == [True, True, False]
    assert {k for k, _ in (key for key in found)} == {"cost", "oscillation"}
    # Times of a noisy machine are on no front and beat nobody: b, else beaten by a, is the best of the quiet.
    loud = tradeoff_rows(summary, timing.assign(noisy=[True, False]), {"w": 1000})
    assert [(r.x, r.front) for r in loud if r.kind == "cost"][:2] == [(0.01, False), (0.02, True)]
    only = tradeoff_rows(summary[summary["metric"] != "tortuosity"], None, {})
    assert list(only) == []
