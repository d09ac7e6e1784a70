"""What may be called better, and the sentence that says it."""
