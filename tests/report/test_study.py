"""What figures and page read alike."""

from __future__ import annotations

import pandas as pd

from optbench.figures import assign_styles, thin
from optbench.report.study import StudyView, by_schedule

# --- small parts ---------------------------------------------------------------------------------------


def test_thin_keeps_the_ends_and_about_forty():
    kept = thin(range(0, 20_001, 5))
    assert (kept[0], kept[-1]) == (0, 20_000)
    assert 30 <= len(kept) <= 42
    assert set(kept) <= set(range(0, 20_001, 5))
    assert thin([3, 1, 2]) == [1, 2, 3]


# --- order by result -----------------------------------------------------------------------------------


def view(losses, status=None):
    """A study of the losses by (workload, optimizer, schedule), a list over seeds each."""
    rows = [
        (*combination, seed, loss, (status or {}).get((*combination, seed), "ok"))
        for combination, values in losses.items()
        for seed, loss in enumerate(values)
    ]
    runs = pd.DataFrame(
        rows, columns=["workload", "optimizer", "schedule", "seed", "final_val_loss", "status"]
    )
    names = [tuple(runs[column].unique()) for column in ("workload", "optimizer", "schedule")]
    return StudyView({}, runs, *names, assign_styles(names[1]))


def test_who_has_the_lower_ranks_comes_first():
    # c is far ahead on u and last on v and w: ranks 1, 3, 3; b has 2, 2, 1 and a 3, 1, 2.
    study = view(
        {(w, o, "s"): [loss] for w, losses in {"u": (3, 2, 1e-9), "v": (1, 2, 3), "w": (2, 1, 3)}.items()
         for o, loss in zip("abc", losses, strict=True)}
    )  # fmt: skip
    assert study.by_result("optimizers") == ("b", "a", "c")
    assert study.by_result("optimizers", "u") == ("c", "b", "a")


def test_medians_over_seeds_decide_and_what_failed_is_last():
    losses = {("u", "a", "s"): [1, 1, 9], ("u", "b", "s"): [2, 2, 2], ("u", "c", "s"): [0, 0, 0]}
    assert view(losses).by_result("optimizers") == ("c", "a", "b")
    failed = {("u", "c", "s", seed): "diverged" for seed in (0, 1)}
    assert view(losses, failed).by_result("optimizers") == ("a", "b", "c")


def test_of_many_schedules_the_best_come_first():
    few = view({("u", "a", f"s{i}"): [9 - i] for i in range(6)})
    assert few.panels() == tuple(f"s{i}" for i in range(6))
    many = view({("u", "a", f"s{i}"): [9 - i] for i in range(7)})
    assert many.panels() == tuple(f"s{i}" for i in reversed(range(7)))


def test_rows_of_a_schedule_are_in_order_of_result():
    study = view({("u", o, s): [loss] for s in "st" for o, loss in (("a", 3), ("b", 1), ("c", 2))})
    found = [(s, list(rows["optimizer"])) for s, rows in by_schedule(study, study.runs, "u")]
    assert found == [("s", ["b", "c", "a"]), ("t", ["b", "c", "a"])]
