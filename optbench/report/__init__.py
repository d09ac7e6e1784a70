"""What is shown: the study as figures and page read it, and what these two share."""
