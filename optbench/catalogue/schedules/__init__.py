"""Built-in learning-rate schedules.

`entries` names them, one schedule a file, `make` binds one to a budget.
"""
