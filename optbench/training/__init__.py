"""From a cell to a trace, in one process."""
