"""The page: from tables and drawings to one HTML file."""
