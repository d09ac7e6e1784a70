"""What may be called better, and its sentence: comparisons, rankings, and findings with their evidence."""
