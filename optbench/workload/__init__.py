"""What a workload of one's own returns (public name of `catalogue/`'s)."""

from optbench.catalogue.workloads.workload import Workload

__all__ = ["Workload"]
