"""Conformance of optimizers, schedules and workloads, for a plug-in's own tests (of `training/`).

Each function returns the sentences of what is wrong, none where all is well:

    from optbench.testing import check_optimizer

    def test_mine():
        assert check_optimizer(Mine, lr=0.1, momentum=0.9) == []
"""

from optbench.training.conformance import check_optimizer, check_schedule, check_workload

__all__ = ["check_optimizer", "check_schedule", "check_workload"]
