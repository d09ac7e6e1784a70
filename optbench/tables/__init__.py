"""From traces and timings to tables."""
