"""Which runs are compared: the largest complete block."""

from __future__ import annotations

import pandas as pd

from optbench.findings.samples import common_block, paired_samples
from optbench.tables.rows import Combination


def test_the_common_block_is_the_largest_complete_one() -> None:
    rows = []
    met = {"w1": "abc", "w2": "abcd", "w3": "ab"}
    for workload, who in met.items():
        rows += [(workload, o, "constant", 0.1, s, "ok", 1.0 + s) for o in who for s in range(2)]
    columns = ["workload", "optimizer", "schedule", "lr", "seed", "status", "final_val_loss"]
    block = common_block(paired_samples(pd.DataFrame(rows, columns=columns), "final_val_loss"), "a")
    assert block is not None
    assert [f.workload for f in block.by_workload] == [
        "w1",
        "w2",
        "w3",
    ]  # 3 x 2 = 6 pairs and more workloads than 2 x 3
    assert block.combinations == (Combination("a", "constant"), Combination("b", "constant"))
    assert {c.optimizer for c in block.left_out} == {"c", "d"}
