"""What the training loop measures of its own movement (layer 2a); docs/metrics.md gives the formulas."""
