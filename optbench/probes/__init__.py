"""What the training loop measures of its own movement (layer 2a; formulas: docs/reference/tables.md)."""
