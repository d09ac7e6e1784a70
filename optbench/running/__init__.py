"""Processes, plans and locks: parents without torch, and the two programs that they start."""
