"""The built-in workloads: one module for one kind, each function returns a `Workload`."""
