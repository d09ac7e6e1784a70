"""What a workload of one's own returns (a door to `catalogue/`)."""

from optbench.catalogue.workloads.workload import Workload

__all__ = ["Workload"]
