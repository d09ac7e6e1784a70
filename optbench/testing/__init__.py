"""Conformance of optimizers, schedules and workloads, for a plug-in's own tests (of `training/`).

Each `check_` function returns the sentences of what is wrong, none where all is well:

    from optbench.testing import check_optimizer

    def test_mine():
        assert check_optimizer(Mine, lr=0.1, momentum=0.9) == []

The `examine_` functions take the same and return `.problems`, which are these, and `.warnings`: what is worth
knowing and does no harm in training.
"""

from optbench.training.conformance import (
    check_optimizer,
    check_schedule,
    check_workload,
    examine_optimizer,
    examine_schedule,
    examine_workload,
)

__all__ = [
    "check_optimizer",
    "check_schedule",
    "check_workload",
    "examine_optimizer",
    "examine_schedule",
    "examine_workload",
]
