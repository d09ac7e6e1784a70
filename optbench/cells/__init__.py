"""Which cells a study means, who each one is, and the files that hold what became of it. No torch."""
