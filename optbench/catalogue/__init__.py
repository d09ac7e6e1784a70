"""What a study may name.

Optimizers, schedules, workloads and data sets, each kind as entries (data) beside its code.
"""
