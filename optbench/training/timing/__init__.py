"""Step times on a quiet machine: rounds, what is measured in them, and how noisy the machine was."""
