"""optbench: which optimizer, under which learning-rate schedule, and how sure can I be."""

__version__ = "0.1.0"
